"""Money in and money back: one function takes it in, whoever saw it, and each đồng is posted once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.clock import VIETNAM
from chassis.decider import Call, Decision
from chassis.identifiers import derived_id
from contracts import payments
from contracts.money import FeeLine, total
from services.payments.domain import ledger
from services.payments.domain.bill import (
    GATEWAY,
    MOVES,
    AttemptSilence,
    Bill,
    BillExpiry,
    Capture,
    IssueReceipt,
    ReceiptNumbered,
    Return,
    known,
    to,
)
from services.payments.domain.gateway import AskRefund, Captured, Refund, RefundDone, RefundRefused

PAYABLE = {"open", "checkout_ready", "in_checkout", "expiring"}


def captured(bill: Bill | None, message: Captured, now: datetime) -> Decision[Bill] | None:
    """Take money in: once for an attempt, whoever saw it, whatever was thought of the attempt before."""
    bill = known(bill)
    if message.attempt_id in bill.taken:
        return None
    capture = Capture(**message.model_dump())
    bill = bill.model_copy(update={"taken": (*bill.taken, message.attempt_id)})
    another_page = bill.attempt is not None and bill.attempt.attempt_id != message.attempt_id
    if another_page or bill.captured is not None:
        return _beside(bill, capture)
    if (message.amount, message.currency) != (bill.amount, bill.currency):
        return _discrepancy(bill, capture)
    return _paid(bill, capture) if bill.state in PAYABLE else _unwanted(bill, capture)


def refund_done(bill: Bill | None, message: RefundDone, now: datetime) -> Decision[Bill] | None:
    """The gateway returned the money: post it. What it said of it meanwhile may be newer: then ask once more."""
    bill = known(bill)
    back = _refund(bill, message.refund_id)
    if back is None or not MOVES.allows(bill.state, RefundDone):
        return None
    done = back.model_copy(update={"reference": message.reference})
    refunded = payments.Refunded(
        bill_id=bill.bill_id, refund_id=back.refund_id, amount=back.amount, gateway_reference=message.reference
    )
    question = AskRefund(refund_id=back.refund_id, reference=message.reference)
    calls = (Call(derived_id(back.refund_id, "ask after the answer"), question),) if back.rung else ()
    return Decision(to(bill, RefundDone, refund=done, postings=_returned(back)), (refunded,), calls=calls)


def refund_refused(bill: Bill | None, message: RefundRefused, now: datetime) -> Decision[Bill] | None:
    """The gateway will not return the money, or got it back from the citizen's bank: an officer must return it."""
    bill = known(bill)
    back = _refund(bill, message.refund_id)
    if back is None or not MOVES.allows(bill.state, RefundRefused):
        return None
    postings: tuple[ledger.Posting, ...] = ()
    if bill.state == "refunded":
        postings = ledger.undone(derived_id(back.refund_id, "undone"), _returned(back), "refund came back")
    failed = payments.RefundFailed(bill_id=bill.bill_id, refund_id=message.refund_id, reason=message.reason)
    return Decision(to(bill, RefundRefused, postings=postings), (failed,))


def receipt_numbered(bill: Bill | None, message: ReceiptNumbered, now: datetime) -> Decision[Bill] | None:
    """The receipt has its number: tell it once."""
    bill = known(bill)
    if bill.receipt_number is not None or not MOVES.allows(bill.state, ReceiptNumbered):
        return None
    issued = payments.ReceiptIssued(bill_id=bill.bill_id, receipt_number=message.number, amount=bill.amount)
    return Decision(to(bill, ReceiptNumbered, receipt_number=message.number), (issued,))


def refunding(
    bill: Bill, ending: type, lines: tuple[FeeLine, ...], reason: str, refund_id: UUID
) -> Decision[Bill] | None:
    """Send fee lines of a paid bill back, because of this ending of its dossier."""
    if bill.captured is None:
        return None
    back = Return(refund_id=refund_id, amount=total(lines), reason=reason, lines=lines)
    return _send_back(to(bill, ending, refund=back), bill.captured, back)


