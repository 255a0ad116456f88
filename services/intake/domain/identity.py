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
    """What the register is asked about the applicant; each further question of a dossier is a call of its own."""
    applicant: dict[str, Any] = dossier.form["applicant"]
    request = CheckRegister(
        code=dossier.code,
        number=dossier.register_asked,
        citizen_id=applicant["citizen_id"],
        name=applicant["name"],
        birth_date=date.fromisoformat(applicant["birth_date"]),
        sex=_SEXES.get(applicant["sex"]),
    )
    again = f"/{dossier.register_asked}" if dossier.register_asked > 1 else ""
    return Call(derived_id(dossier.person_id, f"{dossier.code}/register{again}"), request)


def asked_anew(before: Dossier, after: Dossier) -> tuple[Dossier, tuple[Call, ...]]:
    """A dossier after its form was changed: when it now says otherwise who applies, the register is asked anew.

    What it answered about somebody else is cleared. Where it was never asked, it is not asked now.
    """
    if not before.register_asked or _asked_of(before) == _asked_of(after):
        return after, ()
    waiting = after.model_copy(update={"register_check": None, "register_asked": before.register_asked + 1})
    return waiting, (question(waiting),)


def note_register(dossier: Dossier | None, message: RegisterAnswered, now: datetime) -> Decision[Dossier] | None:
    """Keep what the register has otherwise, for officers to see; the form stays as it was typed.

    An answer to a question that was asked anew since is none. The citizen learns which fields differ and not what the register has: who typed an id need not be its owner.
    """
    dossier = known(dossier)
    if message.number != dossier.register_asked:
        return None
    check = message.model_dump(mode="json", exclude={"number"})
    entries = [Entry(at=now, kind="register_checked", by=None, role="system", body=without_values(check))]
    if message.differences:
        body = {"differences": check["differences"]}
        entries.append(Entry(at=now, kind="register_differences", by=None, role="system", shown=False, body=body))
    return Decision(told(dossier.model_copy(update={"register_check": check}), *entries))


def without_values(check: dict[str, Any]) -> dict[str, Any]:
    """The register's answer as the citizen may see it: which fields differ, and how."""
    differences = [{name: each[name] for name in ("field", "kind")} for each in check["differences"]]
    return {**check, "differences": differences}


def _asked_of(dossier: Dossier) -> list[Any]:
    applicant = dossier.form.get("applicant", {})
    return [applicant.get(name) for name in ("citizen_id", "name", "birth_date", "sex")]
