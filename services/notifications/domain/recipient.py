"""Whom a dossier's notices go to, and whose officers may see them: payments and appointments do not say."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.decider import Decision, State
from chassis.envelope import Event
from contracts import dossiers


class Recipient(State):
    """Who filed a dossier, with which agency."""

    dossier_code: str
    person_id: UUID
    agency: str


def learn(recipient: Recipient | None, event: Event[dossiers.Submitted], now: datetime) -> Decision[Recipient] | None:
    """A dossier keeps the person who filed it."""
    if recipient is not None:
        return None
    data = event.data
    return Decision(Recipient(dossier_code=event.subject, person_id=data.person_id, agency=data.step.agency))