def _refund(bill: Bill, refund_id: UUID) -> Return | None:
    """The refund that an answer speaks of, when it is this bill's."""
    return bill.refund if bill.refund is not None and bill.refund.refund_id == refund_id else None


def _returned(back: Return) -> tuple[ledger.Posting, ...]:
    if back.unexpected:
        return ledger.refund_unexpected(back.refund_id, GATEWAY, back.amount, back.reason)
    return ledger.refund(back.refund_id, GATEWAY, back.lines, back.reason)


def _paid(bill: Bill, capture: Capture) -> Decision[Bill]:
    paid = to(
        bill,
        Captured,
        captured=capture,
        attempt=None,
        postings=ledger.capture(capture.attempt_id, GATEWAY, bill.fee_lines),
    )
    succeeded = payments.Succeeded(
        bill_id=bill.bill_id,
        attempt_id=capture.attempt_id,
        amount=capture.amount,
        gateway=GATEWAY,
        gateway_reference=capture.reference,
        paid_at=capture.paid_at,
    )
    receipt_id = derived_id(capture.attempt_id, "receipt")
    request = IssueReceipt(
        receipt_id=receipt_id,
        bill_id=bill.bill_id,
        dossier_code=bill.dossier_code,
        amount=bill.amount,
        year=capture.paid_at.astimezone(VIETNAM).year,
    )
    return Decision(paid, (succeeded,), cancels=(BillExpiry, AttemptSilence), calls=(Call(receipt_id, request),))


def _unwanted(bill: Bill, capture: Capture) -> Decision[Bill]:
    """Money for a bill that no longer asks for it: keep it apart and send it back."""
    back = Return(
        refund_id=derived_id(capture.attempt_id, "refund"),
        amount=capture.amount,
        reason="nộp sau khi khoản phí đã đóng",
        unexpected=True,
    )
    postings = _kept_apart(bill, capture, "late capture")
    adopted = to(bill, Captured, captured=capture, attempt=None, refund=back, postings=postings)
    return _send_back(adopted, capture, back)


def _beside(bill: Bill, capture: Capture) -> Decision[Bill]:
    """Money on a page long closed, while the bill has its own or waits for it: that must go on, so a person must look."""
    found = to(bill, Captured, bill.state, postings=_kept_apart(bill, capture, "second capture"))
    return Decision(found, (_difference(bill, capture),))


def _send_back(bill: Bill, capture: Capture, back: Return) -> Decision[Bill]:
    started = payments.RefundStarted(
        bill_id=bill.bill_id, refund_id=back.refund_id, amount=back.amount, reason=back.reason
    )
    request = Refund(
        refund_id=back.refund_id,
        bill_id=bill.bill_id,
        dossier_code=bill.dossier_code,
        reference=capture.reference,
        amount=back.amount,
        reason=back.reason,
    )
    return Decision(bill, (started,), cancels=(AttemptSilence, BillExpiry), calls=(Call(back.refund_id, request),))


def _discrepancy(bill: Bill, capture: Capture) -> Decision[Bill]:
    """Not the amount or the currency of the bill: nothing is settled, a person must look."""
    postings = _kept_apart(bill, capture, "wrong amount")
    found = to(bill, Captured, "discrepancy", captured=capture, attempt=None, postings=postings)
    return Decision(found, (_difference(bill, capture),), cancels=(AttemptSilence, BillExpiry))


def _kept_apart(bill: Bill, capture: Capture, reason: str) -> tuple[ledger.Posting, ...]:
    """The ledger knows đồng only; other money is told in the event."""
    if capture.currency != bill.currency or capture.amount <= 0:
        return ()
    return ledger.unexpected(capture.attempt_id, GATEWAY, capture.amount, reason)


def _difference(bill: Bill, capture: Capture) -> payments.DiscrepancyFound:
    return payments.DiscrepancyFound(
        bill_id=bill.bill_id,
        attempt_id=capture.attempt_id,
        expected=bill.amount,
        found=capture.amount,
        found_currency=capture.currency,
    )
