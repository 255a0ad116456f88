"""The way to the gateway's page and back: at most one page can be paid at any time.

A page must be closed at the gateway before a bill may expire, be void, or get another page: asking first is not enough,
for a page can be paid after the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from chassis.decider import At, Call, Decision
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import dossiers, payments
from contracts.event import Data
from services.payments.domain.bill import (
    GATEWAY,
    MOVES,
    Attempt,
    AttemptSilence,
    Bill,
    BillExpiry,
    Nudge,
    StartCheckout,
    known,
    running,
    to,
)
from services.payments.domain.gateway import (
    AskCheckout,
    CheckoutCreated,
    CheckoutRefused,
    CloseCheckout,
    CreateCheckout,
    SessionClosed,
    StillOpen,
)
from services.payments.domain.money import refunding

PAGE_MINUTES = 60  # a page closes by itself long before the gateway forgets our key for it (24 hours)
SILENCE = timedelta(seconds=45)  # how long we wait for a webhook before we ask


def start_checkout(bill: Bill | None, message: StartCheckout, now: datetime) -> Decision[Bill] | None:
    """Begin an attempt, unless one is running: then the citizen goes back to the same page."""
    bill = known(bill)
    if bill.state in ("checkout_ready", "in_checkout"):
        return None
    if bill.state != "open":
        raise _not_payable(bill)
    closes_at = now + timedelta(minutes=PAGE_MINUTES)
    attempt = Attempt(attempt_id=message.attempt_id, closes_at=closes_at)
    request = CreateCheckout(
        attempt_id=attempt.attempt_id,
        bill_id=bill.bill_id,
        dossier_code=bill.dossier_code,
        amount=bill.amount,
        description=f"Phí, lệ phí hồ sơ {bill.dossier_code}",
        closes_at=closes_at,
    )
    ready = to(bill, StartCheckout, attempt=attempt, attempts=bill.attempts + 1)
    return Decision(ready, calls=(Call(attempt.attempt_id, request),))


def checkout_created(bill: Bill | None, message: CheckoutCreated, now: datetime) -> Decision[Bill] | None:
    """The page stands: send the citizen there, or close it at once when the bill is on its way out."""
    bill = known(bill)
    attempt = running(bill, message.attempt_id)
    if attempt is None or not MOVES.allows(bill.state, CheckoutCreated):
        return None
    standing = attempt.model_copy(update={"session_id": message.session_id, "url": message.url})
    moved = to(bill, CheckoutCreated, attempt=standing)
    if bill.state != "checkout_ready":
        return Decision(moved, calls=(_close(moved, standing),))
    started = payments.Started(bill_id=bill.bill_id, attempt_id=attempt.attempt_id, gateway=GATEWAY)
    return Decision(moved, (started,), timers=(At(now + SILENCE, AttemptSilence()),))


def checkout_refused(bill: Bill | None, message: CheckoutRefused, now: datetime) -> Decision[Bill] | None:
    """There is no page and there will be none for this attempt."""
    return _page_is_gone(known(bill), CheckoutRefused, message.attempt_id, now)


def session_closed(bill: Bill | None, message: SessionClosed, now: datetime) -> Decision[Bill] | None:
    """The page closed unpaid: the bill may be tried again, or may now expire or be void."""
    return _page_is_gone(known(bill), SessionClosed, message.attempt_id, now)


def nudge(bill: Bill | None, message: Nudge, now: datetime) -> Decision[Bill] | None:
    """Ask the gateway about the running page; who sent the nudge, and what it claimed, does not matter."""
    bill = known(bill)
    attempt = bill.attempt
    if attempt is None or attempt.session_id is None or bill.state not in ("in_checkout", "expiring", "withdrawing"):
        return None
    return Decision(bill, calls=(Call(message.call_id, _ask(attempt, attempt.session_id)),))


def ask_after_silence(bill: Bill | None, message: AttemptSilence, now: datetime) -> Decision[Bill] | None:
    """Nothing was heard: webhooks may all be lost, so ask."""
    bill = known(bill)
    attempt = bill.attempt
    if attempt is None or attempt.session_id is None or bill.state != "in_checkout":
        return None
    call = Call(derived_id(attempt.attempt_id, f"ask {bill.version}"), _ask(attempt, attempt.session_id))
    return Decision(bill, calls=(call,), timers=(At(now + SILENCE, AttemptSilence()),))


def still_open(bill: Bill | None, message: StillOpen, now: datetime) -> Decision[Bill] | None:
    """Not paid yet. A declined card is told once and changes nothing: the page can still be paid with another one."""
    bill = known(bill)
    attempt = running(bill, message.attempt_id)
    if attempt is None or message.decline is None or message.decline_reference == attempt.decline_reference:
        return None
    told = attempt.model_copy(update={"decline_reference": message.decline_reference})
    failed = payments.Failed(bill_id=bill.bill_id, attempt_id=attempt.attempt_id, reason=message.decline)
    return Decision(bill.model_copy(update={"attempt": told}), (failed,))


def expire(bill: Bill | None, message: BillExpiry, now: datetime) -> Decision[Bill] | None:
    """Nobody paid in time: expire, but close a running page first and wait for the gateway's word."""
    bill = known(bill)
    if not MOVES.allows(bill.state, BillExpiry):
        return None
    gone = to(bill, BillExpiry)
    return _closing_or_done(bill, gone, payments.Expired(bill_id=bill.bill_id))


