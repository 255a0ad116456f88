"""A bill: fees of one dossier, and the table of what may become of them.

A dossier has one bill for the fees of its form, and one more for each time that fees come up later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.decider import Message, State
from chassis.errors import NotFound
from chassis.table import Move, Table
from contracts import dossiers, payments
from contracts.money import FeeLine
from services.payments.domain import ledger
from services.payments.domain.gateway import (
    Captured,
    CheckoutCreated,
    CheckoutRefused,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
)

GATEWAY = "stripe"

BillState = Literal[
    "open", "checkout_ready", "in_checkout", "expiring", "withdrawing", "paid", "refund_ready", "refunded",
    "refund_failed", "expired", "cancelled", "discrepancy",
]  # fmt: skip


class Attempt(BaseModel):
    """One page at the gateway; its id is our key and our reference there. `declines` are the tries already told of."""

    model_config = ConfigDict(frozen=True)

    attempt_id: UUID
    session_id: str | None = None
    url: str | None = None
    closes_at: datetime
    declines: tuple[str, ...] = ()


class Capture(BaseModel):
    """The money that was taken."""

    model_config = ConfigDict(frozen=True)

    attempt_id: UUID
    amount: int
    currency: str
    reference: str
    paid_at: datetime


class Return(BaseModel):
    """Money that goes back: the fee lines of the bill, or `unexpected` money that belongs to none.

    `rung`: the gateway had something to say of it before its answer was taken in, so it must be asked once more.
    """

    model_config = ConfigDict(frozen=True)

    refund_id: UUID
    amount: int
    reason: str
    lines: tuple[FeeLine, ...] = ()
    unexpected: bool = False
    rung: bool = False
    reference: str | None = None


class Bill(State):
    """Fees of one dossier. `key` is the dossier's code for those of its form; `opening.later_key` for those that came up later.

    `taken` are the attempts whose money was taken in.
    `postings` is what this decision adds to the ledger: written by the store, never loaded.
    """

    key: str
    dossier_code: str
    bill_id: UUID
    person_id: UUID
    agency: str
    state: BillState = "open"
    amount: int = Field(gt=0)
    currency: str = "VND"
    fee_lines: tuple[FeeLine, ...]
    due: datetime
    attempt: Attempt | None = None
    captured: Capture | None = None
    taken: tuple[UUID, ...] = ()
    refund: Return | None = None
    receipt_number: str | None = None
    void_reason: str | None = None
    postings: tuple[ledger.Posting, ...] = ()


class StartCheckout(Message):
    """The citizen wants to pay; `attempt_id` is used when this starts a new attempt."""

    attempt_id: UUID
    return_url: str


class Nudge(Message):
    """Something may have happened at the gateway (a webhook, a citizen's return): ask it. Says nothing by itself.

    `attempt_id` and `session_id` name the page, when it is known which one: money may be found on a page long closed.
    """

    call_id: UUID
    attempt_id: UUID | None = None
    session_id: str | None = None


class BillExpiry(Message):
    """The last day to pay is over."""


class AttemptSilence(Message):
    """Nothing was heard of an open page for a while."""


class IssueReceipt(Message):
    """Number a receipt for a paid bill."""

    receipt_id: UUID
    bill_id: UUID
    dossier_code: str
    amount: int
    year: int


class ReceiptNumbered(Message):
    """The receipt has its number."""

    number: str


# A page may be open, or about to be.
_WAITING = ("checkout_ready", "in_checkout", "expiring", "withdrawing")
# Money was taken in.
_PAID = ("paid", "refund_ready", "refunded", "refund_failed")
# The dossier goes no further: its two ways to end are one and the same to a bill.
ENDINGS = (dossiers.Refused, dossiers.Stopped)

# A move tells its event, or nothing where there is nothing new to tell (a decline that was told before).
MOVES = Table(
    [
        #    from               message              to                  event
        Move(None, dossiers.Submitted, "open", payments.Opened),
        Move(None, dossiers.FeesRequested, "open", payments.Opened),
        Move("open", StartCheckout, "checkout_ready"),
        Move("checkout_ready", CheckoutCreated, "in_checkout", payments.Started),
        Move("checkout_ready", CheckoutRefused, "open"),
        Move("in_checkout", StillOpen, "in_checkout", payments.Failed),
        Move("in_checkout", SessionClosed, "open", payments.Failed),
        Move("open", Captured, "paid", payments.Succeeded),
        Move("checkout_ready", Captured, "paid", payments.Succeeded),
        Move("in_checkout", Captured, "paid", payments.Succeeded),
        Move("open", BillExpiry, "expired", payments.Expired),
        Move("checkout_ready", BillExpiry, "expiring"),
        Move("in_checkout", BillExpiry, "expiring"),
        Move("expiring", CheckoutCreated, "expiring"),
        Move("expiring", CheckoutRefused, "expired", payments.Expired),
        Move("expiring", SessionClosed, "expired", payments.Expired),
        Move("expiring", Captured, "paid", payments.Succeeded),
        *(Move("open", ending, "cancelled", payments.Cancelled) for ending in ENDINGS),
        *(Move(state, ending, "withdrawing") for state in _WAITING[:3] for ending in ENDINGS),
        Move("withdrawing", CheckoutCreated, "withdrawing"),
        Move("withdrawing", CheckoutRefused, "cancelled", payments.Cancelled),
        Move("withdrawing", SessionClosed, "cancelled", payments.Cancelled),
        Move("withdrawing", Captured, "refund_ready", payments.RefundStarted),
        *(Move("paid", ending, "refund_ready", payments.RefundStarted) for ending in ENDINGS),
        Move("expired", Captured, "refund_ready", payments.RefundStarted),
        Move("cancelled", Captured, "refund_ready", payments.RefundStarted),
        Move("refund_ready", RefundDone, "refunded", payments.Refunded),
        Move("refund_ready", RefundRefused, "refund_failed", payments.RefundFailed),
        Move("refunded", RefundRefused, "refund_failed", payments.RefundFailed),
        # Not the bill's amount or currency: a person must look.
        *(
            Move(state, Captured, "discrepancy", payments.DiscrepancyFound)
            for state in ("open", *_WAITING, "expired", "cancelled")
        ),
        # Money of a page long closed, beside what the bill has or waits for: a person must look, the bill goes on.
        *(Move(state, Captured, state, payments.DiscrepancyFound) for state in (*_WAITING, *_PAID, "discrepancy")),
        *(Move(state, ReceiptNumbered, state, payments.ReceiptIssued) for state in _PAID),
    ]
)


def known(bill: Bill | None) -> Bill:
    """Raises NotFound when there is no bill."""
    if bill is None:
        raise NotFound("Không tìm thấy khoản phí này.", "There is no such bill.")
    return bill


def to(bill: Bill, message: type, target: BillState | None = None, **changes: object) -> Bill:
    """The bill after this message: in the table's first state for it, or in `target` where the table gives several.

    Raises Refusal for an illegal move.
    """
    first = MOVES.require(bill.state, message)
    return bill.model_copy(update={"state": target or first.target, **changes})


def running(bill: Bill, attempt_id: UUID) -> Attempt | None:
    """The attempt that an answer speaks of, when it is the running one."""
    return bill.attempt if bill.attempt is not None and bill.attempt.attempt_id == attempt_id else None
