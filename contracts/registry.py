"""All events by type: what a reader looks a record up in."""

from __future__ import annotations

from contracts import (
    agency_answers,
    agency_reports,
    appointments,
    contacts,
    dossiers,
    notifications,
    payments,
    procedures,
)
from contracts.event import Data, registry

EVENTS: dict[str, type[Data]] = registry(
    dossiers.EVENTS,
    payments.EVENTS,
    appointments.EVENTS,
    notifications.EVENTS,
    contacts.EVENTS,
    procedures.EVENTS,
    agency_reports.EVENTS,
    agency_answers.EVENTS,
)