def withdraw(
    bill: Bill | None, event: Event[dossiers.Refused] | Event[dossiers.Stopped], now: datetime
) -> Decision[Bill] | None:
    """The dossier goes no further: close the bill, or return what its circular lets us return."""
    if bill is None or not MOVES.allows(bill.state, dossiers.Refused):
        return None
    reason = "hồ sơ không được tiếp nhận" if isinstance(event.data, dossiers.Refused) else "hồ sơ dừng xử lý"
    if bill.state == "paid":
        lines = tuple(line for line in bill.fee_lines if line.refundable)
        return refunding(bill, lines, reason, derived_id(event.id, "refund")) if lines else None
    gone = to(bill, dossiers.Refused, void_reason=reason)
    return _closing_or_done(bill, gone, payments.Cancelled(bill_id=bill.bill_id, reason=reason))


def _ask(attempt: Attempt, session_id: str) -> AskCheckout:
    return AskCheckout(attempt_id=attempt.attempt_id, session_id=session_id)


def _close(bill: Bill, attempt: Attempt) -> Call:
    request = CloseCheckout(attempt_id=attempt.attempt_id, session_id=attempt.session_id or "")
    return Call(derived_id(attempt.attempt_id, f"close {bill.state}"), request)


def _closing_or_done(bill: Bill, gone: Bill, event: Data) -> Decision[Bill]:
    """Either the page must be closed first, or nothing was running and the event may be told."""
    if bill.attempt is None:
        return Decision(gone, (event,), cancels=(BillExpiry,))
    calls = (_close(gone, bill.attempt),) if bill.attempt.session_id else ()
    return Decision(gone, cancels=(AttemptSilence, BillExpiry), calls=calls)


def _page_is_gone(bill: Bill, message: type, attempt_id: UUID, now: datetime) -> Decision[Bill] | None:
    if running(bill, attempt_id) is None or not MOVES.allows(bill.state, message):
        return None
    moved = to(bill, message, attempt=None)
    events: tuple[Data, ...] = ()
    if moved.state == "expired":
        events = (payments.Expired(bill_id=bill.bill_id),)
    elif moved.state == "cancelled":
        events = (payments.Cancelled(bill_id=bill.bill_id, reason=bill.void_reason or ""),)
    return Decision(moved, events, cancels=(AttemptSilence,))


def _not_payable(bill: Bill) -> Refusal:
    if bill.captured is not None:
        return Refusal("already_paid", "Khoản phí này đã được nộp.", "This bill is paid already.")
    return Refusal("not_payable", "Khoản phí này đã đóng, không nộp được nữa.", "This bill is closed.")
