"""The port to a payment gateway: what an adapter must keep to.

What we ask stands in `questions.py`, what we may hear in `answers.py`, what it tells unasked in `tidings.py`.

When it is called: `hear` at the door, before a webhook is answered; `tell` later, when it is worked off; the questions
outside any transaction, by the worker of outside calls, and again with the same request and key until they are answered;
`movements` by reconciliation.

What is forbidden: to answer what the gateway did not say definitely. A time-out, a 409, 429 or 5xx, and "not found", are
no answer: raise Unanswered. No adapter decides that a payment failed because nothing was heard, draws an id of its own
for a call, touches the database, or keeps anything between two calls but connections. A code of the gateway that stands
in no table beside the adapter raises UnknownCode: it is Unanswered, and said aloud.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chassis.calls import Calling
from chassis.errors import Unanswered
from services.payments.domain.answers import CheckoutCreated, CheckoutRefused, RefundDone, RefundRefused, Truth
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Known, Movement, Ring, Tiding


class UnknownCode(Unanswered):
    """The gateway said something that its adapter has no word for."""


class Gateway(Protocol):
    """One payment gateway. What the domain must know of it stands in `domain/gateways.py`."""

    name: str

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused: ...

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth: ...

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth: ...

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        """Only asked of gateways whose manner says that they refund, and within their window."""
        ...

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused: ...

    def hear(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Ring:
        """Check a webhook's signature and age. Raises Refusal 400 for one that is forged, unsigned, too old or no event.

        It runs before the answer: no I/O, and no more parsing than the check needs.
        """
        ...

    def tell(self, ring: Ring) -> Sequence[Tiding]:
        """What a ring says; nothing for an event that is none of ours. Raises UnknownCode."""
        ...

    def movements(self, since: datetime, until: datetime, known: Sequence[Known]) -> AsyncIterator[Sequence[Movement]]:
        """The gateway's statement of [since, until), page by page; each line once. Raises Unanswered.

        A line that cannot be read is told as such, and hides no other.

        `known` are the attempts that a gateway without a statement must be asked about, one by one; for others, none.
        """
        ...
