"""A person settles what the rules cannot: a page took another amount, or other money, than it asked for."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import At, Decision
from chassis.errors import Refusal
from contracts import payments
from services.payments.domain.bill import Bill, Capture, known, to
from services.payments.domain.ending import ended_unpaid, reminders
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import BillExpiry, Settle
from services.payments.domain.money import taken_for_fees
from services.payments.domain.refunding import all_back, joined


def settle(bill: Bill | None, message: Settle, now: datetime) -> Decision[Bill] | None:
    """Return the money, and the bill goes on where it may; or take it for the fees, where it is enough.

    Raises Refusal `nothing_to_settle`, `not_enough`, `page_closing`.
    """
    bill = known(bill)
    if bill.state != "discrepancy":
        raise Refusal("nothing_to_settle", "Khoản phí này không có chênh lệch.", "This bill has no discrepancy.")
    disputed = _disputed(bill)
    if message.action == "accept":
        if disputed.currency != bill.currency or disputed.amount < bill.outstanding or bill.void_reason:
            raise Refusal(
                "not_enough",
                "Số tiền này không đủ, hoặc hồ sơ đã dừng: chỉ có thể hoàn trả.",
                "It is not enough, or the dossier goes no further: it can only be returned.",
            )
        return taken_for_fees(bill, disputed, now, Settle)
    if any(not each.closed and manner_of(each.gateway).closes != "never" for each in bill.past):
        raise Refusal(
            "page_closing",
            "Một trang thanh toán khác của khoản phí này đang được đóng. Xin thử lại sau ít phút.",
            "Another page of this bill is being closed. Try again in a few minutes.",
        )
    returned = all_back(bill, [disputed], message.reason, now)
    return joined(returned, _goes_on(returned.state, now))


def _disputed(bill: Bill) -> Capture:
    """The money that nobody decided about yet."""
    decided = {each.capture_id for each in bill.refunds}
    return next(each for each in bill.captures if each.use == "apart" and each.capture_id not in decided)


def _goes_on(bill: Bill, now: datetime) -> Decision[Bill]:
    if bill.void_reason is not None:
        return ended_unpaid(to(bill, Settle, "cancelled"), now)
    if bill.due <= now:
        return ended_unpaid(to(bill, Settle, "expired"), now)
    timers = (At(bill.due, BillExpiry()), *reminders(bill.due, now))
    again = payments.Opened(bill_id=bill.bill_id, amount=bill.amount, fee_lines=bill.fee_lines, due=bill.due)
    return Decision(to(bill, Settle, "open"), (again,), timers=timers)
