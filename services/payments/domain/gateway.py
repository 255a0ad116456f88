"""The port to a payment gateway: what we ask, what we may hear, and what an adapter must keep to.

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
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from chassis.calls import Calling
from chassis.decider import Message
from chassis.errors import Unanswered

STRIPE = "stripe"
UNREADABLE = "unreadable: "
"""So begins the note of a movement whose line could not be read."""


class UnknownCode(Unanswered):
    """The gateway said something that its adapter has no word for."""


class Item(Message):
    """One fee line, as a gateway that prints receipts wants to know it. `kind`: phí or lệ phí."""

    code: str
    kind: str
    name: str
    amount: int
    beneficiary: str


class Asking(Message):
    """What every question names. Questions written down before there were several gateways are Stripe's."""

    gateway: str = STRIPE


class CreateCheckout(Asking):
    """Make a page where the citizen pays `amount` đồng. Called once the attempt's row is committed; key: the attempt's id.

    `payment_code` is the bill's own short code (domain/codes.py), for gateways where the payer writes the purpose himself.
    `payer_address` is the IP address of the payer's browser. `payer` is sealed (adapters/payer.py): only what a gateway
    that prints receipts demands, typed by the payer, and read by its adapter alone.
    """

    attempt_id: UUID
    bill_id: UUID
    dossier_code: str
    amount: int
    description: str
    began: datetime | None = None
    closes_at: datetime
    return_url: str
    payment_code: str = ""
    procedure: str = ""
    procedure_name: str = ""
    agency: str = ""
    agency_name: str = ""
    items: tuple[Item, ...] = ()
    payer_address: str = "127.0.0.1"
    payer: str | None = None


class AskCheckout(Asking):
    """Tell the truth about a page: after a webhook, on the citizen's return, or after silence.

    `began` and `closes_at` are those of CreateCheckout; `amount` what was asked for.
    """

    attempt_id: UUID
    session_id: str
    began: datetime | None = None
    closes_at: datetime | None = None
    amount: int = 0


class CloseCheckout(AskCheckout):
    """Close the page, so that it can no longer be paid; then tell the truth about it.

    A gateway that cannot close pages stays Unanswered until the page has closed by itself. It is never asked of one whose
    pages never close.
    """


class Refund(Asking):
    """Send `amount` đồng of a captured payment back. Key: the refund's id.

    `reference` is the capture's, `captured_amount` and `paid_at` what was taken and when, `session_id` and `began` those of
    its page. A request that was made before a dossier could have several bills names none.
    """

    refund_id: UUID
    bill_id: UUID | None = None
    dossier_code: str
    reference: str
    amount: int
    currency: str = "VND"
    reason: str
    session_id: str | None = None
    began: datetime | None = None
    captured_amount: int = 0
    paid_at: datetime | None = None
    requested_at: datetime | None = None


class AskRefund(Asking):
    """Tell the truth about a refund that the gateway has taken: the citizen's bank may send it back days later."""

    refund_id: UUID
    reference: str


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


@dataclass(frozen=True, slots=True)
class Ring:
    """A webhook whose signature and age were found right. `event_id` is the gateway's own id of it: the same for copies.

    `created` is when, by the gateway's clock, where it lists its events.
    """

    event_id: str
    kind: str
    body: bytes
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tiding:
    """What a ring says, once it is read: which bill it is about, and either money or that the gateway must be asked.

    The bill is named by one of the four, in this order: an attempt, a payment code, a bill, a dossier (its first bill).
    """

    attempt_id: UUID | None = None
    payment_code: str | None = None
    bill_id: UUID | None = None
    dossier_code: str | None = None
    session_id: str | None = None
    captured: Captured | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a gateway's statement. `amount` and `fee` (the gateway's own) in đồng, or in hundredths of other money.

    kind  capture: money came in · refund: money went out · refund_returned: a refund came back · other: neither, named
          by `note`, with its sign: below 0 the gateway holds less for us. So is a line that cannot be read, of 0 or of
          as much as is known
    `reference` is what Captured or RefundDone call it, `line` the statement's own id of the line, unique at the gateway.
    Our own ids stand there as far as the gateway keeps them; `purpose` is what the payer wrote.
    """

    line: str
    kind: Literal["capture", "refund", "refund_returned", "other"]
    reference: str
    amount: int
    currency: str
    at: datetime
    fee: int = 0
    attempt_id: UUID | None = None
    refund_id: UUID | None = None
    payment_code: str | None = None
    purpose: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """An attempt of ours, for gateways that give no statement and must be asked about each."""

    attempt_id: UUID
    session_id: str
    began: datetime
    closes_at: datetime
    amount: int


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
