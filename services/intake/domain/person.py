"""A person as intake knows them: how they are reached, told to others on the sealed topic only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.decider import Decision, Message, State
from contracts import contacts
from services.intake.domain.applicant import Applicant

FIELDS = ("name", "citizen_id", "phone", "email", "language")
"""What intake knows of a person from the forms."""


class Person(State):
    """Who files dossiers. `counter`: an officer met them and saw the identity card; others say themselves who they are."""

    person_id: UUID
    name: str
    citizen_id: str
    phone: str | None = None
    email: str | None = None
    language: str = "vi"
    counter: bool = False

    def contact(self) -> contacts.Updated:
        return contacts.Updated.model_validate(
            {"name": self.name, "phone": self.phone, "email": self.email, "language": self.language}
        )


class Remember(Message):
    """The person gave these particulars with a new dossier."""

    person_id: UUID
    applicant: Applicant
    counter: bool = False


class Amend(Message):
    """Some particulars in a dossier were put right: the person is known by these from now on."""

    applicant: Applicant
    fields: tuple[str, ...]


def amend(person: Person | None, message: Amend, now: datetime) -> Decision[Person] | None:
    """Change these fields and no other: the others may have come with a later dossier."""
    if person is None:
        return None
    kept = person.model_copy(update=message.applicant.model_dump(include=set(message.fields)))
    if kept == person:
        return None
    return Decision(kept, events=(kept.contact(),) if kept.contact() != person.contact() else ())


def remember(person: Person | None, message: Remember, now: datetime) -> Decision[Person] | None:
    """Keep the latest particulars; say so only when how the person is reached has changed."""
    given = message.applicant
    kept = Person(
        person_id=message.person_id,
        name=given.name,
        citizen_id=given.citizen_id,
        phone=given.phone,
        email=given.email,
        language=given.language,
        counter=message.counter,
    )
    if person is not None:
        kept = person.model_copy(update=kept.model_dump(include=set(FIELDS)))
        if kept == person:
            return None
        if kept.contact() == person.contact():
            return Decision(kept)
    return Decision(kept, events=(kept.contact(),))
