"""Is a form right? Everything that is wrong with it, at once, in Vietnamese and English, and what it says when nothing is.

What a JSON Schema can say stands in the catalogue; what it cannot, in `kinds`, `rules` and `enclosures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from chassis.errors import NotFound, Refusal
from services.intake.domain import enclosures, fees, rules, whole_form
from services.intake.domain.applicant import Applicant
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.clean import clean
from services.intake.domain.problem import Problems
from services.intake.domain.procedure import Procedure
from services.intake.domain.schema import Schema, compiled, tell

_APPLICANT = tuple((f"applicant.{name}", name) for name in ("name", "birth_date", "phone", "email", "citizen_id"))


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was found right.

    `documents` are ids of uploads by their place; whether these exist and are the citizen's is not known here.
    """

    procedure: str
    version: int
    agency: str
    applicant: Applicant
    details: Mapping[str, Any]
    case: str | None = None
    documents: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)
    at_desk: tuple[str, ...] = ()
    delivery: Mapping[str, str] | None = None

    def filed(self) -> dict[str, Any]:
        """As JSON, the way it was filed: what is kept, and what fees are counted from."""
        form: dict[str, Any] = {
            "procedure": self.procedure,
            "version": self.version,
            "agency": self.agency,
            "applicant": self.applicant.model_dump(mode="json", exclude_none=True),
            "details": dict(self.details),
        }
        if self.case is not None:
            form["case"] = self.case
        if self.documents:
            form["documents"] = {key: [str(each) for each in ids] for key, ids in self.documents.items()}
        if self.at_desk:
            form["at_desk"] = list(self.at_desk)
        if self.delivery is not None:
            form["delivery"] = dict(self.delivery)
        return form


class Schemas:
    """The compiled schemas of forms, each made when it is first asked for. One for a process."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, int, tuple[str, ...]], tuple[Procedure, Schema]] = {}
        self._of_any: tuple[Catalogue, Schema] | None = None

    def of(self, procedure: Procedure, catalogue: Catalogue) -> Schema:
        key = (procedure.code, procedure.version, procedure.agencies)
        made = self._made.get(key)
        if made is None or made[0] is not procedure:
            # The catalogue was read anew; mostly it says the same.
            same = made is not None and made[0] == procedure
            schema = made[1] if made is not None and same else compiled(catalogue.form(procedure), _APPLICANT)
            made = self._made[key] = (procedure, schema)
        return made[1]

    def of_any(self, catalogue: Catalogue) -> Schema:
        """What all forms ask, for one whose procedure is not known."""
        if self._of_any is None or self._of_any[0] is not catalogue:
            schema = whole_form.of_any(tuple(catalogue.procedures), catalogue.applicant)
            self._of_any = (catalogue, compiled(schema, _APPLICANT))
        return self._of_any[1]


def check(typed: Any, catalogue: Catalogue, today: date, schemas: Schemas) -> Form:
    """The form's content. Raises Refusal 422 that lists every wrong field, 100 at most."""
    wrong = Problems()
    form = clean(typed, wrong)
    procedure = _in_force(form, catalogue, today, wrong)
    return _checked(procedure, form, catalogue, today, schemas, wrong)


def check_details(
    procedure: Procedure, agency: str, typed: Any, catalogue: Catalogue, today: date, schemas: Schemas
) -> Form:
    """The same for a form that is supplemented or corrected, under the version that its dossier is pinned to.

    Raises Refusal 422 that lists every wrong field, 100 at most; the agency cannot be changed.
    """
    wrong = Problems()
    form = clean(typed, wrong)
    if isinstance(form, dict) and form.get("agency", agency) != agency:
        tell("const", "agency", wrong)
    return _checked(procedure, form, catalogue, today, schemas, wrong)


def for_fees(typed: Any, catalogue: Catalogue, today: date, schemas: Schemas) -> tuple[Procedure, dict[str, Any]]:
    """The procedure and the form as they are when it is filed today; only what fees depend on has to be right.

    Raises Refusal 422 that lists what is wrong with that.
    """
    found = Problems()
    form = clean(typed, found)
    procedure = _in_force(form, catalogue, today, found)
    wrong = found.about(
        {"form", "procedure", "agency", "version"} | (fees.needs(procedure, today) if procedure else set())
    )
    _examine(procedure, form, catalogue, today, schemas, wrong)
    wrong.raise_any()
    assert procedure is not None
    return procedure, form


def _in_force(form: Any, catalogue: Catalogue, today: date, wrong: Problems) -> Procedure | None:
    """The version that the form is for; an agency's other names become its code. None when nothing is in force.

    What an agency does not take is judged as it is in the whole country, so that all its other errors are told too.
    """
    code, name = (form.get("procedure"), form.get("agency")) if isinstance(form, dict) else (None, None)
    if not isinstance(code, str):
        return None
    found = catalogue.on(code, today)
    try:
        agency = catalogue.agency(name if isinstance(name, str) else "").code
        form["agency"] = agency
        found = catalogue.in_force(code, agency, today)
    except NotFound:
        pass  # the schema says which there are
    except Refusal as refusal:
        path = "agency" if refusal.code == "wrong_agency" else "procedure"
        wrong.add(path, refusal.code, refusal.vi, refusal.en)
    if found is None and not wrong.at("procedure"):
        tell("enum", "procedure", wrong)
    seen = form.get("version")
    if found is not None and type(seen) is int and seen != found.version:
        wrong.add(
            "version", "version",
            f"Thủ tục này nay có phiên bản {found.version}; hãy mở lại tờ khai rồi nộp.",
            f"Version {found.version} of this procedure is in force now; open its form again.",
        )  # fmt: skip
    return found


def _checked(
    procedure: Procedure | None, form: Any, catalogue: Catalogue, today: date, schemas: Schemas, wrong: Problems
) -> Form:
    _examine(procedure, form, catalogue, today, schemas, wrong)
    wrong.raise_any()
    assert procedure is not None
    return Form(
        procedure.code,
        procedure.version,
        form["agency"],
        Applicant(**form["applicant"]),
        form["details"],
        form.get("case"),
        {key: tuple(map(UUID, ids)) for key, ids in form.get("documents", {}).items()},
        tuple(form.get("at_desk", ())),
        form.get("delivery"),
    )


def _examine(
    procedure: Procedure | None, form: Any, catalogue: Catalogue, today: date, schemas: Schemas, wrong: Problems
) -> None:
    """Adds to `wrong` all that is wrong, and puts into the form what it says in the way it is kept."""
    if isinstance(form, dict) and isinstance(form.get("documents"), dict):
        form["documents"] = {key: _in_small_letters(ids) for key, ids in form["documents"].items()}
    schema = schemas.of_any(catalogue) if procedure is None else schemas.of(procedure, catalogue)
    schema.check(form, wrong)
    if not isinstance(form, dict):
        return
    rules.hide(schema, form, wrong)
    rules.keep(schema, form, today, wrong)
    applicant = form.get("applicant")
    if isinstance(applicant, dict) and not applicant.keys() & {"phone", "email"}:
        wrong.add(
            "applicant.phone", "no_contact", "Cần số điện thoại hoặc thư điện tử để nhận thông báo.",
            "Give a phone number or an e-mail address for notices.",
        )  # fmt: skip
    if procedure is not None:
        rules.judge(procedure.rules, schema, form, today, wrong)
        rules.paid(procedure, form, today, wrong)
        enclosures.check(procedure, form, wrong)


def _in_small_letters(ids: Any) -> Any:
    """Ids of uploads as they are kept: one id is one text."""
    return [each.lower() if isinstance(each, str) else each for each in ids] if isinstance(ids, list) else ids
