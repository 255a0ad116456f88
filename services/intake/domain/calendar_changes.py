"""Days that an operator makes working days or days off; promised dates are counted anew, some thousand dossiers at a time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import Field

from chassis.decider import At, Call, Decision, Message, State
from chassis.identifiers import derived_id

SETTLING = timedelta(seconds=5)
"""By then each process has read the calendar anew: they look once a second."""


class Changes(State):
    """What was changed in one calendar: True is a day that is worked. `round` names the counting that is going on."""

    key: str
    changes: dict[date, bool] = Field(default_factory=dict)


class SetDay(Message):
    """This day is worked (True), off (False) or as the data file has it (None)."""

    key: str
    day: date
    worked: bool | None
    change_id: UUID


class CountAnew(Message):
    """The changed calendar is known everywhere."""

    change_id: UUID


class Count(Message):
    """Count the dossiers of this calendar's agencies behind the code `after`."""

    key: str
    change_id: UUID
    after: str = ""


class Counted(Message):
    """Dossiers up to this code have been counted; None: all."""

    change_id: UUID
    after: str | None


def set_day(changes: Changes | None, message: SetDay, now: datetime) -> Decision[Changes] | None:
    """Keep the change, and count anew once every process knows of it."""
    before = changes or Changes(key=message.key)
    after = {day: worked for day, worked in before.changes.items() if day != message.day}
    if message.worked is not None:
        after[message.day] = message.worked
    if after == before.changes:
        return None
    counting = At(now + SETTLING, CountAnew(change_id=message.change_id))
    return Decision(before.model_copy(update={"changes": dict(sorted(after.items()))}), timers=(counting,))


def count_anew(changes: Changes | None, message: CountAnew, now: datetime) -> Decision[Changes] | None:
    """Begin with the first dossiers."""
    if changes is None:
        return None
    return Decision(changes, calls=(_count(changes, message.change_id, ""),))


def counted(changes: Changes | None, message: Counted, now: datetime) -> Decision[Changes] | None:
    """Go on with the next dossiers, until there are none."""
    if changes is None or message.after is None:
        return None
    return Decision(changes, calls=(_count(changes, message.change_id, message.after),))


def _count(changes: Changes, change_id: UUID, after: str) -> Call:
    return Call(
        derived_id(change_id, f"{changes.key}/{after}"), Count(key=changes.key, change_id=change_id, after=after)
    )
