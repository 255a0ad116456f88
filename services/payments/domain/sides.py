"""What reconciliation holds against each other: statements, the ledger, bills and dossiers, as far as they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.decider import Message


@dataclass(frozen=True, slots=True)
class Stated:
    """What a statement says of one reference on one side, where our books say otherwise; amounts as in Movement.

    `amount` is that of all its `lines`, `each` of the first one, `posted` what the ledger has of it. `bill_key` is whose it
    is, by attempt, payment code or refund; `difference_key` the difference that had it sent back. `capture_known` and
    `refund_state` are what that bill says.
    """

    gateway: str
    reference: str
    incoming: bool
    kind: Literal["capture", "refund", "refund_returned", "other"]
    line: str
    lines: int
    each: int
    amount: int
    currency: str
    at: datetime
    attempt_id: UUID | None = None
    refund_id: UUID | None = None
    posted: int | None = None
    bill_key: str | None = None
    bill_id: UUID | None = None
    dossier_code: str | None = None
    capture_known: bool = False
    refund_state: str | None = None
    difference_key: str | None = None


@dataclass(frozen=True, slots=True)
class Healing:
    """What must be said, and to whom, so that our books have this line."""

    to: Literal["bill", "difference"]
    key: str
    message: Message
    kind: str


@dataclass(frozen=True, slots=True)
class Posted:
    """What the ledger has of a reference of which no statement tells; `moment` is when the money moved, as far as we know."""

    gateway: str
    reference: str
    incoming: bool
    amount: int
    moment: datetime
    bill_id: UUID | None
    dossier_code: str | None


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something between bills and dossiers; `since` is when it began."""

    kind: str
    reference: str
    expected: int
    found: int
    since: datetime
    currency: str = "VND"
    bill_id: UUID | None = None
    dossier_code: str | None = None
