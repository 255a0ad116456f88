"""The one way in: a pure function answers a message with a decision.

`decide(state | None, message, now) -> Decision | Remark | None`; None means that there is nothing to do.
It raises Refusal when the message may not be answered. It awaits nothing, draws no id and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.aggregate import Aggregate


class EventData(Protocol):
    """What an event says: a pydantic model that knows its CloudEvents type and its topic."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    def __pydantic_serializer__(self) -> Any: ...


class State(BaseModel):
    """What the chassis keeps with every aggregate's state.

    `version` counts writes (ETag), `sequence` counts published events, `traceparent` is where its trace began.
    """

    model_config = ConfigDict(frozen=True)

    version: int = 0
    sequence: int = 0
    traceparent: str | None = None

    def counted(self, version: int, sequence: int, traceparent: str | None) -> Self:
        """The state with the chassis' own fields: `model_copy(update=…)` in a third of its time."""
        after = self.__class__.__new__(self.__class__)
        counters = {"version": version, "sequence": sequence, "traceparent": traceparent}
        object.__setattr__(after, "__dict__", self.__dict__ | counters)
        object.__setattr__(after, "__pydantic_fields_set__", self.__pydantic_fields_set__ | counters.keys())
        object.__setattr__(after, "__pydantic_extra__", self.__pydantic_extra__)
        object.__setattr__(after, "__pydantic_private__", None)
        return after


class Message(BaseModel):
    """A command, a due timer, a request to an outside system or its answer."""

    model_config = ConfigDict(frozen=True)


S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True)
class At:
    """Send `message` to this aggregate when `due` has come; replaces a waiting timer of the same message type."""

    due: datetime
    message: Message


@dataclass(frozen=True, slots=True)
class Call:
    """Ask an outside system after the commit, as often as needed, under this `id`; the answer comes as a message."""

    id: UUID
    request: Message


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw the next number of a series, without gap or duplicate, in this transaction.

    `numbered(state, number, now)` decides what follows from it, as if it were a message; it may not draw again.
    """

    series: str
    numbered: Callable[[Any, int, datetime], Decision[Any]]


@dataclass(frozen=True, slots=True)
class Remark:
    """Events that stand alone, outside of any aggregate's history: nothing is changed by saying them.

    For an answer to somebody who spoke of an aggregate that does not exist, or may not be changed. `notes` as those of a
    decision.
    """

    events: tuple[BaseModel, ...]
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """A new state and what follows from it, all committed together. `remarks` are no part of the aggregate's history.

    `notes` are what the aggregate's store writes down beside the states (Aggregate.notes). `drops` names calls that are not
    to be made again; the answer of one that is being made just now is not heard.
    """

    state: S
    events: tuple[BaseModel, ...] = ()
    timers: tuple[At, ...] = ()
    cancels: tuple[type[Message], ...] = ()
    calls: tuple[Call, ...] = ()
    drops: tuple[UUID, ...] = ()
    remarks: tuple[BaseModel, ...] = ()
    notes: tuple[Message, ...] = ()
    draws: tuple[Draw, ...] = ()


Decide = Callable[[Any, Any, datetime], Decision[Any] | Remark | None]


@dataclass(frozen=True)
class Decides:
    """The messages that one aggregate answers, by where they come from."""

    aggregate: Aggregate[Any]
    commands: Mapping[type[Message], Decide] = field(default_factory=dict)
    timers: Mapping[type[Message], Decide] = field(default_factory=dict)
    answers: Mapping[type[Message], Decide] = field(default_factory=dict)

    def decider(self, message: type[Message]) -> Decide | None:
        return self.commands.get(message) or self.timers.get(message) or self.answers.get(message)
