"""The way to a gateway's page and back: at most one page is offered at any time.

A page must be closed at the gateway before a bill may expire, be void, or get another page: asking first is not enough,
for a page can be paid after the answer. A page that never closes is abandoned, and late money on it goes back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.decider import At, Call, Decision
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import payments
from contracts.event import Data
from services.payments.domain.answers import Captured, CheckoutCreated, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.bill import MOVES, Attempt, Bill, BillState, known, running, to
from services.payments.domain.codes import payment_code
from services.payments.domain.ending import ended_unpaid
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import AttemptSilence, CancelCheckout, Nudge, StartCheckout
from services.payments.domain.pages import (
    asking,
    can_abandon,
    closing,
    creating,
    is_over,
    noted,
    with_past,
    without_page,
)
from services.payments.domain.questions import AskCheckout
from services.payments.domain.receipting import receipt_follows
from services.payments.domain.refunding import joined, questions

SILENCE = timedelta(seconds=45)  # how long we wait for a webhook before we ask
Gone = CheckoutRefused | SessionClosed | Captured


def start_checkout(bill: Bill | None, message: StartCheckout, now: datetime) -> Decision[Bill] | None:
    """Begin an attempt, unless one is running: then whoever pays goes back to the same page."""
    bill = known(bill)
    if bill.state in ("checkout_ready", "in_checkout") and not is_over(bill.attempt, now):
        return None
    if not MOVES.allows(bill.state, StartCheckout):
        raise _not_payable(bill)
    attempt = Attempt(
        attempt_id=message.attempt_id,
        gateway=message.gateway,
        began=now,
        closes_at=now + timedelta(minutes=manner_of(message.gateway).minutes),
        amount=bill.outstanding,
        by=message.by,
    )
    # A bill from before there were payment codes gets its own now.
    ready = to(without_page(bill), StartCheckout, attempt=attempt, code=payment_code(bill.bill_id))
    return Decision(ready, calls=(creating(bill, attempt, message),), notes=(noted(bill, attempt),))


def cancel_checkout(bill: Bill | None, message: CancelCheckout, now: datetime) -> Decision[Bill] | None:
    """Close the page, so that the bill can be paid in another way."""
    bill = known(bill)
    if bill.state in ("open", "closing"):
        return None
    if can_abandon(bill):
        return Decision(to(without_page(bill), CancelCheckout, "open"), cancels=(AttemptSilence,))
    return Decision(to(bill, CancelCheckout), cancels=(AttemptSilence,), calls=closing(bill.attempt))


def checkout_created(bill: Bill | None, message: CheckoutCreated, now: datetime) -> Decision[Bill] | None:
    """The page stands: send the citizen there, or close it at once when the bill is on its way out."""
    bill = known(bill)
    attempt = bill.attempt_of(message.attempt_id)
    if attempt is None or attempt.closed or attempt.session_id is not None:
        return None
    stands = message.model_dump(include={"session_id", "url", "picture_text"})
    attempt = attempt.model_copy(update=stands)
    stood = Decision(bill, notes=(noted(bill, attempt),) if attempt.began else ())
    if running(bill, message.attempt_id) is None:
        return joined(stood, Decision(with_past(bill, attempt), calls=closing(attempt)))
    standing = bill.model_copy(update={"attempt": attempt})
    if bill.state == "checkout_ready":
        started = payments.Started(bill_id=bill.bill_id, attempt_id=attempt.attempt_id, gateway=attempt.gateway)
        timers = (At(now + SILENCE, AttemptSilence()),)
        return joined(stood, Decision(to(standing, CheckoutCreated), (started,), timers=timers))
    return joined(stood, Decision(to(standing, CheckoutCreated), calls=closing(attempt)))


def checkout_refused(bill: Bill | None, message: CheckoutRefused, now: datetime) -> Decision[Bill] | None:
    """There is no page and there will be none for this attempt."""
    return page_is_gone(known(bill), message, now)


def session_closed(bill: Bill | None, message: SessionClosed, now: datetime) -> Decision[Bill] | None:
    """The page closed unpaid: the bill may be tried again, or may now expire or be void."""
    return page_is_gone(known(bill), message, now)


def still_open(bill: Bill | None, message: StillOpen, now: datetime) -> Decision[Bill] | None:
    """Not paid yet. A declined card is told once and changes nothing: the page can still be paid with another one."""
    bill = known(bill)
    attempt = running(bill, message.attempt_id)
    if attempt is None or not MOVES.allows(bill.state, StillOpen) or not _is_news(attempt, message):
        return None
    told = attempt.model_copy(update={"declines": (*attempt.declines, message.decline_reference)})
    return Decision(to(bill, StillOpen, attempt=told), (_failed(bill, message),))


def nudge(bill: Bill | None, message: Nudge, now: datetime) -> Decision[Bill] | None:
    """Ask the gateway about the page that is meant, or the running one, and about refunds; who nudged does not matter.

    A receipt that does not say what stays paid is made up for: releases before numbered it later than the money.
    """
    bill = known(bill)
    after, calls = questions(bill, message.call_id)
    page = _question(bill, message)
    if page is not None:
        calls = (Call(message.call_id, page), *calls)
    decided = joined(Decision(after, calls=calls), receipt_follows(after, "lập lại theo số tiền còn giữ", now))
    return decided if calls or decided.draws or decided.state != bill else None


def ask_after_silence(bill: Bill | None, message: AttemptSilence, now: datetime) -> Decision[Bill] | None:
    """Nothing was heard: webhooks may all be lost, so ask.

    Not for ever about a page that never closes: once its time is over, statements tell of money on it.
    """
    bill = known(bill)
    attempt = bill.attempt
    if attempt is None or attempt.session_id is None or bill.state != "in_checkout":
        return None
    # One id for all: while the gateway is silent the same question stands, and no heap of them.
    call = Call(derived_id(attempt.attempt_id, "ask after silence"), asking(attempt, attempt.session_id))
    again = () if is_over(attempt, now) else (At(now + SILENCE, AttemptSilence()),)
    return Decision(bill, calls=(call,), timers=again)


def _question(bill: Bill, message: Nudge) -> AskCheckout | None:
    """What to ask of which page; nothing where none is known."""
    if message.attempt_id is None:
        attempt = bill.attempt
        return asking(attempt, attempt.session_id) if attempt is not None and attempt.session_id else None
    attempt = bill.attempt_of(message.attempt_id)
    session_id = message.session_id or (attempt.session_id if attempt is not None else None)
    if session_id is None:
        return None
    if attempt is None:
        # A page from before pages were remembered.
        return AskCheckout(attempt_id=message.attempt_id, session_id=session_id)
    return asking(attempt, session_id)


def page_is_gone(bill: Bill, message: Gone, now: datetime) -> Decision[Bill] | None:
    """Nobody can pay on the page of this attempt (any more): the bill goes where it was going."""
    attempt = running(bill, message.attempt_id)
    if attempt is None:
        past = bill.attempt_of(message.attempt_id)
        if past is None or past.closed:
            return None
        return Decision(with_past(bill, past.model_copy(update={"closed": True})))
    target: BillState = _WHERE.get(bill.state, "open")
    if not MOVES.allows(bill.state, type(message)):
        return None
    moved = to(without_page(bill, closed=True), type(message), target)
    if moved.state != "open":
        return ended_unpaid(moved, now)
    told = isinstance(message, SessionClosed) and bill.state == "in_checkout" and _is_news(attempt, message)
    events: tuple[Data, ...] = (_failed(bill, message),) if told and isinstance(message, SessionClosed) else ()
    return Decision(moved, events, cancels=(AttemptSilence,))


_WHERE: dict[str, BillState] = {"expiring": "expired", "withdrawing": "cancelled"}


def _is_news(attempt: Attempt, message: StillOpen | SessionClosed) -> bool:
    """Whether a declined try is one that was not told yet."""
    return message.decline_reference is not None and message.decline_reference not in attempt.declines


def _failed(bill: Bill, message: StillOpen | SessionClosed) -> payments.Failed:
    return payments.Failed(bill_id=bill.bill_id, attempt_id=message.attempt_id, reason=message.decline or "declined")


def _not_payable(bill: Bill) -> Refusal:
    if bill.state == "paid":
        return Refusal("already_paid", "Khoản phí này đã được nộp.", "This bill is paid already.")
    if bill.state == "closing":
        return Refusal(
            "page_closing",
            "Trang thanh toán trước đang được đóng. Xin thử lại sau ít phút.",
            "The page before is being closed. Try again in a few minutes.",
        )
    if bill.state == "discrepancy":
        return Refusal(
            "being_looked_into",
            "Số tiền nhận được không khớp với khoản phí; cán bộ đang xử lý, xin chưa nộp lại.",
            "What was received does not match the bill; it is being looked into. Please do not pay again.",
        )
    return Refusal("not_payable", "Khoản phí này đã đóng, không nộp được nữa.", "This bill is closed.")
