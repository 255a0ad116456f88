"""The way to the gateway's page and back: at most one page can be paid at any time.

A page must be closed at the gateway before a bill may expire, be void, or get another page: asking first is not enough,
for a page can be paid after the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.decider import At, Call, Decision
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import dossiers, payments
from contracts.event import Data
from contracts.money import FeeLine
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
    AskRefund,
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
        return_url=message.return_url,
    )
    ready = to(bill, StartCheckout, attempt=attempt)
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
    return _page_is_gone(known(bill), message)


def session_closed(bill: Bill | None, message: SessionClosed, now: datetime) -> Decision[Bill] | None:
    """The page closed unpaid: the bill may be tried again, or may now expire or be void."""
    return _page_is_gone(known(bill), message)


def nudge(bill: Bill | None, message: Nudge, now: datetime) -> Decision[Bill] | None:
    """Ask the gateway about the page that is meant, or the running one, or the refund; who nudged does not matter."""
    bill = known(bill)
    request = _question(bill, message)
    if request is not None:
        return Decision(bill, calls=(Call(message.call_id, request),))
    if bill.state == "refund_ready" and bill.refund is not None and not bill.refund.rung:
        # The refund has no reference yet to ask by; what is said of it now may be newer than the answer to come.
        return Decision(bill.model_copy(update={"refund": bill.refund.model_copy(update={"rung": True})}))
    return None


def ask_after_silence(bill: Bill | None, message: AttemptSilence, now: datetime) -> Decision[Bill] | None:
    """Nothing was heard: webhooks may all be lost, so ask."""
    bill = known(bill)
    attempt = bill.attempt
    if attempt is None or attempt.session_id is None or bill.state != "in_checkout":
        return None
    request = AskCheckout(attempt_id=attempt.attempt_id, session_id=attempt.session_id)
    # One id for all: while the gateway is silent the same question stands, and no heap of them.
    call = Call(derived_id(attempt.attempt_id, "ask after silence"), request)
    return Decision(bill, calls=(call,), timers=(At(now + SILENCE, AttemptSilence()),))


def still_open(bill: Bill | None, message: StillOpen, now: datetime) -> Decision[Bill] | None:
    """Not paid yet. A declined card is told once and changes nothing: the page can still be paid with another one."""
    bill = known(bill)
    attempt = running(bill, message.attempt_id)
    if attempt is None or not MOVES.allows(bill.state, StillOpen) or not _is_news(attempt, message):
        return None
    told = attempt.model_copy(update={"declines": (*attempt.declines, message.decline_reference)})
    return Decision(to(bill, StillOpen, attempt=told), (_failed(bill, message),))


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
    ending = type(event.data)
    if bill is None or not MOVES.allows(bill.state, ending):
        return None
    reason = "hồ sơ không được tiếp nhận" if ending is dossiers.Refused else "hồ sơ dừng xử lý"
    if bill.state == "paid":
        accepted = isinstance(event.data, dossiers.Stopped) and event.data.accepted is True
        lines = tuple(line for line in bill.fee_lines if _is_returned(line, accepted))
        return (
            refunding(bill, ending, lines, reason, derived_id(bill.bill_id, f"refund after {event.id}"))
            if lines
            else None
        )
    gone = to(bill, ending, void_reason=reason)
    return _closing_or_done(bill, gone, payments.Cancelled(bill_id=bill.bill_id, reason=reason))


def _is_returned(line: FeeLine, accepted: bool) -> bool:
    """Whether a line's circular lets it be returned when the dossier ends, taken in by then or not."""
    return line.refundable and line.amount > 0 and not (accepted and line.refund_until == "acceptance")


def _question(bill: Bill, message: Nudge) -> AskCheckout | AskRefund | None:
    attempt_id, session_id = message.attempt_id, message.session_id
    if attempt_id is None or session_id is None:
        attempt_id = bill.attempt.attempt_id if bill.attempt else None
        session_id = bill.attempt.session_id if bill.attempt else None
    if attempt_id is not None and session_id is not None and attempt_id not in bill.taken:
        return AskCheckout(attempt_id=attempt_id, session_id=session_id)
    if bill.state == "refunded" and bill.refund is not None and bill.refund.reference is not None:
        return AskRefund(refund_id=bill.refund.refund_id, reference=bill.refund.reference)
    return None


def _is_news(attempt: Attempt, message: StillOpen | SessionClosed) -> bool:
    return message.decline_reference is not None and message.decline_reference not in attempt.declines


def _failed(bill: Bill, message: StillOpen | SessionClosed) -> payments.Failed:
    return payments.Failed(bill_id=bill.bill_id, attempt_id=message.attempt_id, reason=message.decline or "declined")


def _close(bill: Bill, attempt: Attempt) -> Call:
    request = CloseCheckout(attempt_id=attempt.attempt_id, session_id=attempt.session_id or "")
    return Call(derived_id(attempt.attempt_id, f"close {bill.state}"), request)


def _closing_or_done(bill: Bill, gone: Bill, event: Data) -> Decision[Bill]:
    """Either the page must be closed first, or nothing was running and the event may be told."""
    if bill.attempt is None:
        return Decision(gone, (event,), cancels=(BillExpiry,))
    calls = (_close(gone, bill.attempt),) if bill.attempt.session_id else ()
    return Decision(gone, cancels=(AttemptSilence, BillExpiry), calls=calls)


def _page_is_gone(bill: Bill, message: CheckoutRefused | SessionClosed) -> Decision[Bill] | None:
    attempt = running(bill, message.attempt_id)
    if attempt is None or not MOVES.allows(bill.state, type(message)):
        return None
    moved = to(bill, type(message), attempt=None)
    events: tuple[Data, ...] = ()
    if moved.state == "expired":
        events = (payments.Expired(bill_id=bill.bill_id),)
    elif moved.state == "cancelled":
        events = (payments.Cancelled(bill_id=bill.bill_id, reason=bill.void_reason or ""),)
    elif isinstance(message, SessionClosed) and _is_news(attempt, message):
        events = (_failed(bill, message),)
    return Decision(moved, events, cancels=(AttemptSilence,))


def _not_payable(bill: Bill) -> Refusal:
    if bill.captured is not None:
        return Refusal("already_paid", "Khoản phí này đã được nộp.", "This bill is paid already.")
    return Refusal("not_payable", "Khoản phí này đã đóng, không nộp được nữa.", "This bill is closed.")
