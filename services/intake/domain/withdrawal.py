"""A citizen wants a dossier back; the agency lets it go, or says why not."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from contracts import dossiers
from contracts.dossiers import Status
from services.intake.domain.commands import AskWithdrawal, DeclineWithdrawal, GrantWithdrawal, SupplementOver
from services.intake.domain.desk import held
from services.intake.domain.dossier import CalendarOf, Dossier, decided, desk_due
from services.intake.domain.moves import WARNINGS, by_citizen, by_officer, citizens, officers, to

_WISH = "Người nộp yêu cầu rút hồ sơ"


def ask_withdrawal(dossier: Dossier | None, message: AskWithdrawal, now: datetime) -> Decision[Dossier]:
    """The citizen asks for the dossier back; meanwhile its clock runs on."""
    dossier = by_citizen(dossier, message)
    asked = to(dossier, AskWithdrawal, now, before=dossier.status)
    return decided(
        asked,
        lambda step: dossiers.WithdrawalRequested(step=step),
        citizens(message, "withdrawal_requested", now, reason=message.reason),
    )


def grant_withdrawal(dossier: Dossier | None, message: GrantWithdrawal, now: datetime) -> Decision[Dossier]:
    """The dossier is stopped as its citizen wished. Final."""
    dossier = by_officer(dossier, message)
    stopped = to(
        dossier,
        GrantWithdrawal,
        now,
        officer=message.officer,
        department=message.department or dossier.department,
        grounds=_WISH,
        due=None,
        clock=held(dossier, now),
    )
    return decided(
        stopped,
        lambda step: dossiers.Stopped(reason=_WISH, cause="withdrawn", accepted=dossier.clock is not None, step=step),
        officers(message, "stopped", now, "05", reason=_WISH),
        cancels=(*WARNINGS, SupplementOver),
    )


def decline_withdrawal(
    dossier: Dossier | None, message: DeclineWithdrawal, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier]:
    """The dossier goes on where it was; back at the desk, the desk's day counts from now."""
    dossier = by_officer(dossier, message)
    due = desk_due(dossier, now, calendar_of) if dossier.before == Status.REGISTERED else dossier.due
    on = to(dossier, DeclineWithdrawal, now, dossier.before, before=None, due=due)
    return decided(
        on,
        lambda step: dossiers.WithdrawalDeclined(reason=message.reason, step=step),
        officers(message, "withdrawal_declined", now, reason=message.reason),
    )
