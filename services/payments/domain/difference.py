"""A difference: what reconciliation found and no rule explains. Raised once; explained, assigned or sent back by people.

What a gateway holds and no bill has taken stands in suspense, posted by its difference: so every đồng at the gateway is in
the ledger, and what suspense holds is told apart. `apart` is what of it stands there now, in đồng.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.decider import Message, State
from chassis.table import Move, Table
from contracts import payments
from services.payments.domain.answers import RefundDone, RefundRefused

DifferenceState = Literal["open", "explained", "healed", "assigned", "returning", "by_hand", "returned"]
UNEXPLAINED = "unexplained"
"""The reason of what differences post about suspense: no other entry has it."""
MONEY_IN = ("unknown_payment", "capture_unheard")
"""Kinds that are money which came in and which no bill has: it can be assigned or sent back."""


class Found(Message):
    """Reconciliation found it: `expected` by our books, `found` on the other side, in đồng where `currency` is VND.

    `gateway` is "dossiers" for what bills and dossiers say. `incoming`: it is money that comes to us. `posts`: the gateway
    holds it, so it must stand in the ledger. `told`: whoever must know was told before. `money_id` names money as whoever
    else sees it would. `reason` is why nothing healed it, where that is known.
    """

    gateway: str
    kind: str
    reference: str
    expected: int
    found: int
    at: datetime
    currency: str = "VND"
    incoming: bool = True
    posts: bool = False
    told: bool = False
    dossier_code: str | None = None
    bill_id: UUID | None = None
    attempt_id: UUID | None = None
    money_id: UUID | None = None
    reason: str | None = None

    @property
    def key(self) -> str:
        return f"{self.gateway}/{self.kind}/{self.reference}"


class Gone(Message):
    """All sides agree now."""


class Explain(Message):
    """An operator knows why."""

    reason: str
    by: str


class Assign(Message):
    """An operator knows whose the money is: a bill takes it in the same transaction."""

    bill_id: UUID
    reason: str
    by: str


class Return(Message):
    """An operator sends the money back to whoever paid it: by its gateway, or `by_hand`, paid out by somebody else."""

    refund_id: UUID
    reason: str
    by: str
    by_hand: bool = False


class TakeOver(Message):
    """The gateway has not answered for days whether it sent the money back: it is asked no more, somebody pays it out."""

    by: str


class PayOutByHand(Message):
    """Another operator has paid out what one has ordered; `voucher` is its number."""

    voucher: str
    by: str


class Difference(State):
    """One difference. `subject` is the dossier's code, or the gateway's reference where none is known."""

    key: str
    difference_id: UUID
    subject: str
    gateway: str
    kind: str
    reference: str
    state: DifferenceState = "open"
    incoming: bool
    expected: int
    found: int
    currency: str
    at: datetime
    found_at: datetime
    dossier_code: str | None = None
    bill_id: UUID | None = None
    attempt_id: UUID | None = None
    money_id: UUID | None = None
    apart: int = 0
    postings: int = 0
    refund_id: UUID | None = None
    refund_reference: str | None = None
    bill_assigned: UUID | None = None
    reason: str | None = None
    by: str | None = None
    paid_out_by: str | None = None

    @property
    def is_money_in(self) -> bool:
        return self.kind in MONEY_IN and self.apart > 0


NAMES = {
    "open": "chưa giải thích",
    "explained": "đã giải thích",
    "healed": "đã khớp",
    "assigned": "đã gán cho khoản phí",
    "returning": "đang trả lại",
    "by_hand": "chờ chi trả tại quầy",
    "returned": "đã trả lại",
}
WORDS: dict[type, str] = {
    Explain: "giải thích",
    Assign: "gán cho một khoản phí",
    Return: "trả lại người nộp",
    TakeOver: "chuyển sang chi trả tại quầy",
    PayOutByHand: "ghi nhận đã chi trả",
}
UNSETTLED = ("open", "explained")

MOVES = Table(
    [
        #    from       message        to           event
        Move(None, Found, "open", payments.DiscrepancyFound),
        Move("healed", Found, "open", payments.DiscrepancyFound),
        Move("explained", Found, "open", payments.DiscrepancyFound),
        Move("open", Found, "open"),
        *(Move(state, Gone, "healed") for state in UNSETTLED),
        *(Move(state, Explain, "explained") for state in UNSETTLED),
        *(Move(state, Assign, "assigned") for state in UNSETTLED),
        *(Move(state, Return, "returning") for state in UNSETTLED),
        *(Move(state, Return, "by_hand") for state in UNSETTLED),
        Move("by_hand", PayOutByHand, "returned"),
        Move("returning", RefundDone, "returned"),
        Move("returning", RefundRefused, "open"),
        Move("returning", TakeOver, "by_hand"),
        # It went out after all, as far as nobody paid it out by hand.
        Move("by_hand", RefundDone, "returned"),
        Move("returned", RefundRefused, "open", payments.DiscrepancyFound),
    ],
    NAMES,
    WORDS,
    voices=(Explain, Assign, Return, TakeOver, PayOutByHand),
    rests=("healed", "returned"),
)
