"""What is known of one dossier, folded from four topics in whatever order they come.

The four facts (status, payment, appointment, delivery) stand side by side and are never merged. Each field is set
either by one type of event alone or by the event with the highest sequence of its source: so the order of arrival
never shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.decider import Decision, State
from chassis.envelope import Event
from contracts import appointments, dossiers, notifications, payments
from contracts.event import Data


class Fact(BaseModel):
    """A part of a view."""

    model_config = ConfigDict(frozen=True)


class Holder(Fact):
    """Who has the dossier in which status, since when, due when (NĐ 224/2026 art. 15)."""

    status: int
    agency: str
    agency_name: str
    department: str
    officer: str | None = None
    since: datetime
    due: datetime | None = None


class Entry(Fact):
    """One line of the timeline; `holder` where the event tells one."""

    at: datetime
    topic: str
    sequence: int
    type: str
    holder: Holder | None = None


class Payment(Fact):
    """One bill. `state` is that of the bill's latest event, `sequence` that event's number."""

    bill_id: UUID
    sequence: int = 0
    state: str | None = None
    amount: int | None = None
    currency: str = "VND"
    due: datetime | None = None
    paid_at: datetime | None = None
    receipt_number: str | None = None
    refunded: int = 0


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
    """What the procedure gave, and how it was handed over."""

    name: str | None = None
    number: str | None = None
    completed_at: datetime | None = None
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


class View(State):
    """One dossier. Until its own first event has come, only what other topics said of it is known."""

    dossier_code: str
    opened_at: datetime
    procedure: str | None = None
    procedure_version: int | None = None
    procedure_name: str | None = None
    person_id: UUID | None = None
    dossier_sequence: int = 0
    status: int | None = None
    agency: str | None = None
    agency_name: str | None = None
    department: str | None = None
    officer: str | None = None
    since: datetime | None = None
    due: datetime | None = None
    grounds: str | None = None
    result: Result | None = None
    payments: Mapping[UUID, Payment] = {}
    appointments: Mapping[UUID, Appointment] = {}
    notices: Mapping[UUID, Notice] = {}
    timeline: tuple[Entry, ...] = ()


PAYMENT_STATES: Mapping[type[Data], str] = {
    payments.Opened: "open",
    payments.Started: "in_checkout",
    payments.Succeeded: "paid",
    payments.Failed: "declined",
    payments.Expired: "expired",
    payments.Cancelled: "cancelled",
    payments.RefundStarted: "refunding",
    payments.Refunded: "refunded",
    payments.RefundFailed: "refund_failed",
    payments.DiscrepancyFound: "discrepancy",
}
APPOINTMENT_STATES: Mapping[type[Data], str] = {
    appointments.Booked: "booked",
    appointments.Attended: "attended",
    appointments.Missed: "missed",
    appointments.Cancelled: "cancelled",
}
NOTICE_STATES: Mapping[type[Data], str] = {
    notifications.Sent: "sent",
    notifications.Delivered: "delivered",
    notifications.Failed: "failed",
}


def on_dossier(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """Status, holder and result of the dossier."""
    data = event.data
    holder = Holder(**data.step.model_dump(include=Holder.model_fields.keys()))
    view = _told(view, event, holder)
    changes: dict[str, Any] = {}
    match data:
        case dossiers.Submitted():
            changes = data.model_dump(include={"procedure", "procedure_version", "procedure_name", "person_id"})
        case dossiers.Refused():
            changes = {"grounds": data.grounds}
        case dossiers.Stopped():
            changes = {"grounds": data.reason}
        case dossiers.Completed():
            done = {"name": data.result, "number": data.result_number, "completed_at": event.time}
            changes = {"result": (view.result or Result()).model_copy(update=done)}
        case dossiers.Returned():
            returned = {"handed_over": data.delivery, "returned_at": event.time}
            changes = {"result": (view.result or Result()).model_copy(update=returned)}
    if event.sequence > view.dossier_sequence:
        changes |= dict(holder) | {"dossier_sequence": event.sequence}
    return Decision(view.model_copy(update=changes))


def on_payment(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """The bill that the event names."""
    view, data = _told(view, event), event.data
    bill = view.payments.get(data.bill_id) or Payment(bill_id=data.bill_id)
    changes: dict[str, Any] = {}
    match data:
        case payments.Opened():
            changes = {"amount": data.amount, "currency": data.currency, "due": data.due}
        case payments.Succeeded():
            changes = {"paid_at": data.paid_at}
        case payments.ReceiptIssued():
            changes = {"receipt_number": data.receipt_number}
        case payments.Refunded():
            changes = {"refunded": bill.refunded + data.amount}
    changes |= _state(PAYMENT_STATES, event, bill.sequence)
    bill = bill.model_copy(update=changes)
    return Decision(view.model_copy(update={"payments": {**view.payments, bill.bill_id: bill}}))


def on_appointment(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """The appointment that the event names."""
    view, data = _told(view, event), event.data
    known = view.appointments.get(data.appointment_id) or Appointment(appointment_id=data.appointment_id)
    changes: dict[str, Any] = {}
    if isinstance(data, appointments.Booked):
        changes = data.model_dump(include={"purpose", "place", "address", "starts_at", "ends_at"})
    changes |= _state(APPOINTMENT_STATES, event, known.sequence)
    known = known.model_copy(update=changes)
    return Decision(view.model_copy(update={"appointments": {**view.appointments, known.appointment_id: known}}))


def on_notice(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """Whether the notice reached the citizen."""
    view, data = _told(view, event), event.data
    notice = view.notices.get(data.notice_id) or Notice(
        notice_id=data.notice_id, channel=data.channel, template=data.template
    )
    changes = _state(NOTICE_STATES, event, notice.sequence)
    if changes:
        changes |= {"at": event.time, "reason": getattr(data, "reason", None)}
    notice = notice.model_copy(update=changes)
    return Decision(view.model_copy(update={"notices": {**view.notices, notice.notice_id: notice}}))


def _told(view: View | None, event: Event[Any], holder: Holder | None = None) -> View:
    """The view with one more line, in the order in which things happened."""
    line = Entry(at=event.time, topic=event.data.TOPIC, sequence=event.sequence, type=event.type, holder=holder)
    view = view or View(dossier_code=event.subject, opened_at=event.time)
    lines = sorted((*view.timeline, line), key=lambda each: (each.at, each.topic, each.sequence, each.type))
    return view.model_copy(update={"timeline": tuple(lines), "opened_at": lines[0].at})


def _state(states: Mapping[type[Data], str], event: Event[Any], latest: int) -> dict[str, Any]:
    state = states.get(type(event.data))
    return {} if state is None or event.sequence <= latest else {"state": state, "sequence": event.sequence}
