"""How bills look to people and programs over HTTP."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from contracts.money import FeeLine
from services.payments.domain.bill import Bill
from services.payments.domain.refund import Refund
from services.payments.domain.refunding import kept
from services.payments.domain.requesting import available, may_go_back


class RefundView(BaseModel):
    """Money on its way back. `state`: ready, by_hand (an officer pays out), refused, done."""

    refund_id: UUID
    amount: int
    currency: str
    reason: str
    state: str
    gateway: str
    reference: str | None
    requested_at: datetime | None
    done_at: datetime | None

    @classmethod
    def of(cls, refund: Refund) -> RefundView:
        return cls(**refund.model_dump(include=set(cls.model_fields)))


class BillView(BaseModel):
    """A bill. `outstanding` is what is still to be paid, `payment_code` what a transfer's purpose must hold.

    `checkout_url` is there for the citizen who began the page, for nobody else.
    """

    bill_id: UUID
    dossier_code: str
    payment_code: str
    state: str
    amount: int
    outstanding: int
    currency: str
    fee_lines: tuple[FeeLine, ...]
    due: datetime
    gateway: str | None
    checkout_url: str | None
    paid_at: datetime | None
    receipt_number: str | None
    refunded_amount: int | None
    refunds: tuple[RefundView, ...]

    @classmethod
    def of(cls, bill: Bill, *, for_citizen: bool = False) -> BillView:
        done = sum(each.amount for each in bill.refunds if each.state == "done")
        page = bill.attempt if bill.state == "in_checkout" else None
        return cls(
            **bill.model_dump(include=set(cls.model_fields) & set(Bill.model_fields) - {"state", "refunds"}),
            payment_code=bill.code,
            state=shown_state(bill),
            outstanding=bill.outstanding,
            gateway=page.gateway if page else None,
            checkout_url=page.url if page and for_citizen and page.by == "citizen" else None,
            paid_at=bill.paid_at if bill.captures else None,
            receipt_number=bill.receipt_number,
            refunded_amount=done or None,
            refunds=tuple(RefundView.of(each) for each in bill.refunds),
        )


class AttemptView(BaseModel):
    """A page at a gateway. `closed`: as far as the gateway says, nobody can pay on it any more.

    `abandoned_by`: the operator who gave it up, for the gateway did not say for days what became of it.
    """

    attempt_id: UUID
    gateway: str
    session_id: str | None
    began: datetime | None
    closes_at: datetime
    amount: int
    closed: bool
    abandoned_by: str | None


class CaptureView(BaseModel):
    """Money that came in. `use`: for the fees, or kept apart until it has gone back.

    `by`: who took it at the counter, or had it taken for the fees after all for this `reason`.
    """

    capture_id: UUID
    attempt_id: UUID | None
    gateway: str
    amount: int
    currency: str
    reference: str
    paid_at: datetime
    use: str
    by: str | None
    reason: str | None


class FullBillView(BaseModel):
    """A bill as officers and operators look into it: with each page that was made and all money that came in."""

    bill: BillView
    agency: str
    agency_name: str
    void_reason: str | None
    attempts: tuple[AttemptView, ...]
    captures: tuple[CaptureView, ...]

    @classmethod
    def of(cls, bill: Bill) -> FullBillView:
        attempts = (*bill.past, bill.attempt) if bill.attempt else bill.past
        return cls(
            bill=BillView.of(bill),
            **bill.model_dump(include={"agency", "agency_name", "void_reason"}),
            attempts=tuple(AttemptView(**each.model_dump(include=set(AttemptView.model_fields))) for each in attempts),
            captures=tuple(
                CaptureView(**each.model_dump(include=set(CaptureView.model_fields))) for each in bill.captures
            ),
        )


def shown_state(bill: Bill) -> str:
    """The bill's state, or that of its money on the way back, which is what one wants to know then.

    refund_failed: an officer must pay out · refund_ready: on its way · refunded: nothing stays · partly_refunded: some
    fees went back, the others stay paid.
    """
    states = {refund.state for refund in bill.refunds}
    if not states or bill.state not in ("paid", "expired", "cancelled"):
        return bill.state
    if "refused" in states:
        return "refund_failed"
    if states & {"ready", "by_hand"}:
        return "refund_ready"
    left = kept(bill)
    return "refunded" if not left else "partly_refunded" if left < bill.received else bill.state


class LineLeft(BaseModel):
    """What of a fee line still can go back, in đồng, and where it is nothing, why."""

    code: str
    kind: str
    name: str
    amount: int
    gone: int
    available: int
    why_not: str | None
    why_not_en: str | None


class RefundsView(BaseModel):
    """What went back of a bill, and what still can: `available` is what a refund has to name. `reached` is how far the dossier
    has come.
    """

    bill_id: UUID
    reached: str | None
    available: int
    lines: tuple[LineLeft, ...]
    refunds: tuple[RefundView, ...]

    @classmethod
    def of(cls, bill: Bill, reached: str | None) -> RefundsView:
        left = available(bill, reached)
        gone = dict.fromkeys(left, 0)
        for refund in bill.refunds:
            for line in refund.lines:
                gone[line.code] += line.amount
        return cls(
            bill_id=bill.bill_id,
            reached=reached,
            available=sum(left.values()),
            lines=tuple(_line_left(bill, line, gone[line.code], left[line.code], reached) for line in bill.fee_lines),
            refunds=tuple(RefundView.of(each) for each in bill.refunds),
        )


def _line_left(bill: Bill, line: FeeLine, gone: int, left: int, reached: str | None) -> LineLeft:
    vi, en = (None, None) if left else _why_not(bill, line, reached)
    return LineLeft(
        **line.model_dump(include={"code", "kind", "name", "amount"}),
        gone=gone,
        available=left,
        why_not=vi,
        why_not_en=en,
    )


def _why_not(bill: Bill, line: FeeLine, reached: str | None) -> tuple[str, str]:
    if bill.state != "paid":
        return "Khoản phí chưa được nộp.", "The bill is not paid."
    if not line.refundable:
        return f"Không hoàn trả theo {line.legal_basis}.", f"Never refunded, by {line.legal_basis}."
    if not may_go_back(line, reached):
        until = {"acceptance": "được tiếp nhận", "result": "có kết quả"}[line.refund_until or "result"]
        return f"Chỉ hoàn trả trước khi hồ sơ {until}.", f"Refunded only before {line.refund_until}."
    return "Đã hoàn trả hết.", "All of it has gone back."
