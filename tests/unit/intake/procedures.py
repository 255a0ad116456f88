"""The procedures that the corpus of bad forms is for, a right form of each, and how a form is changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from services.intake.domain.procedure import Procedure
from tests.forms import CATALOGUE, PROCEDURE, catalogue_of, filled

CORPUS = Path(__file__).with_name("corpus")
_COMMON: dict[str, Any] = {
    "version": 1,
    "online": "full",
    "effective_from": "2026-01-01",
    "certainty": {},
    "processing": {"amount": 3},
    "result": "Kết quả",
    "legal_bases": [{"name": "Luật Hộ tịch 60/2014/QH13"}],
    "process": [{"key": "tham_dinh", "name": "Thẩm định", "department": "Tư pháp"}],
}

_READ: dict[str, dict[str, Any]] = yaml.safe_load((CORPUS / "procedures.yaml").read_text("utf-8"))
_FORMS = {name: each.pop("form") for name, each in _READ.items()}

_REAL = ("1.000894", "1.001612", "2.000033", "2.000488")

PROCEDURES = {
    **{name: Procedure.model_validate(_COMMON | each) for name, each in _READ.items()},
    "licence": PROCEDURE,
    **{code: CATALOGUE.procedure(code) for code in _REAL},
}
KNOWN = catalogue_of(*PROCEDURES.values())


def right(name: str) -> dict[str, Any]:
    """A right form of this procedure, to be changed at will."""
    if name in _FORMS:
        return copy.deepcopy({"applicant": filled()["applicant"], **_FORMS[name]})
    return copy.deepcopy(CATALOGUE.example(PROCEDURES[name]))


def changed(form: dict[str, Any], path: str, value: Any) -> None:
    """Puts a value at a dotted path; `<removed>` takes away what is there."""
    *way, last = path.split(".")
    place: Any = form
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    key: Any = int(last) if isinstance(place, list) else last
    if value == "<removed>":
        del place[key]
    elif isinstance(place, list) and key == len(place):
        place.append(value)
    else:
        place[key] = value
