"""How a person is reached: the latest that contacts.v1 says, until it says to forget."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.decider import Decision, State
from chassis.envelope import Event, Tombstone
from contracts import contacts

Language = Literal["vi", "en"]


class Contact(State):
    """One person. After an erasure only the id is left, and when that was."""

    person_id: UUID
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    language: Language = "vi"
    erased_at: datetime | None = None


def update(contact: Contact | None, event: Event[contacts.Updated], now: datetime) -> Decision[Contact]:
    """Know the latest name and addresses; a person who comes back after an erasure is known again."""
    data = event.data
    return Decision(
        (contact or Contact(person_id=UUID(event.subject))).model_copy(
            update={
                "name": unicodedata.normalize("NFC", data.name),
                "phone": data.phone or None,
                "email": data.email or None,
                "language": data.language,
                "erased_at": None,
            }
        )
    )


def erase(contact: Contact | None, event: Event[Tombstone], now: datetime) -> Decision[Contact]:
    """Forget everything but that there was somebody to forget: what waits to be sent must not wait for ever."""
    known = contact or Contact(person_id=UUID(event.subject))
    return Decision(
        known.model_copy(update={"name": None, "phone": None, "email": None, "language": "vi", "erased_at": now})
    )
