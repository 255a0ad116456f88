"""What a gateway tells of many bills: its webhooks, and the lines of its statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.payments.domain.answers import Captured

UNREADABLE = "unreadable: "
"""So begins the note of a movement whose line could not be read."""


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
