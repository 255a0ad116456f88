"""What becomes of a refund: the gateway's answers; an officer's hand where it cannot, will not, or is silent for days."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.decider import Call, Decision
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import payments
from services.payments.domain import ledger
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.bill import Bill, known
from services.payments.domain.messages import PayOut, TakeOver
from services.payments.domain.questions import AskRefund
from services.payments.domain.receipting import receipt_follows
from services.payments.domain.refund import REFUND_MOVES, Refund, require_silence
from services.payments.domain.refunding import joined, kept, noted

SILENT = "gateway_silent"


def refund_done(bill: Bill | None, message: RefundDone, now: datetime) -> Decision[Bill] | None:
    """The gateway returned the money: post it. What it said of it before or meanwhile may be newer: then ask once more."""
    bill = known(bill)
    refund = _refund(bill, message.refund_id)
    if refund is None or not REFUND_MOVES.allows(refund.state, RefundDone):
        return None
    if refund.state == "refused" and refund.reference is not None:
        return None  # it was done before, and came back
    done = _moved(refund, RefundDone, reference=message.reference, done_at=now)
    question = AskRefund(gateway=refund.gateway, refund_id=refund.refund_id, reference=message.reference)
    call = Call(derived_id(refund.refund_id, "ask after the answer"), question)
    calls = (call,) if refund.rung or refund.failure else ()
    return _gone(bill, done, ledger.clearing(refund.gateway), now, calls)


def refund_refused(bill: Bill | None, message: RefundRefused, now: datetime) -> Decision[Bill] | None:
    """The gateway will not return the money, or got it back from the citizen's bank: an officer must pay it out."""
    bill = known(bill)
    refund = _refund(bill, message.refund_id)
    # What an officer paid out by hand can no longer come back from the gateway.
    if refund is None or refund.paid_out_by or not REFUND_MOVES.allows(refund.state, RefundRefused):
        return None
    came_back = ledger.refund_came_back(refund) if refund.state == "done" and refund.is_dong else ()
    refused = _moved(refund, RefundRefused, failure=message.reason, done_at=None)
    after = _with(bill, refused)
    decided = Decision(after, (_failed(bill, refund, message.reason),), notes=noted(bill, came_back))
    return joined(decided, receipt_follows(after, "tiền hoàn trả quay lại", now))


def pay_out(bill: Bill | None, message: PayOut, now: datetime) -> Decision[Bill] | None:
    """An officer paid by hand what the gateway cannot or will not send.

    Raises Refusal where nobody asks him to, and 403 for whoever took the cash or ordered the refund.
    """
    bill = known(bill)
    refund = _existing(bill, message.refund_id)
    if refund.state == "done" and refund.reference == message.reference and refund.paid_out_by == message.by:
        return None
    _require_another(bill, refund, message.by)
    done = _moved(refund, PayOut, reference=message.reference, done_at=now, paid_out_by=message.by)
    return _gone(bill, done, ledger.hand(bill.agency), now)


def take_over(bill: Bill | None, message: TakeOver, now: datetime) -> Decision[Bill] | None:
    """An operator takes a refund out of the hands of a gateway that is silent for days: an officer shall pay it out.

    The gateway is asked no more. If it had sent the money all the same, its statement says so: then the refund is done, or
    was paid back twice. Raises Refusal `not_silent_yet`, and `no_such_refund` 404.
    """
    bill = known(bill)
    refund = _existing(bill, message.refund_id)
    if refund.state == "refused" and refund.failure == SILENT:
        return None
    silent = _moved(refund, TakeOver, failure=SILENT, taken_over_by=message.by)
    if refund.requested_at is not None:
        require_silence(refund.requested_at, now)
    return Decision(_with(bill, silent), (_failed(bill, refund, SILENT),), drops=(refund.refund_id,))


def _failed(bill: Bill, refund: Refund, reason: str) -> payments.RefundFailed:
    return payments.RefundFailed(
        bill_id=bill.bill_id,
        refund_id=refund.refund_id,
        amount=refund.amount if refund.is_dong else None,
        reason=reason,
        unexpected=refund.unexpected,
    )


def _require_another(bill: Bill, refund: Refund, by: str) -> None:
    """Raises Refusal 403 for a person who had this money in his hands, or had it sent back."""
    if refund.by == by:
        raise Refusal(
            "ordered_by_you",
            "Người yêu cầu hoàn trả không được tự chi trả. Hãy nhờ một cán bộ khác.",
            "Whoever ordered a refund does not pay it out. Ask another officer.",
            403,
        )
    if any(each.capture_id == refund.capture_id and each.by == by for each in bill.captures):
        raise Refusal(
            "taken_by_you",
            "Người đã thu khoản tiền này không được tự chi trả lại. Hãy nhờ một cán bộ khác.",
            "Whoever took the money does not pay it out. Ask another officer.",
            403,
        )


def _gone(bill: Bill, refund: Refund, way: str, now: datetime, calls: tuple[Call, ...] = ()) -> Decision[Bill]:
    before, after = _refund(bill, refund.refund_id), _with(bill, refund)
    told = payments.Refunded(
        bill_id=bill.bill_id,
        refund_id=refund.refund_id,
        amount=refund.in_dong,
        gateway_reference=refund.reference or "",
        kept=kept(after),
        by_hand=refund.paid_out_by is not None,
        unexpected=refund.unexpected,
    )
    # It may have been done before, and come back: what is posted again needs a name of its own.
    time = 1 if before and before.reference else 0
    notes = noted(bill, ledger.refund_done(refund, way, refund.reference or "", time)) if refund.is_dong else ()
    return joined(
        Decision(after, (told,), calls=calls, notes=notes),
        receipt_follows(after, f"hoàn trả: {refund.told_reason}", now),
    )


def _refund(bill: Bill, refund_id: UUID) -> Refund | None:
    return next((each for each in bill.refunds if each.refund_id == refund_id), None)


def _existing(bill: Bill, refund_id: UUID) -> Refund:
    """Raises Refusal 404 for a refund that there is not."""
    refund = _refund(bill, refund_id)
    if refund is None:
        raise Refusal("no_such_refund", "Không có lần hoàn trả này.", "There is no such refund.", 404)
    return refund


def _moved(refund: Refund, message: type, **changes: object) -> Refund:
    """Raises Refusal for a move that the table does not have."""
    target = REFUND_MOVES.require(refund.state, message).target
    return refund.model_copy(update={"state": target, **changes})


def _with(bill: Bill, refund: Refund) -> Bill:
    refunds = tuple(refund if each.refund_id == refund.refund_id else each for each in bill.refunds)
    return bill.model_copy(update={"refunds": refunds})
