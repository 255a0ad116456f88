"""How a bill ends without its fees: its time is over, its dossier goes no further, or its agency takes the request back.

What came in for it goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from chassis.decider import At, Decision
from chassis.envelope import Event
from chassis.identifiers import derived_id
from contracts import dossiers, payments
from contracts.event import Data
from services.payments.domain.bill import MOVES, Bill, BillState, known, to
from services.payments.domain.messages import AttemptSilence, BillExpiry, BillReminder
from services.payments.domain.pages import can_abandon, closing, without_page
from services.payments.domain.refunding import all_back, back, joined
from services.payments.domain.requesting import allocated, available, unreturned

REMINDED = (timedelta(days=3), timedelta(days=1))  # so long before the last moment, where there is that much time


def expire(bill: Bill | None, message: BillExpiry, now: datetime) -> Decision[Bill] | None:
    """Nobody paid in time: expire, but close a running page first and wait for the gateway's word."""
    bill = known(bill)
    if not MOVES.allows(bill.state, BillExpiry):
        return None
    return _closing_or_ended(bill, BillExpiry, "expiring", "expired", now)


def remind(bill: Bill | None, message: BillReminder, now: datetime) -> Decision[Bill] | None:
    """The last day is near: say so, and once more when it is nearer still."""
    bill = known(bill)
    if bill.state not in ("open", "checkout_ready", "in_checkout", "closing"):
        return None
    said = payments.ExpiresSoon(bill_id=bill.bill_id, outstanding=bill.outstanding, due=bill.due)
    return Decision(bill, (said,), timers=reminders(bill.due, now))


def reminders(due: datetime, now: datetime) -> tuple[At, ...]:
    """The next reminder of a bill that is due then."""
    ahead = (due - before for before in REMINDED if due - before > now)
    return tuple(At(moment, BillReminder()) for moment in list(ahead)[:1])


def withdraw(
    bill: Bill | None, event: Event[dossiers.Refused] | Event[dossiers.Stopped], now: datetime
) -> Decision[Bill] | None:
    """The dossier goes no further: close the bill, or return what its circular lets us return."""
    if bill is None:
        return None
    reason = "hồ sơ không được tiếp nhận" if isinstance(event.data, dossiers.Refused) else "hồ sơ dừng xử lý"
    # An event of before does not say: what may not go back once a dossier was taken in is kept.
    accepted = isinstance(event.data, dossiers.Stopped) and event.data.accepted is not False
    return _void(bill, event, reason, available(bill, "acceptance" if accepted else None), now)


def take_back(bill: Bill | None, event: Event[dossiers.FeesWithdrawn], now: datetime) -> Decision[Bill] | None:
    """The agency takes back the request that this bill is for: close it, or return all of it, whatever its circular says."""
    if bill is None or bill.request_id != event.data.request_id:
        return None
    return _void(bill, event, "cơ quan đã rút yêu cầu nộp phí", unreturned(bill), now)


def ended_unpaid(bill: Bill, now: datetime) -> Decision[Bill]:
    """The bill has ended: say so, and send back the parts that came in for it."""
    told: Data = payments.Expired(bill_id=bill.bill_id, request_id=bill.request_id)
    if bill.state == "cancelled":
        reason = bill.void_reason or ""
        told = payments.Cancelled(bill_id=bill.bill_id, reason=reason, request_id=bill.request_id)
    ended = Decision(bill, (told,), cancels=(AttemptSilence, BillExpiry, BillReminder))
    parts = [each for each in bill.captures if each.use == "fees"]
    return joined(ended, all_back(bill, parts, "khoản phí chưa nộp đủ đã đóng", now))


def _void(bill: Bill, event: Event[Data], reason: str, left: Mapping[str, int], now: datetime) -> Decision[Bill] | None:
    """Nobody owes the bill any more: close it; of a paid one send back what is `left`, in đồng by fee line."""
    voiding = type(event.data)
    if bill.void_reason is not None or not MOVES.allows(bill.state, voiding):
        return None
    void = bill.model_copy(update={"void_reason": reason})
    if bill.state == "discrepancy":
        return Decision(to(void, voiding))
    if bill.state != "paid":
        return _closing_or_ended(void, voiding, "withdrawing", "cancelled", now)
    lines = tuple(line.model_copy(update={"amount": left[line.code]}) for line in bill.fee_lines if left[line.code])
    decided = Decision(to(void, voiding))
    for number, (capture, refunded) in enumerate(allocated(bill, lines)):
        refund_id = derived_id(bill.bill_id, f"refund after {event.id}" + (f" {number}" if number else ""))
        amount = sum(line.amount for line in refunded)
        decided = joined(decided, back(decided.state, capture, amount, reason, now, refund_id, refunded))
    return decided


def _closing_or_ended(
    bill: Bill, message: type, on_the_way: BillState, end: BillState, now: datetime
) -> Decision[Bill]:
    """Either the page must be closed first, or none stands (or one that never closes) and the bill has ended."""
    if bill.attempt is None or can_abandon(bill):
        return ended_unpaid(to(without_page(bill), message, end), now)
    cancels = (AttemptSilence, BillExpiry, BillReminder)
    return Decision(to(bill, message, on_the_way), cancels=cancels, calls=closing(bill.attempt))
