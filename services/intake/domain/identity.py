"""Who filed a dossier, held against the civil register: differences are shown, never taken over."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from chassis.decider import Call, Decision
from chassis.identifiers import derived_id
from services.intake.domain.dossier import Dossier, Entry, known, told
from services.intake.domain.register import CheckRegister, RegisterAnswered, Sex

_SEXES: dict[str, Sex] = {"nam": "male", "nữ": "female"}


def question(dossier: Dossier) -> Call:
    """What the register is asked about the applicant of a new dossier."""
    applicant: dict[str, Any] = dossier.form["applicant"]
    request = CheckRegister(
        code=dossier.code,
        citizen_id=applicant["citizen_id"],
        name=applicant["name"],
        birth_date=date.fromisoformat(applicant["birth_date"]),
        sex=_SEXES.get(applicant["sex"]),
    )
    return Call(derived_id(dossier.person_id, f"{dossier.code}/register"), request)


def note_register(dossier: Dossier | None, message: RegisterAnswered, now: datetime) -> Decision[Dossier]:
    """Keep what the register has otherwise, for officers to see; the form stays as it was typed.

    The citizen learns which fields differ and not what the register has: who typed an id need not be its owner.
    """
    dossier = known(dossier)
    check = message.model_dump(mode="json")
    entries = [Entry(at=now, kind="register_checked", by=None, role="system", body=without_values(check))]
    if message.differences:
        body = {"differences": check["differences"]}
        entries.append(Entry(at=now, kind="register_differences", by=None, role="system", shown=False, body=body))
    return Decision(told(dossier.model_copy(update={"register_check": check}), *entries))


def without_values(check: dict[str, Any]) -> dict[str, Any]:
    """The register's answer as the citizen may see it: which fields differ, and how."""
    differences = [{name: each[name] for name in ("field", "kind")} for each in check["differences"]]
    return {**check, "differences": differences}
