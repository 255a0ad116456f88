"""How bills look to people and programs over HTTP."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from contracts.money import FeeLine
from services.payments.domain.bill import Bill
from services.payments.domain.refund import Refund


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
    """A bill. `outstanding` is what is still to be paid, `payment_code` what a transfer's purpose must hold."""

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
    def of(cls, bill: Bill) -> BillView:
        done = sum(each.amount for each in bill.refunds if each.state == "done")
        page = bill.attempt if bill.state == "in_checkout" else None
        return cls(
            **bill.model_dump(include=set(cls.model_fields) & set(Bill.model_fields) - {"state", "refunds"}),
            payment_code=bill.code,
            state=shown_state(bill),
            outstanding=bill.outstanding,
            gateway=page.gateway if page else None,
            checkout_url=page.url if page else None,
            paid_at=bill.paid_at if bill.captures else None,
            receipt_number=bill.receipt_number,
            refunded_amount=done or None,
            refunds=tuple(RefundView.of(each) for each in bill.refunds),
        )


def shown_state(bill: Bill) -> str:
    """The bill's state, or that of its money on the way back, which is what one wants to know then."""
    states = {refund.state for refund in bill.refunds}
    if not states or bill.state not in ("paid", "expired", "cancelled"):
        return bill.state
    if "refused" in states:
        return "refund_failed"
    return "refund_ready" if states & {"ready", "by_hand"} else "refunded"
