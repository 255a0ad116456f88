"""What a gateway is asked: outside calls, made again with the same request and key until they are answered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.decider import Message
from services.payments.domain.gateways import STRIPE


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
