"""Filing a dossier."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from contracts import dossiers
from contracts.dossiers import Status
from contracts.money import total
from services.intake.domain import identity
from services.intake.domain.commands import Submit
from services.intake.domain.dossier import CalendarOf, Dossier, Entry, days_after, desk_due, told
from services.intake.domain.moves import MOVES


def submit(dossier: Dossier | None, message: Submit, now: datetime, calendar_of: CalendarOf) -> Decision[Dossier]:
    """File a new dossier; when there are fees it waits for them, else for the desk."""
    if dossier is not None:
        raise Refusal("code_taken", "Mã hồ sơ đã được dùng.", "This dossier code is taken.")
    filed = Dossier(
        **message.model_dump(
            include={
                "code", "procedure", "procedure_version", "procedure_name", "agency", "agency_name", "desk",
                "person_id", "payment_days", "supplement_days", "result", "at_desk", "filed_by", "form",
            }
        ),
        handler=message.agency,
        handler_name=message.agency_name,
        department=message.desk,
        status=Status(MOVES.require(None, Submit).target),
        since=now,
        submitted_at=now,
        processing=message.processing,
        extended=message.extended,
        fee_lines=message.fee_lines,
        appointment=message.appointment,
        stages=message.stages,
        delivery=message.delivery,
        documents=message.documents,
        register_asked=int(message.checks_register),
    )  # fmt: skip
    fee = total(message.fee_lines)
    payment_due = days_after(message.agency, message.payment_days, now, calendar_of) if fee else None
    filed = filed.model_copy(update={"due": desk_due(filed, now, calendar_of)})
    submitted = dossiers.Submitted(
        procedure=filed.procedure,
        procedure_version=filed.procedure_version,
        procedure_name=filed.procedure_name,
        person_id=filed.person_id,
        fee_lines=filed.fee_lines,
        payment_due=payment_due,
        step=filed.step(),
    )
    by = message.filed_by
    at_counter = {} if by is None else {"agency": message.agency}
    body = {"documents": [each.name for each in filed.documents], "at_desk": list(filed.at_desk), **at_counter}
    filed = told(filed, Entry(at=now, kind="submitted", by=by, role="officer" if by else "citizen", body=body))
    calls = (identity.question(filed),) if message.checks_register else ()
    if not fee:
        return Decision(filed, (submitted,), calls=calls)
    waiting = filed.model_copy(update={"status": Status.FINANCIAL_DUTY, "due": payment_due})
    requested = dossiers.FeesRequested(amount=fee, step=waiting.step())
    return Decision(waiting, (submitted, requested), calls=calls)
