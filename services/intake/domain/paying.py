"""Fees: those that came up later, and what payments says of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.decider import At, Decision
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import dossiers, payments
from contracts.dossiers import Status
from contracts.money import FeeLine, total
from services.intake.domain import deadline as clocks
from services.intake.domain.commands import RequestFees, SupplementOver, WithdrawFees
from services.intake.domain.desk import held
from services.intake.domain.dossier import CalendarOf, Dossier, Entry, days_after, decided, desk_due, known, resting
from services.intake.domain.fees import FeesAsked
from services.intake.domain.moves import WARNINGS, by_officer, held_here, officers, promised, to
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
    # Named by the number of its event: no other request of the dossier has that.
    request_id = derived_id(dossier.person_id, f"fees of {dossier.code}, event {dossier.sequence + 1}")
    asked = FeesAsked(request_id=request_id, lines=message.fee_lines)
    waiting = to(dossier, RequestFees, now, clock=clock, due=due, result_due=None, fee_lines=lines, fees_asked=asked)
    return decided(
        waiting,
        lambda step: dossiers.FeesRequested(
            amount=amount,
            fee_lines=message.fee_lines,
            payment_due=due,
            person_id=dossier.person_id,
            request_id=request_id,
            step=step,
        ),
        officers(message, "fees_requested", now, amount=amount, due=due),
        cancels=WARNINGS,
    )


def withdraw_fees(
    dossier: Dossier | None, message: WithdrawFees, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier]:
    """The agency takes back what it asked for by mistake: nobody owes it, and on goes the dossier where it was.

    Only who might have asked for them takes them back. Raises Refusal 409 for fees that cannot be taken back: those of the
    form, and those that nobody waits for any more.
    """
    dossier = by_officer(dossier, message)
    dossier = held_here(dossier, message) if resting(dossier) == Status.PROCESSING else dossier
    asked = _taken_back(dossier)
    amount = total(asked.lines)
    # What was asked for last stands last: nothing is added while the dossier waits.
    owed = dossier.fee_lines[: -len(asked.lines)]
    on, timers = _going_on(dossier, WithdrawFees, now, calendar_of, fee_lines=owed)
    return decided(
        on,
        lambda step: dossiers.FeesWithdrawn(
            request_id=asked.request_id, amount=amount, reason=message.reason, step=step
        ),
        officers(message, "fees_withdrawn", now, amount=amount, reason=message.reason),
        timers,
    )


def settle_fees(
    dossier: Dossier | None, event: Event[payments.Succeeded], now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier] | None:
    """The fees are paid: on it goes where it was, unless its citizen wants it back. Nothing to do where they were not awaited."""
    dossier = known(dossier)
    if not _awaits(dossier, event.data.request_id):
        return None
    on, timers = _going_on(dossier, payments.Succeeded, now, calendar_of)
    entry = Entry(at=now, kind="fees_settled", by=None, role="system", body={"amount": event.data.amount})
    return decided(on, lambda step: dossiers.FeesSettled(step=step), entry, timers)


def stop_unpaid(dossier: Dossier | None, event: Event[payments.Expired], now: datetime) -> Decision[Dossier] | None:
    """Nobody paid in time: the dossier is stopped."""
    dossier = known(dossier)
    if not _awaits(dossier, event.data.request_id):
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


def _taken_back(dossier: Dossier) -> FeesAsked:
    """The request that the dossier waits for. Raises Refusal 409 where it waits for none, or for one that must stay."""
    if not _awaits_fees(dossier):
        raise Refusal(
            "no_fees_awaited",
            "Hồ sơ không chờ nộp phí nào nên không có yêu cầu để rút. Tiền đã nộp thừa thì hoàn trả ở phần thu phí.",
            "The dossier waits for no fees: there is no request to take back. What was paid too much is refunded as a payment.",
        )
    if dossier.fees_asked is None:
        raise Refusal(
            "fees_must_stay",
            "Phí theo tờ khai (và yêu cầu lập trước khi hệ thống hỗ trợ rút) không rút được. Nếu phí này sai, người nộp có "
            "thể rút hồ sơ rồi nộp lại với tờ khai đúng.",
            "The fees of the form (and a request of before this was possible) cannot be taken back. If they are wrong, the "
            "citizen may withdraw the dossier and file it anew with a right form.",
        )
    return dossier.fees_asked


def _going_on(
    dossier: Dossier, message: type, now: datetime, calendar_of: CalendarOf, **changes: Any
) -> tuple[Dossier, tuple[At, ...]]:
    """The dossier that waits for fees no longer: where it was, its clock running, or still with a citizen who wants it back."""
    back, clock = resting(dossier), dossier.clock and clocks.resumed(dossier.clock, now, HELD_BY_FEES)
    changes |= {"clock": clock, "fees_asked": None}
    if dossier.status == Status.WITHDRAWAL_ASKED:
        on = to(dossier, message, now, before=back, since=dossier.since, **changes)
    else:
        on = to(dossier, message, now, back, **changes)
    on, timers = promised(on, calendar_of)
    return on.model_copy(update={"due": _step_due(on, now, calendar_of)}), timers


def _awaits(dossier: Dossier, request_id: UUID | None) -> bool:
    """Whether the dossier waits for just this bill, and not for another one after it; bills of before name no request."""
    asked = dossier.fees_asked
    return _awaits_fees(dossier) and (request_id is None or (asked is not None and asked.request_id == request_id))


def _awaits_fees(dossier: Dossier) -> bool:
    leaving = dossier.status == Status.WITHDRAWAL_ASKED
    return (dossier.before if leaving else dossier.status) == Status.FINANCIAL_DUTY


def _step_due(dossier: Dossier, now: datetime, calendar_of: CalendarOf) -> datetime | None:
    """Until when the step that goes on has to be done."""
    if dossier.clock is None:
        return desk_due(dossier, now, calendar_of)
    return dossier.result_due if dossier.stage is None else stage_due(dossier, dossier.stage, now, calendar_of)
