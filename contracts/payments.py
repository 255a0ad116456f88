"""payments.v1: what became of a dossier's fees. Owned by payments, keyed by dossier code."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.event import Data, events
from contracts.money import Currency, Dong, FeeLine

TOPIC = "payments.v1"

RequestId = Annotated[UUID | None, Field(description="Lần yêu cầu nộp phí phát sinh, như trong dossier.fees-requested")]
"""Which request for fees a bill is for; none for the fees of the form, and in events of before requests had ids."""


class Opened(Data):
    """A bill stands open for the dossier's fees."""

    bill_id: UUID
    amount: Dong
    currency: Currency = "VND"
    fee_lines: tuple[FeeLine, ...]
    due: AwareDatetime
    request_id: RequestId = None


class Started(Data):
    """The citizen was sent to the gateway's page."""

    bill_id: UUID
    attempt_id: UUID
    gateway: str = Field(examples=["stripe"])


class Succeeded(Data):
    """The fees are paid: captured at the gateway and posted to the ledger."""

    bill_id: UUID
    attempt_id: UUID
    amount: Dong
    currency: Currency = "VND"
    gateway: str
    gateway_reference: str = Field(description="Mã giao dịch của cổng thanh toán", examples=["pi_3Qabc"])
    paid_at: AwareDatetime
    request_id: RequestId = None


class PartlyPaid(Data):
    """Less than the fees came in by bank transfer: it is kept, and the rest is still due."""

    bill_id: UUID
    amount: Dong
    currency: Currency = "VND"
    outstanding: Dong = Field(description="Còn phải nộp, đồng")
    gateway: str
    gateway_reference: str
    paid_at: AwareDatetime


class ExpiresSoon(Data):
    """The last day to pay is near and the fees are not paid."""

    bill_id: UUID
    outstanding: Dong
    currency: Currency = "VND"
    due: AwareDatetime


class Failed(Data):
    """One try was declined; the bill stays open and the citizen may try again."""

    bill_id: UUID
    attempt_id: UUID
    reason: str = Field(description="Our own word for the decline", examples=["insufficient_funds"])


class ReceiptIssued(Data):
    """The receipt (biên lai) got its number: at most 8 digits, counted from 1 in each year."""

    bill_id: UUID
    receipt_number: str = Field(pattern=r"^\d{4}/\d{1,8}$", examples=["2026/00000017"])
    amount: Dong
    currency: Currency = "VND"
    replaces: str | None = Field(
        default=None, pattern=r"^\d{4}/\d{1,8}$", description="Số biên lai bị thay thế, khi một phần được hoàn trả"
    )


class ReceiptCancelled(Data):
    """The receipt is void because all its fees went back; its number is never used again."""

    bill_id: UUID
    receipt_number: str = Field(pattern=r"^\d{4}/\d{1,8}$", examples=["2026/00000017"])
    reason: str


class Expired(Data):
    """Nobody paid in time; the gateway has closed its page."""

    bill_id: UUID
    request_id: RequestId = None


class Cancelled(Data):
    """The bill is void: its dossier went no further, or its agency took the request back; the gateway has closed its page."""

    bill_id: UUID
    reason: str
    request_id: RequestId = None


class RefundStarted(Data):
    """Money is on its way back to the citizen; `by_hand`: not by the gateway, an officer pays it out.

    `unexpected` money was no fee (too much, too late, paid twice): the bill stays what it is. `amount` is 0 where it is no
    đồng.
    """

    bill_id: UUID
    refund_id: UUID
    amount: Dong
    currency: Currency = "VND"
    reason: str
    by_hand: bool = False
    unexpected: bool = False


class Refunded(Data):
    """The gateway confirmed the refund, or an officer that it was paid out; `kept` is what stays paid of the bill.

    `amount` is 0 where it is no đồng.
    """

    bill_id: UUID
    refund_id: UUID
    amount: Dong
    currency: Currency = "VND"
    gateway_reference: str
    kept: Dong | None = None
    by_hand: bool = False
    unexpected: bool = False


class RefundFailed(Data):
    """The gateway definitely refused the refund; an officer must return the money another way.

    Without `amount` where it is no đồng, and in events of before it was told.
    """

    bill_id: UUID
    refund_id: UUID
    amount: Dong | None = None
    currency: Currency = "VND"
    reason: str
    unexpected: bool = False


class DiscrepancyFound(Data):
    """Money or a fact that does not fit; nothing was settled, a person must look.

    At a bill when it is paid otherwise than asked for, or by reconciliation: then `kind` says what was found, and where no
    bill is known, the event's subject is the gateway's reference.
    """

    bill_id: UUID | None = None
    attempt_id: UUID | None = None
    expected: int = Field(ge=0, description="Theo sổ của chúng tôi, đồng; có thể hơn 10^12 / by our books, đồng")
    found: int
    found_currency: str
    kind: str | None = Field(default=None, examples=["unknown_payment"])
    gateway: str | None = None
    gateway_reference: str | None = None

    @property
    def is_of_its_bill(self) -> bool:
        """A bill was paid otherwise than asked for: older events do not say of which kind they are."""
        return self.bill_id is not None and self.kind in (None, "not_as_asked")


EVENTS = events(
    TOPIC,
    "vn.motcua.payment",
    {
        "opened": Opened,
        "started": Started,
        "succeeded": Succeeded,
        "partly-paid": PartlyPaid,
        "expires-soon": ExpiresSoon,
        "failed": Failed,
        "receipt-issued": ReceiptIssued,
        "receipt-cancelled": ReceiptCancelled,
        "expired": Expired,
        "cancelled": Cancelled,
        "refund-started": RefundStarted,
        "refunded": Refunded,
        "refund-failed": RefundFailed,
        "discrepancy-found": DiscrepancyFound,
    },
)
