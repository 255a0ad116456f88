"""appointments.v1: when the citizen comes to the desk. Owned by notifications, keyed by dossier code."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.event import Data, events

TOPIC = "appointments.v1"


class Booked(Data):
    """A time and a place were given to the citizen; nobody else has the slot."""

    appointment_id: UUID
    purpose: str
    place: str
    address: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class Attended(Data):
    """The citizen came."""

    appointment_id: UUID
    at: AwareDatetime


class Missed(Data):
    """The citizen did not come."""

    appointment_id: UUID
    at: AwareDatetime


class Cancelled(Data):
    """The appointment is off and its slot free again."""

    appointment_id: UUID
    reason: str = Field(min_length=1)


EVENTS = events(
    TOPIC,
    "vn.motcua.appointment",
    {
        "booked": Booked,
        "attended": Attended,
        "missed": Missed,
        "cancelled": Cancelled,
    },
)
