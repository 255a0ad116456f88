"""Forms for tests: the catalogue's own example, with some fields typed otherwise."""

from __future__ import annotations

from datetime import date
from typing import Any

from chassis.errors import Refusal
from services.intake.domain import catalogue, form
from services.intake.domain.catalogue import Catalogue, Offered, Procedure
from services.intake.domain.form import Form, Schemas

CATALOGUE = catalogue.load()
PROCEDURE = CATALOGUE.procedures["1.002809"]
AGENCY = CATALOGUE.agencies["G09.20"]
TODAY = date(2026, 6, 9)
SCHEMAS = Schemas()


def filled(details: dict[str, Any] | None = None, **applicant: Any) -> dict[str, Any]:
    """A right form, but for the changes; a field whose change is None is left out."""
    example = CATALOGUE.example(PROCEDURE)
    typed = {name: value for name, value in (example["applicant"] | applicant).items() if value is not None}
    return example | {"applicant": typed, "details": example["details"] | (details or {})}


def catalogue_of(*procedures: Procedure) -> Catalogue:
    """The agencies and the applicant's fields of the data files, with other procedures."""
    offered = {each.code: (Offered(each, True),) for each in procedures}
    return Catalogue(offered, CATALOGUE.agencies, (), CATALOGUE.applicant)


def checked(typed: Any) -> Form:
    return form.check(typed, CATALOGUE, TODAY, SCHEMAS)


def refused(typed: Any) -> dict[str, set[str]]:
    """The codes of what is wrong, by path; nothing when the form is right."""
    found: dict[str, set[str]] = {}
    for error in _errors(typed):
        assert set(error) == {"path", "code", "vi", "en"}
        assert all(error.values())
        found.setdefault(error["path"], set()).add(error["code"])
    return found


def _errors(typed: Any) -> tuple[dict[str, str], ...]:
    try:
        checked(typed)
    except Refusal as refusal:
        return refusal.errors if refusal.status == 422 else ({"status": str(refusal.status)},)
    return ()
