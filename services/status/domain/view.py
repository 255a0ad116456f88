"""What is known of one dossier, folded from four topics in whatever order they come.

The four facts (status, payment, appointment, delivery) stand side by side and are never merged. Each field is set
either by one type of event alone or by the event with the highest sequence of its source: so the order of arrival
never shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.decider import Decision, State
from chassis.envelope import Event
from contracts import appointments, dossiers, notifications
from contracts.dossiers import Status
from contracts.event import Data
from services.status.domain.bills import after, concerns_a_bill, state_of
from services.status.domain.facts import (
    Appointment,
    Entry,
    Holder,
    NewDate,
    Notice,
    Payment,
    Posts,
    Result,
    Supplement,
    Warned,
    Withdrawal,
)


class View(State):
    """One dossier. Until its own first event has come, only what other topics said of it is known.

    `lateness` follows from the promised date, the status and the latest warning, whichever came last.
    """

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
    result_due: datetime | None = None
    handler: str | None = None
    handler_name: str | None = None
    task: str | None = None
    supplement: Supplement | None = None
    withdrawal: Withdrawal | None = None
    new_dates: tuple[NewDate, ...] = ()
    posts: Posts = Posts()
    warned: Warned | None = None
    lateness: Literal["soon", "late"] | None = None


DECIDED = (Status.NOT_ACCEPTED, Status.STOPPED, Status.COMPLETED, Status.RETURNED)
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
    if isinstance(data, dossiers.Submitted):
        changes = data.model_dump(include={"procedure", "procedure_version", "procedure_name", "person_id"})
    changes |= _grounds(data) | _outcome(view, event) | _course(view, event)
    if event.sequence > view.dossier_sequence:
        changes |= dict(holder) | {"dossier_sequence": event.sequence}
    view = view.model_copy(update=changes)
    return Decision(view.model_copy(update={"lateness": _lateness(view)}))


def on_payment(view: View | None, event: Event[Any], now: datetime) -> Decision[View] | None:
    """The bill that the event names. What reconciliation found is for those who answer for the money, not for the citizen."""
    if not concerns_a_bill(event.data):
        return None
    view = _told(view, event)
    bill = after(view.payments.get(event.data.bill_id), event)
    return Decision(view.model_copy(update={"payments": {**view.payments, bill.bill_id: bill}}))


def on_appointment(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """The appointment that the event names."""
    view, data = _told(view, event), event.data
    known = view.appointments.get(data.appointment_id) or Appointment(appointment_id=data.appointment_id)
    changes: dict[str, Any] = {}
    if isinstance(data, appointments.Booked):
        changes = data.model_dump(include={"purpose", "place", "address", "starts_at", "ends_at"})
    changes |= state_of(APPOINTMENT_STATES, event, known.sequence)
    known = known.model_copy(update=changes)
    return Decision(view.model_copy(update={"appointments": {**view.appointments, known.appointment_id: known}}))


def on_notice(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """Whether the notice reached the citizen."""
    view, data = _told(view, event), event.data
    notice = view.notices.get(data.notice_id) or Notice(
        notice_id=data.notice_id, channel=data.channel, template=data.template
    )
    changes = state_of(NOTICE_STATES, event, notice.sequence)
    if changes:
        changes |= {"at": event.time, "reason": getattr(data, "reason", None)}
    notice = notice.model_copy(update=changes)
    return Decision(view.model_copy(update={"notices": {**view.notices, notice.notice_id: notice}}))


def _grounds(data: Data) -> dict[str, Any]:
    match data:
        case dossiers.Refused():
            return {"grounds": data.grounds}
        case dossiers.Stopped():
            return {"grounds": data.reason}
    return {}


def _outcome(view: View, event: Event[Any]) -> dict[str, Any]:
    """What becomes of the result."""
    match event.data:
        case dossiers.Completed() as done:
            told: dict[str, Any] = {"name": done.result, "number": done.result_number, "delivery": done.delivery}
            told |= {"completed_at": event.time}
        case dossiers.ResultDispatched() as sent:
            told = sent.model_dump(include={"carrier", "tracking_number"}) | {"dispatched_at": event.time}
        case dossiers.Returned() as returned:
            told = {"handed_over": returned.delivery, "returned_at": event.time}
        case _:
            return {}
    return {"result": (view.result or Result()).model_copy(update=told)}


def _course(view: View, event: Event[Any]) -> dict[str, Any]:
    """What happens on the way: a supplement, a withdrawal, other dates, warnings, messages."""
    at, sequence = event.time, event.sequence
    match event.data:
        case dossiers.SupplementRequested() as asked:
            known = view.supplement or Supplement()
            told = {"items": asked.items, "until": asked.until, "asked_at": at}
            return {"supplement": known.model_copy(update=told)}
        case dossiers.Supplemented():
            return {"supplement": (view.supplement or Supplement()).model_copy(update={"supplied_at": at})}
        case dossiers.WithdrawalRequested():
            return _wish(view, Withdrawal(sequence=sequence, state="asked", at=at))
        case dossiers.WithdrawalDeclined() as declined:
            return _wish(view, Withdrawal(sequence=sequence, state="declined", at=at, reason=declined.reason))
        case dossiers.Stopped(cause="withdrawn"):
            return _wish(view, Withdrawal(sequence=sequence, state="granted", at=at))
        case dossiers.Rescheduled() as moved:
            return _moved(view, event, "apology", moved.promised)
        case dossiers.DueChanged() as moved if moved.step.result_due is not None:
            return _moved(view, event, moved.cause, moved.was)
        case dossiers.DueSoon():
            return _warning(view, event, "soon")
        case dossiers.Overdue():
            return _warning(view, event, "late")
        case dossiers.MessagePosted() as post:
            posts = view.posts
            return {"posts": posts.model_copy(update={post.author: getattr(posts, post.author) + 1})}
    return {}


def _wish(view: View, told: Withdrawal) -> dict[str, Any]:
    latest = view.withdrawal is None or told.sequence > view.withdrawal.sequence
    return {"withdrawal": told} if latest else {}


def _moved(view: View, event: Event[Any], cause: str, was: datetime) -> dict[str, Any]:
    data = event.data
    told = {"sequence": event.sequence, "at": event.time, "cause": cause, "was": was}
    moved = NewDate.model_validate({**told, "due": data.step.result_due, "reason": data.reason})
    return {"new_dates": tuple(sorted((*view.new_dates, moved), key=lambda each: each.sequence))}


def _warning(view: View, event: Event[Any], lateness: Literal["soon", "late"]) -> dict[str, Any]:
    told = Warned(sequence=event.sequence, lateness=lateness, result_due=event.data.step.result_due)
    latest = view.warned is None or told.sequence > view.warned.sequence
    return {"warned": told} if latest else {}


def _lateness(view: View) -> Literal["soon", "late"] | None:
    """How near its promised date an open dossier is; a warning of a date that no longer holds counts for nothing."""
    warned = view.warned
    if warned is None or view.status in DECIDED or warned.result_due != view.result_due:
        return None
    return warned.lateness


def _told(view: View | None, event: Event[Any], holder: Holder | None = None) -> View:
    """The view with one more line, in the order in which things happened."""
    line = Entry(at=event.time, topic=event.data.TOPIC, sequence=event.sequence, type=event.type, holder=holder)
    view = view or View(dossier_code=event.subject, opened_at=event.time)
    lines = sorted((*view.timeline, line), key=lambda each: (each.at, each.topic, each.sequence, each.type))
    return view.model_copy(update={"timeline": tuple(lines), "opened_at": lines[0].at})
