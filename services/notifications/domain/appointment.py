"""An appointment at the desk: asked for by acceptance, given a slot that nobody else has, kept or missed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.decider import Call, Decision, Message, State
from chassis.envelope import Event
from chassis.errors import NotFound, Refusal
from chassis.identifiers import derived_id
from chassis.table import Move, Table
from contracts import appointments, dossiers
from services.notifications.domain.desk import one_working_day_after


class Appointment(State):
    """One dossier's appointment. Its times are known from `booked` on."""

    dossier_code: str
    appointment_id: UUID
    state: Literal["searching", "booked", "attended", "missed", "cancelled"] = "searching"
    purpose: str
    place: str
    address: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    booked_at: datetime | None = None


class FindSlot(Message):
    """Take the first free slot of this length, in minutes, for the appointment; taken once, however often asked."""

    appointment_id: UUID
    place: str
    minutes: int
    not_before: datetime


class SlotFound(Message):
    starts_at: datetime
    ends_at: datetime


class Attend(Message):
    """An officer saw the citizen."""


class Miss(Message):
    """An officer waited in vain."""


# What makes an appointment needless, with the word for why it is off.
ENDINGS = {dossiers.Refused: "dossier-refused", dossiers.Stopped: "dossier-stopped"}

TRANSITIONS = Table(
    [
        Move(None, dossiers.Accepted, "searching"),
        Move("searching", SlotFound, "booked", appointments.Booked),
        *(Move("searching", ending, "cancelled") for ending in ENDINGS),
        *(Move("booked", ending, "cancelled", appointments.Cancelled) for ending in ENDINGS),
        Move("booked", Attend, "attended", appointments.Attended),
        Move("booked", Miss, "missed", appointments.Missed),
    ],
    {
        "searching": "đang xếp lịch",
        "booked": "đã hẹn",
        "attended": "đã đến",
        "missed": "vắng mặt",
        "cancelled": "đã hủy",
    },
)


def ask(
    appointment: Appointment | None, event: Event[dossiers.Accepted], now: datetime
) -> Decision[Appointment] | None:
    """Look for a slot at least one working day after acceptance, where the procedure needs the citizen to come."""
    wanted = event.data.appointment
    if wanted is None or appointment is not None:
        return None
    asked = Appointment(
        dossier_code=event.subject,
        appointment_id=derived_id(event.id, "appointment"),
        purpose=wanted.purpose,
        place=wanted.place,
        address=wanted.address,
    )
    not_before = one_working_day_after(max(event.time, now))
    request = FindSlot(
        appointment_id=asked.appointment_id, place=wanted.place, minutes=wanted.minutes, not_before=not_before
    )
    return Decision(asked, calls=(Call(asked.appointment_id, request),))


def book(appointment: Appointment, found: SlotFound, now: datetime) -> Decision[Appointment] | None:
    """Tell the citizen; a slot found for an appointment that is off by now is given back when its state is saved."""
    if appointment.state == "cancelled":
        return Decision(appointment)
    if not TRANSITIONS.allows(appointment.state, SlotFound):
        return None
    booked = appointment.model_copy(
        update={"state": "booked", "starts_at": found.starts_at, "ends_at": found.ends_at, "booked_at": now}
    )
    event = appointments.Booked(
        appointment_id=booked.appointment_id,
        purpose=booked.purpose,
        place=booked.place,
        address=booked.address,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
    )
    return Decision(booked, (event,))


def cancel(
    appointment: Appointment | None, event: Event[dossiers.Refused] | Event[dossiers.Stopped], now: datetime
) -> Decision[Appointment] | None:
    """A dossier that goes no further needs no appointment."""
    ending = type(event.data)
    if appointment is None or not TRANSITIONS.allows(appointment.state, ending):
        return None
    cancelled = appointment.model_copy(update={"state": "cancelled"})
    if appointment.state == "searching":
        return Decision(cancelled)
    told = appointments.Cancelled(appointment_id=appointment.appointment_id, reason=ENDINGS[ending])
    return Decision(cancelled, (told,))


def attend(appointment: Appointment | None, message: Attend, now: datetime) -> Decision[Appointment] | None:
    """The citizen came, on time or not. Raises NotFound, Refusal 409."""
    known = _require(appointment, "attended")
    if known.state == "attended":
        return None
    event = appointments.Attended(appointment_id=known.appointment_id, at=now)
    return Decision(known.model_copy(update={"state": "attended"}), (event,))


def miss(appointment: Appointment | None, message: Miss, now: datetime) -> Decision[Appointment] | None:
    """The citizen did not come: not to be said before the time has come. Raises NotFound, Refusal 409."""
    known = _require(appointment, "missed")
    if known.state == "missed":
        return None
    if known.starts_at is None or now < known.starts_at:
        raise Refusal("too_early", "Chưa đến giờ hẹn.", "The time of the appointment has not come yet.")
    event = appointments.Missed(appointment_id=known.appointment_id, at=now)
    return Decision(known.model_copy(update={"state": "missed"}), (event,))


def _require(appointment: Appointment | None, target: str) -> Appointment:
    if appointment is None:
        raise NotFound("Hồ sơ này không có lịch hẹn.", "This dossier has no appointment.")
    if appointment.state not in ("booked", target):
        raise Refusal(
            "not_booked",
            "Lịch hẹn không ở trạng thái chờ công dân đến.",
            f"The appointment is {appointment.state}, so nobody is expected.",
        )
    return appointment
