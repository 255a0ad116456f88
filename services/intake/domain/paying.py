"""Fees: those that came up later, and what payments says of them."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from chassis.envelope import Event
from chassis.errors import Refusal
from contracts import dossiers, payments
from contracts.dossiers import Status
from contracts.money import FeeLine, total
from services.intake.domain import deadline as clocks
from services.intake.domain.commands import RequestFees, SupplementOver
from services.intake.domain.desk import held
from services.intake.domain.dossier import CalendarOf, Dossier, Entry, days_after, decided, desk_due, known, resting
from services.intake.domain.moves import WARNINGS, by_officer, officers, promised, to
from services.intake.domain.process import stage_due

HELD_BY_FEES = "fees"
_MOST = 10**12  # đồng, the largest amount of contracts.money.Dong
_UNPAID = "Quá hạn thực hiện nghĩa vụ tài chính"


def request_fees(
    dossier: Dossier | None, message: RequestFees, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier]:
    """Fees came up later: the dossier waits for them, and its clock with it.

    Raises Refusal 422 for a fee that is named twice, and for more than any bill may say.
    """
    dossier = by_officer(dossier, message)
    _check(message.fee_lines)
    due = days_after(dossier.agency, dossier.payment_days, now, calendar_of)
    amount = total(message.fee_lines)
    clock = dossier.clock and clocks.paused(dossier.clock, now, HELD_BY_FEES)
    lines = (*dossier.fee_lines, *message.fee_lines)
    waiting = to(dossier, RequestFees, now, clock=clock, due=due, result_due=None, fee_lines=lines)
    return decided(
        waiting,
        lambda step: dossiers.FeesRequested(
            amount=amount, fee_lines=message.fee_lines, payment_due=due, person_id=dossier.person_id, step=step
        ),
        officers(message, "fees_requested", now, amount=amount, due=due),
        cancels=WARNINGS,
    )


def settle_fees(
    dossier: Dossier | None, event: Event[payments.Succeeded], now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier] | None:
    """The fees are paid: on it goes where it was, unless its citizen wants it back. Nothing to do where they were not awaited."""
    dossier = known(dossier)
    if not _awaits_fees(dossier):
        return None
    back, clock = resting(dossier), dossier.clock and clocks.resumed(dossier.clock, now, HELD_BY_FEES)
    if dossier.status == Status.WITHDRAWAL_ASKED:
        paid = to(dossier, payments.Succeeded, now, before=back, clock=clock, since=dossier.since)
    else:
        paid = to(dossier, payments.Succeeded, now, back, clock=clock)
    paid, timers = promised(paid, calendar_of)
    paid = paid.model_copy(update={"due": _step_due(paid, now, calendar_of)})
    entry = Entry(at=now, kind="fees_settled", by=None, role="system", body={"amount": event.data.amount})
    return decided(paid, lambda step: dossiers.FeesSettled(step=step), entry, timers)


def stop_unpaid(dossier: Dossier | None, event: Event[payments.Expired], now: datetime) -> Decision[Dossier] | None:
    """Nobody paid in time: the dossier is stopped."""
    dossier = known(dossier)
    if not _awaits_fees(dossier):
        return None
    stopped = to(dossier, payments.Expired, now, due=None, grounds=_UNPAID, clock=held(dossier, now))
    entry = Entry(at=now, kind="stopped", by=None, role="system", paper="05", body={"reason": _UNPAID})
    return decided(
        stopped,
        lambda step: dossiers.Stopped(reason=_UNPAID, cause="unpaid", accepted=dossier.clock is not None, step=step),
        entry,
        cancels=(*WARNINGS, SupplementOver),
    )


def _check(lines: tuple[FeeLine, ...]) -> None:
    codes = [line.code for line in lines]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise Refusal(
            "fee_twice",
            f"Khoản phí được ghi hai lần: {', '.join(twice)}. Hãy gộp thành một dòng.",
            f"Fees are named twice: {', '.join(twice)}. Make one line of each.",
            422,
        )
    if total(lines) > _MOST:
        raise Refusal(
            "fees_too_large",
            f"Tổng số tiền yêu cầu vượt quá {_MOST:,} đồng; hãy xem lại từng khoản.".replace(",", "."),
            f"The fees are more than {_MOST:,} đồng together; look at each again.",
            422,
        )


def _awaits_fees(dossier: Dossier) -> bool:
    leaving = dossier.status == Status.WITHDRAWAL_ASKED
    return (dossier.before if leaving else dossier.status) == Status.FINANCIAL_DUTY


def _step_due(dossier: Dossier, now: datetime, calendar_of: CalendarOf) -> datetime | None:
    """Until when the step that goes on has to be done."""
    if dossier.clock is None:
        return desk_due(dossier, now, calendar_of)
    return dossier.result_due if dossier.stage is None else stage_due(dossier, dossier.stage, now, calendar_of)
