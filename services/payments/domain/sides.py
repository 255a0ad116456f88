"""What reconciliation holds against each other: statements, the ledger, bills and dossiers, as far as they disagree."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.decider import Message


@dataclass(frozen=True, slots=True)
class Stated:
    """What a statement says of one reference on one side, where our books say otherwise; amounts as in Movement.

    `amount` is that of all its `lines`, `each` of the first one, `posted` what the ledger has of it. `bill_key` is whose it
    is, by attempt, payment code or refund; `difference_key` the difference that had it sent back. `capture_known` is what
    that bill says, `refund_state` what it or that difference does; `by_hand`: an officer paid that refund out. `opposite`
    is what the statement says of the same refund on the other side, `note` what an adapter remarks about the line.
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
    by_hand: bool = False
    opposite: int = 0
    difference_key: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Healing:
    """What must be said, and to whom, so that our books have this line."""

    to: Literal["bill", "difference"]
    key: str
    message: Message
    kind: str
    reference: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Posted:
    """What the ledger has of a reference of which no statement tells; `moment` is when the money moved, as far as we know.

    `posted_at` is since when the ledger has it; `has_page`: it came in on a page of ours.
    """

    gateway: str
    reference: str
    incoming: bool
    amount: int
    moment: datetime
    posted_at: datetime
    bill_id: UUID | None
    dossier_code: str | None
    has_page: bool = True


@dataclass(frozen=True, slots=True)
class FeeToMend:
    """A line whose fee is so much `more` than the `before` entries about it have posted: it is gone, or told again."""

    gateway: str
    line: str
    more: int
    before: int


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
    attempt_id: UUID | None = None
    reason: str | None = None
