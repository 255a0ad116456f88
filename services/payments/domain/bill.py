"""A bill: fees of one dossier, and the table of what may become of them.

A dossier has one bill for the fees of its form, and one more for each time that fees come up later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.decider import State
from chassis.errors import NotFound
from chassis.table import Move, Table
from contracts import dossiers, payments
from contracts.money import FeeLine
from services.payments.domain.answers import Captured, CheckoutCreated, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.gateways import STRIPE
from services.payments.domain.messages import (
    AbandonPage,
    BillExpiry,
    CancelCheckout,
    PayElsewhere,
    Settle,
    StartCheckout,
)
from services.payments.domain.receipts import Receipt
from services.payments.domain.refund import Refund

BillState = Literal[
    "open", "checkout_ready", "in_checkout", "closing", "expiring", "withdrawing", "paid", "expired", "cancelled",
    "discrepancy",
]  # fmt: skip


class Attempt(BaseModel):
    """One page at a gateway; its id is our key and our reference there. `declines` are the tries already told of.

    `amount` in đồng is what the page asks for. `closed`: nobody can pay on it any more, as far as the gateway says. `by` is
    who began it: a page may show what he typed, and is shown to nobody else. `abandoned_by`: the operator who gave it up.
    """

    model_config = ConfigDict(frozen=True)

    attempt_id: UUID
    gateway: str = STRIPE
    session_id: str | None = None
    url: str | None = None
    picture_text: str | None = None
    began: datetime | None = None
    closes_at: datetime
    amount: int = 0
    declines: tuple[str, ...] = ()
    closed: bool = False
    by: Literal["citizen", "link"] = "citizen"
    abandoned_by: str | None = None


class Capture(BaseModel):
    """Money that came in. `use`: for the bill's fees (a part of them, too), or kept apart until it has gone back.

    `by` is who took it where no page did (an officer, a bank), or had it taken for the fees after all, for this `reason`.
    """

    model_config = ConfigDict(frozen=True)

    capture_id: UUID
    attempt_id: UUID | None
    gateway: str = STRIPE
    amount: int
    currency: str
    reference: str
    paid_at: datetime
    session_id: str | None = None
    began: datetime | None = None
    use: Literal["fees", "apart"] = "fees"
    by: str | None = None
    reason: str | None = None


class Bill(State):
    """Fees of one dossier. `key` is the dossier's code for those of its form; `opening.later_key` for those that came up later.

    `request_id` names the request for later fees. `attempt` is the running page, `past` those before it: late money may come
    from each. `taken` names all money that came in, so that each is taken once. `void_reason` is why nobody owes it any more.
    """

    key: str
    dossier_code: str
    bill_id: UUID
    code: str = ""
    request_id: UUID | None = None
    person_id: UUID
    agency: str
    agency_name: str = ""
    procedure: str = ""
    procedure_name: str = ""
    state: BillState = "open"
    amount: int = Field(gt=0)
    currency: str = "VND"
    fee_lines: tuple[FeeLine, ...]
    due: datetime
    attempt: Attempt | None = None
    past: tuple[Attempt, ...] = ()
    taken: tuple[UUID, ...] = ()
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    void_reason: str | None = None

    @property
    def received(self) -> int:
        """Đồng that came in for the fees; what was paid beyond them is not counted."""
        return min(self.amount, sum(each.amount for each in self.captures if each.use == "fees"))

    @property
    def outstanding(self) -> int:
        """Đồng that are still to be paid."""
        return self.amount - self.received

    @property
    def receipt_number(self) -> str | None:
        """The number of the receipt that holds now."""
        return next((each.number for each in self.receipts if each.ended is None), None)

    @property
    def paid_at(self) -> datetime | None:
        """When the last of the fees came in."""
        return max((each.paid_at for each in self.captures if each.use == "fees"), default=None)

    def attempt_of(self, attempt_id: UUID | None) -> Attempt | None:
        """The attempt of this id, running or past."""
        known = (*self.past, self.attempt) if self.attempt else self.past
        return next((each for each in known if each.attempt_id == attempt_id), None)


# A page may be open, or about to be; the bill can still be paid in all but the last.
WAITING = ("checkout_ready", "in_checkout", "closing", "expiring", "withdrawing")
PAYABLE = ("open", *WAITING[:4])
# The dossier goes no further, its two ways to end being the same to a bill; or the request for this bill is taken back.
VOIDINGS = (dossiers.Refused, dossiers.Stopped, dossiers.FeesWithdrawn)

NAMES = {
    "open": "chờ nộp",
    "checkout_ready": "đang mở trang thanh toán",
    "in_checkout": "đang nộp",
    "closing": "đang đóng trang thanh toán",
    "expiring": "hết hạn và đang đóng trang thanh toán",
    "withdrawing": "đã hủy và đang đóng trang thanh toán",
    "paid": "đã nộp",
    "expired": "hết hạn nộp",
    "cancelled": "đã hủy",
    "discrepancy": "chênh lệch chờ người xử lý",
}
WORDS: dict[type, str] = {
    StartCheckout: "mở trang thanh toán",
    CancelCheckout: "đóng trang thanh toán",
    PayElsewhere: "nộp ở nơi khác",
    AbandonPage: "bỏ trang thanh toán",
    Settle: "xử lý chênh lệch",
}

# A move tells its event, or nothing where there is nothing new to tell (a decline that was told before). Refunds have a
# table of their own (domain/refund.py): a bill stays paid, expired or cancelled while money goes back.
MOVES = Table(
    [
        #    from               message              to                  event
        Move(None, dossiers.Submitted, "open", payments.Opened),
        Move(None, dossiers.FeesRequested, "open", payments.Opened),
        Move("open", StartCheckout, "checkout_ready"),
        # A page that never closes was shown long enough.
        *(Move(state, StartCheckout, "checkout_ready") for state in WAITING[:2]),
        Move("checkout_ready", CheckoutCreated, "in_checkout", payments.Started),
        Move("checkout_ready", CheckoutRefused, "open"),
        Move("in_checkout", StillOpen, "in_checkout", payments.Failed),
        Move("in_checkout", SessionClosed, "open", payments.Failed),
        # The citizen wants another way: the page is closed first, or left alone where it never closes.
        *(Move(state, CancelCheckout, "closing") for state in WAITING[:2]),
        *(Move(state, PayElsewhere, "closing") for state in WAITING[:2]),
        *(Move(state, CancelCheckout, "open") for state in WAITING[:2]),
        Move("closing", CheckoutCreated, "closing"),
        Move("closing", CheckoutRefused, "open"),
        Move("closing", SessionClosed, "open"),
        *(Move(state, PayElsewhere, "paid", payments.Succeeded) for state in PAYABLE[:3]),
        # Money: all of it, a part of it, or not what the page asked for.
        *(Move(state, Captured, "paid", payments.Succeeded) for state in PAYABLE),
        Move("in_checkout", Captured, "open", payments.PartlyPaid),
        *(Move(state, Captured, state, payments.PartlyPaid) for state in PAYABLE),
        *(Move(state, Captured, "discrepancy", payments.DiscrepancyFound) for state in PAYABLE),
        # More than a bill can take: its page is gone, its money a difference.
        *(Move(state, Captured, "open") for state in WAITING[:3]),
        Move("expiring", Captured, "expired", payments.Expired),
        *(Move("discrepancy", Settle, state, payments.Opened) for state in ("open", "closing")),
        *(Move("discrepancy", Settle, state) for state in WAITING[3:]),
        Move("discrepancy", Settle, "paid", payments.Succeeded),
        Move("discrepancy", Settle, "expired", payments.Expired),
        Move("discrepancy", Settle, "cancelled", payments.Cancelled),
        # Its time is over.
        Move("open", BillExpiry, "expired", payments.Expired),
        *(Move(state, BillExpiry, "expired", payments.Expired) for state in WAITING[:2]),
        *(Move(state, BillExpiry, "expiring") for state in WAITING[:3]),
        Move("expiring", CheckoutCreated, "expiring"),
        Move("expiring", CheckoutRefused, "expired", payments.Expired),
        Move("expiring", SessionClosed, "expired", payments.Expired),
        # Nobody owes it any more.
        *(Move(state, voiding, "cancelled", payments.Cancelled) for state in PAYABLE[:3] for voiding in VOIDINGS),
        *(Move(state, voiding, "withdrawing") for state in WAITING[:4] for voiding in VOIDINGS),
        *(Move("discrepancy", voiding, "discrepancy") for voiding in VOIDINGS),
        *(Move("paid", voiding, "paid", payments.RefundStarted) for voiding in VOIDINGS),
        Move("withdrawing", CheckoutCreated, "withdrawing"),
        Move("withdrawing", CheckoutRefused, "cancelled", payments.Cancelled),
        Move("withdrawing", SessionClosed, "cancelled", payments.Cancelled),
        Move("withdrawing", Captured, "cancelled", payments.Cancelled),
        # Its gateway does not say for days what became of the page.
        *(Move(state, AbandonPage, "open") for state in WAITING[:3]),
        Move("expiring", AbandonPage, "expired", payments.Expired),
        Move("withdrawing", AbandonPage, "cancelled", payments.Cancelled),
        # Money that nobody asks for (any more), or that is none of ours, goes back by itself.
        *(Move(state, Captured, state, payments.RefundStarted) for state in NAMES),
    ],
    NAMES,
    WORDS,
    voices=(StartCheckout, CancelCheckout, PayElsewhere, AbandonPage, Settle),
    rests=("paid", "expired", "cancelled"),
)


def known(bill: Bill | None) -> Bill:
    """Raises NotFound when there is no bill."""
    if bill is None:
        raise NotFound("Không tìm thấy khoản phí này.", "There is no such bill.")
    return bill


def to(bill: Bill, message: type, target: BillState | None = None, **changes: object) -> Bill:
    """The bill after this message: in the table's first state for it, or in `target` where the table gives several.

    Raises Refusal for a move that the table does not have.
    """
    first = MOVES.require(bill.state, message, target)
    return bill.model_copy(update={"state": first.target, **changes})


def running(bill: Bill, attempt_id: UUID | None) -> Attempt | None:
    """The attempt that an answer speaks of, when it is the running one."""
    return bill.attempt if bill.attempt is not None and bill.attempt.attempt_id == attempt_id else None
