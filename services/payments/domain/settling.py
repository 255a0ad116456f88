"""A person settles what the rules cannot: a page took another amount, or other money, than it asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.decider import At, Decision
from chassis.errors import Refusal
from services.payments.domain.bill import Bill, BillState, Capture, known, to
from services.payments.domain.ending import ended_unpaid, reminders
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import BillExpiry, Settle
from services.payments.domain.money import taken_for_fees
from services.payments.domain.opening import told_open
from services.payments.domain.pages import closing
from services.payments.domain.refunding import all_back, joined


def settle(bill: Bill | None, message: Settle, now: datetime) -> Decision[Bill] | None:
    """Return the money, and the bill goes on where it may; or take it for the fees, where it is enough.

    Raises Refusal `nothing_to_settle`, `not_enough`.
    """
    bill = known(bill)
    if bill.state != "discrepancy":
        raise Refusal("nothing_to_settle", "Khoản phí này không có chênh lệch.", "This bill has no discrepancy.")
    disputed = _disputed(bill)
    if message.action == "accept":
        if disputed.currency != bill.currency or disputed.amount < bill.outstanding or bill.void_reason:
            raise Refusal(
                "not_enough",
                "Số tiền này không đủ, hoặc khoản phí đã hủy: chỉ có thể hoàn trả.",
                "It is not enough, or the bill is void: it can only be returned.",
            )
        accepted = disputed.model_copy(update={"by": message.by, "reason": message.reason})
        return taken_for_fees(bill, accepted, now, Settle)
    returned = all_back(bill, [disputed], message.reason, now, message.by)
    return joined(returned, _goes_on(returned.state, now))


def _disputed(bill: Bill) -> Capture:
    """The money that nobody decided about yet."""
    decided = {each.capture_id for each in bill.refunds}
    return next(each for each in bill.captures if each.use == "apart" and each.capture_id not in decided)


def _goes_on(bill: Bill, now: datetime) -> Decision[Bill]:
    """The bill is open again or over, as soon as no page of it can be paid any more."""
    waiting = _with_its_open_page(bill)
    is_open = bill.void_reason is None and bill.due > now
    if waiting is None:
        if not is_open:
            return ended_unpaid(to(bill, Settle, "expired" if bill.void_reason is None else "cancelled"), now)
        return _payable_again(bill, "open", now)
    if is_open:
        return replace(_payable_again(waiting, "closing", now), calls=closing(waiting.attempt))
    on_the_way: BillState = "expiring" if bill.void_reason is None else "withdrawing"
    return Decision(to(waiting, Settle, on_the_way), calls=closing(waiting.attempt))


def _payable_again(bill: Bill, state: BillState, now: datetime) -> Decision[Bill]:
    timers = (At(bill.due, BillExpiry()), *reminders(bill.due, now))
    return Decision(to(bill, Settle, state), (told_open(bill),), timers=timers)


def _with_its_open_page(bill: Bill) -> Bill | None:
    """The bill whose running page is the one that is being closed; none where all are closed, given up, or never will be."""
    waited_for = (each for each in bill.past if not each.closed and each.abandoned_by is None)
    page = next((each for each in waited_for if manner_of(each.gateway).closes != "never"), None)
    if page is None:
        return None
    past = tuple(each for each in bill.past if each is not page)
    return bill.model_copy(update={"attempt": page, "past": past})
