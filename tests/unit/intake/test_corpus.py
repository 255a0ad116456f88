"""Bad forms as data: each change of a right form, and exactly what is said of it, by path and code."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chassis.errors import Refusal
from services.intake.domain import form as forms
from tests.forms import TODAY
from tests.unit.intake.procedures import CORPUS, KNOWN, PROCEDURES, changed, right

SCHEMAS = forms.Schemas()
CASES = [
    pytest.param(name, case, id=f"{name}: {case['name']}")
    for name in PROCEDURES
    for case in yaml.safe_load((CORPUS / f"{name}.yaml").read_text("utf-8"))
]


@pytest.mark.parametrize(("procedure", "case"), CASES)
def test_a_changed_form_is_refused_for_what_was_changed_and_nothing_else(procedure: str, case: dict[str, Any]) -> None:
    form = right(procedure)
    for path, value in case["change"].items():
        changed(form, path, value)
    assert judged(form, case.get("kept", {})) == {path: set(codes) for path, codes in case["wrong"].items()}


def judged(form: dict[str, Any], kept: dict[str, Any]) -> dict[str, set[str]]:
    """The codes of what is wrong, by path; of a right form, what is kept is as it should be."""
    try:
        found = forms.check(form, KNOWN, TODAY, SCHEMAS).filed()
    except Refusal as refusal:
        wrong: dict[str, set[str]] = {}
        for error in refusal.errors:
            wrong.setdefault(error["path"], set()).add(error["code"])
        return wrong
    assert {path: at(found, path) for path in kept} == kept
    return {}


def at(form: Any, path: str) -> Any:
    for part in path.split("."):
        form = form[int(part) if isinstance(form, list) else part]
    return form


def test_the_corpus_has_cases_for_every_procedure_in_it() -> None:
    assert {file.stem for file in CORPUS.glob("*.yaml")} == {*PROCEDURES, "procedures"}
