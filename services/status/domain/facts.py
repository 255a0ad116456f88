"""The parts of a view."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, computed_field

from contracts.dossiers import Marked

RefundState = Literal["started", "done", "failed"]


class Fact(BaseModel):
    """A part of a view."""

    model_config = ConfigDict(frozen=True)


class Holder(Fact):
    """Who has the dossier in which status, since when, due when, and when its result was promised (NĐ 224/2026 art. 15).

    `handler` is the agency that has it now, where that is not the one that received it; `task` is what is done there.
    """

    status: int
    agency: str
    agency_name: str
    handler: str | None = None
    handler_name: str | None = None
    department: str
    officer: str | None = None
    task: str | None = None
    since: datetime
    due: datetime | None = None
    result_due: datetime | None = None


class Entry(Fact):
    """One line of the timeline; `holder` where the event tells one."""

    at: datetime
    topic: str
    sequence: int
    type: str
    holder: Holder | None = None


def _as_it_was_told(row: dict[str, Any]) -> RefundState:
    """The state of a refund in a row of before it stood there: only those that were done or failed were kept."""
    return "done" if row["amount"] else "failed"


class MoneyBack(Fact):
    """One refund, as its latest event, of this number, says; failed: an officer owes it. `unexpected`: it is no fee.

    `asked` shall go back, `amount` has gone back, and `kept` stays paid of the fees after it, in đồng.
    """

    sequence: int
    amount: int
    unexpected: bool
    state: RefundState = Field(default_factory=_as_it_was_told)
    asked: int | None = None
    kept: int | None = None


class Payment(Fact):
    """One bill. `course` is what its latest event, of the number `sequence`, says of its payment.

    `refunded` of the fees, `returned` of money that was no fee, have gone back by `refunds`, in đồng.
    """

    bill_id: UUID
    sequence: int = 0
    # In a row of before it is its state, to which refunds belonged.
    course: str | None = Field(default=None, validation_alias=AliasChoices("course", "state"))
    amount: int | None = None
    outstanding: int | None = None
    currency: str = "VND"
    due: datetime | None = None
    paid_at: datetime | None = None
    receipt_number: str | None = None
    receipt_sequence: int = 0
    refunded: int = 0
    returned: int = 0
    refunds: Mapping[UUID, MoneyBack] = {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> str | None:
        """Where the bill stands. Where fees go back: what is still owed, then what stays paid; else its course."""
        fees = [each for each in self.refunds.values() if not each.unexpected]
        states = {each.state for each in fees}
        if not states:
            return self.course
        if "failed" in states:
            return "refund_failed"
        if "started" in states:
            return "refunding"
        kept = max(fees, key=lambda each: each.sequence).kept
        if kept is None:  # an event of before does not say
            kept = (self.amount or 0) - self.refunded
        return "partly_refunded" if kept > 0 else "refunded"


class Appointment(Fact):
    """One appointment."""

    appointment_id: UUID
    sequence: int = 0
    state: str | None = None
    purpose: str | None = None
    place: str | None = None
    address: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Result(Fact):
    """What the procedure gave, how the citizen wants it, and how it was sent and handed over."""

    name: str | None = None
    number: str | None = None
    completed_at: datetime | None = None
    delivery: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    dispatched_at: datetime | None = None
    handed_over: str | None = None
    returned_at: datetime | None = None


class Notice(Fact):
    """One notice on one channel; its text is not told."""

    notice_id: UUID
    channel: str
    template: str
    sequence: int = 0
    state: str | None = None
    at: datetime | None = None
    reason: str | None = None


class Supplement(Fact):
    """What the citizen was asked for, once and whole, and when it came."""

    items: tuple[Marked, ...] = ()
    until: datetime | None = None
    asked_at: datetime | None = None
    supplied_at: datetime | None = None


class Withdrawal(Fact):
    """The citizen's latest wish to have the dossier back, and the agency's answer with its reason."""

    sequence: int
    state: Literal["asked", "declined", "granted"]
    at: datetime
    reason: str | None = None


class NewDate(Fact):
    """The promised date moved: by an apology, a calendar or a verification; with the old and the new date."""

    sequence: int
    at: datetime
    cause: Literal["apology", "calendar", "verification"]
    was: datetime
    due: datetime | None
    reason: str


class Warned(Fact):
    """The latest word on a promised date: that it is near, or over."""

    sequence: int
    lateness: Literal["soon", "late"]
    result_due: datetime | None


class Posts(Fact):
    """How many messages lie in the dossier, by who wrote them; their text stays at intake."""

    citizen: int = 0
    officer: int = 0
