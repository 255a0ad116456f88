"""The port to a payment gateway: what we ask, what we may hear, and what an adapter must keep to.

An adapter is called outside any transaction, and again with the same request and key until it answers. It answers only
what the gateway said definitely. A time-out, a 409, 429 or 5xx, and "not found", are no answer: it raises Unanswered.
It never decides that a payment failed because nothing was heard.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from chassis.calls import Calling
from chassis.decider import Message


class CreateCheckout(Message):
    """Make a page where the citizen pays `amount` đồng. Called once the attempt's row is committed; key: the attempt's id."""

    attempt_id: UUID
    bill_id: UUID
    dossier_code: str
    amount: int
    description: str
    closes_at: datetime
    return_url: str


class AskCheckout(Message):
    """Tell the truth about a page: after a webhook, on the citizen's return, or after silence."""

    attempt_id: UUID
    session_id: str


class CloseCheckout(Message):
    """Close the page, so that it can no longer be paid; then tell the truth about it."""

    attempt_id: UUID
    session_id: str


class Refund(Message):
    """Send `amount` đồng of a captured payment back. Key: the refund's id.

    A request that was made before a dossier could have several bills names none.
    """

    refund_id: UUID
    bill_id: UUID | None = None
    dossier_code: str
    reference: str
    amount: int
    reason: str


class AskRefund(Message):
    """Tell the truth about a refund that the gateway has taken: the citizen's bank may send it back days later."""

    refund_id: UUID
    reference: str


class CheckoutCreated(Message):
    """The page stands."""

    attempt_id: UUID
    session_id: str
    url: str


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
    """The money is the gateway's to pay out to us: final."""

    attempt_id: UUID
    amount: int
    currency: str
    reference: str
    paid_at: datetime


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


class Gateway(Protocol):
    """One payment gateway."""

    name: str

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused: ...

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth: ...

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth: ...

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused: ...

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused: ...
