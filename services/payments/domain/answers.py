"""What a gateway may answer, or say by itself: definite, and in our words."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.decider import Message
from services.payments.domain.gateways import STRIPE


class CheckoutCreated(Message):
    """The page stands: at `url`, or as `picture_text`, what a QR picture of ours says (then `url` is empty)."""

    attempt_id: UUID
    session_id: str
    url: str
    picture_text: str | None = None


class CheckoutRefused(Message):
    """The gateway definitely refuses to make such a page; nothing can be paid on it."""

    attempt_id: UUID
    reason: str


class StillOpen(Message):
    """The page may still be paid; `decline` is the last try's reason in our words, `decline_reference` names that try.

    Both are there or neither.
    """

    attempt_id: UUID
    decline: str | None = None
    decline_reference: str | None = None


class Captured(Message):
    """The money is the gateway's to pay out to us: final.

    `attempt_id` names the page it was paid on, where there was one. `capture_id` names the money: where an attempt can be
    paid once only, that is the attempt's id and is left out. `reference` is the gateway's own name of the payment, unique
    there. `heard_only` marks what a webhook says: it is taken in where it is what the bill expects, else the gateway is
    asked.
    """

    attempt_id: UUID | None
    amount: int
    currency: str
    reference: str
    paid_at: datetime
    gateway: str = STRIPE
    capture_id: UUID | None = None
    heard_only: bool = False

    @property
    def money_id(self) -> UUID:
        """What names this money. Raises ValueError for money without a name."""
        named = self.capture_id or self.attempt_id
        if named is None:
            raise ValueError("money that neither a page nor a reference names")
        return named


class SessionClosed(Message):
    """The page is closed and was not paid: nobody can pay on it any more. `decline` as in StillOpen."""

    attempt_id: UUID
    decline: str | None = None
    decline_reference: str | None = None


class RefundDone(Message):
    """The gateway has taken the refund."""

    refund_id: UUID
    reference: str


class RefundRefused(Message):
    """The gateway definitely refuses the refund, or got it back from the citizen's bank."""

    refund_id: UUID
    reason: str


Truth = StillOpen | Captured | SessionClosed
