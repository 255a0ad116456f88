"""Money on its way back: decided under the bill's lock, and sent once. What becomes of it stands in `refunded.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from chassis import decider
from chassis.decider import Call, Decision
from chassis.identifiers import derived_id
from contracts import payments
from services.payments.domain import ledger
from services.payments.domain.bill import Bill, Capture
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import RequestRefund
from services.payments.domain.questions import AskRefund
from services.payments.domain.questions import Refund as RefundRequest
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
        amount=refund.in_dong,
        reason=refund.told_reason,
        by_hand=by_hand,
        unexpected=refund.unexpected,
    )
    return Decision(
        bill.model_copy(update={"refunds": (*bill.refunds, refund)}),
        (told,),
        calls=() if by_hand else (Call(refund_id, _request(bill, capture, refund)),),
        notes=noted(bill, ledger.refund_decided(refund)) if refund.is_dong else (),
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
        drops=tuple(drop for each in every for drop in each.drops),
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


def questions(bill: Bill, call_id: UUID) -> tuple[Bill, tuple[Call, ...]]:
    """Ask about refunds that the gateway has taken, and remember to ask about those whose answer is under way."""
    refunds, calls = list[Refund](), list[Call]()
    for refund in bill.refunds:
        if refund.state == "done" and refund.reference and not refund.paid_out_by:
            asked = AskRefund(gateway=refund.gateway, refund_id=refund.refund_id, reference=refund.reference)
            calls.append(Call(derived_id(call_id, f"refund {refund.refund_id}"), asked))
        refunds.append(refund.model_copy(update={"rung": True}) if refund.state == "ready" else refund)
    return bill.model_copy(update={"refunds": tuple(refunds)}), tuple(calls)


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
