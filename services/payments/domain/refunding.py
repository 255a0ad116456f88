"""Money on its way back: decided under the bill's lock, sent once, paid out by an officer where the gateway cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from chassis import decider
from chassis.decider import Call, Decision
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import payments
from services.payments.domain import ledger
from services.payments.domain.bill import Bill, Capture, known
from services.payments.domain.gateway import AskRefund, RefundDone, RefundRefused
from services.payments.domain.gateway import Refund as RefundRequest
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import PayOut, RequestRefund
from services.payments.domain.receipting import receipt_follows
from services.payments.domain.refund import REFUND_MOVES, Refund, RefundLine


def noted(bill: Bill, postings: Iterable[ledger.Posting]) -> tuple[ledger.Posting, ...]:
    """Postings of this bill."""
    whose = {"dossier_code": bill.dossier_code, "bill_id": bill.bill_id}
    return tuple(posting.model_copy(update=whose) for posting in postings)


def back(
    bill: Bill,
    capture: Capture,
    amount: int,
    reason: str,
    now: datetime,
    refund_id: UUID,
    lines: tuple[RefundLine, ...] = (),
    by: str | None = None,
) -> Decision[Bill]:
    """Send `amount` of a capture back: fee lines, or money that is none. Its row first, then the call."""
    has_page = capture.session_id is not None and capture.began is not None
    by_hand = not manner_of(capture.gateway).sends_back(now - capture.paid_at, capture.currency, has_page)
    refund = Refund(
        refund_id=refund_id,
        capture_id=capture.capture_id,
        gateway=capture.gateway,
        amount=amount,
        currency=capture.currency,
        reason=reason,
        lines=lines,
        unexpected=not lines,
        state=REFUND_MOVES.require(None, RequestRefund, "by_hand" if by_hand else "ready").target,
        by=by,
        requested_at=now,
    )
    told = payments.RefundStarted(
        bill_id=bill.bill_id,
        refund_id=refund_id,
        amount=_in_dong(refund),
        reason=refund.told_reason,
        by_hand=by_hand,
        unexpected=refund.unexpected,
    )
    return Decision(
        bill.model_copy(update={"refunds": (*bill.refunds, refund)}),
        (told,),
        calls=() if by_hand else (Call(refund_id, _request(bill, capture, refund)),),
        notes=noted(bill, ledger.refund_decided(refund)) if _is_dong(refund) else (),
    )


def joined(first: Decision[Bill], *then: Decision[Bill]) -> Decision[Bill]:
    """Decisions on one bill, one after the other: the last state, and all that follows from each."""
    every = (first, *then)
    return Decision(
        every[-1].state,
        events=tuple(event for each in every for event in each.events),
        timers=tuple(timer for each in every for timer in each.timers),
        cancels=tuple(cancel for each in every for cancel in each.cancels),
        calls=tuple(call for each in every for call in each.calls),
        notes=tuple(note for each in every for note in each.notes),
        draws=tuple(draw for each in every for draw in each.draws),
    )


def all_back(
    bill: Bill, captures: Sequence[Capture], reason: str, now: datetime, by: str | None = None
) -> Decision[Bill]:
    """Send back all that is left of these captures, which are for no fee."""
    decided = Decision(bill)
    for capture in captures:
        amount = left_of(decided.state, capture)
        if amount > 0:
            refund_id = derived_id(capture.capture_id, "refund")
            decided = joined(decided, back(decided.state, capture, amount, reason, now, refund_id, by=by))
    return decided


def left_of(bill: Bill, capture: Capture) -> int:
    """What of a capture is not on its way back."""
    return capture.amount - sum(each.amount for each in bill.refunds if each.capture_id == capture.capture_id)


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
    came_back = ledger.refund_came_back(refund) if refund.state == "done" and _is_dong(refund) else ()
    refused = _moved(refund, RefundRefused, failure=message.reason, done_at=None)
    failed = payments.RefundFailed(
        bill_id=bill.bill_id, refund_id=refund.refund_id, reason=message.reason, unexpected=refund.unexpected
    )
    after = _with(bill, refused)
    decided = Decision(after, (failed,), notes=noted(bill, came_back))
    return joined(decided, receipt_follows(after, "tiền hoàn trả quay lại", now))


def pay_out(bill: Bill | None, message: PayOut, now: datetime) -> Decision[Bill] | None:
    """An officer paid by hand what the gateway cannot or will not send.

    Raises Refusal where nobody asks him to, and 403 for whoever took the cash or ordered the refund.
    """
    bill = known(bill)
    refund = _refund(bill, message.refund_id)
    if refund is None:
        raise Refusal("no_such_refund", "Không có lần hoàn trả này.", "There is no such refund.", 404)
    if refund.state == "done" and refund.reference == message.reference and refund.paid_out_by == message.by:
        return None
    _require_another(bill, refund, message.by)
    done = _moved(refund, PayOut, reference=message.reference, done_at=now, paid_out_by=message.by)
    return _gone(bill, done, ledger.hand(bill.agency), now)


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


def questions(bill: Bill, call_id: UUID) -> tuple[Bill, tuple[Call, ...]]:
    """Ask about refunds that the gateway has taken, and remember to ask about those whose answer is under way."""
    refunds, calls = list[Refund](), list[Call]()
    for refund in bill.refunds:
        if refund.state == "done" and refund.reference and not refund.paid_out_by:
            asked = AskRefund(gateway=refund.gateway, refund_id=refund.refund_id, reference=refund.reference)
            calls.append(Call(derived_id(call_id, f"refund {refund.refund_id}"), asked))
        refunds.append(refund.model_copy(update={"rung": True}) if refund.state == "ready" else refund)
    return bill.model_copy(update={"refunds": tuple(refunds)}), tuple(calls)


def _gone(bill: Bill, refund: Refund, way: str, now: datetime, calls: tuple[Call, ...] = ()) -> Decision[Bill]:
    before, after = _refund(bill, refund.refund_id), _with(bill, refund)
    told = payments.Refunded(
        bill_id=bill.bill_id,
        refund_id=refund.refund_id,
        amount=_in_dong(refund),
        gateway_reference=refund.reference or "",
        kept=kept(after),
        by_hand=refund.paid_out_by is not None,
        unexpected=refund.unexpected,
    )
    # It may have been done before, and come back: what is posted again needs a name of its own.
    time = 1 if before and before.reference else 0
    notes = noted(bill, ledger.refund_done(refund, way, refund.reference or "", time)) if _is_dong(refund) else ()
    return joined(
        Decision(after, (told,), calls=calls, notes=notes),
        receipt_follows(after, f"hoàn trả: {refund.told_reason}", now),
    )


def kept(bill: Bill) -> int:
    """Đồng of the fees that stay paid."""
    gone = sum(each.amount for each in bill.refunds if each.lines and each.state == "done")
    return bill.received - gone if bill.state == "paid" else 0


def _request(bill: Bill, capture: Capture, refund: Refund) -> decider.Message:
    return RefundRequest(
        gateway=capture.gateway,
        refund_id=refund.refund_id,
        bill_id=bill.bill_id,
        dossier_code=bill.dossier_code,
        reference=capture.reference,
        amount=refund.amount,
        currency=capture.currency,
        reason=refund.told_reason,
        session_id=capture.session_id,
        began=capture.began,
        captured_amount=capture.amount,
        paid_at=capture.paid_at,
        requested_at=refund.requested_at,
    )


def _refund(bill: Bill, refund_id: UUID) -> Refund | None:
    return next((each for each in bill.refunds if each.refund_id == refund_id), None)


def _moved(refund: Refund, message: type, **changes: object) -> Refund:
    """Raises Refusal for a move that the table does not have."""
    target = REFUND_MOVES.require(refund.state, message).target
    return refund.model_copy(update={"state": target, **changes})


def _with(bill: Bill, refund: Refund) -> Bill:
    refunds = tuple(refund if each.refund_id == refund.refund_id else each for each in bill.refunds)
    return bill.model_copy(update={"refunds": refunds})


def _is_dong(refund: Refund) -> bool:
    """The ledger knows đồng only; other money is told in the event."""
    return refund.currency == "VND"


def _in_dong(refund: Refund) -> int:
    return refund.amount if _is_dong(refund) else 0
