"""An event: what happened, to whom, as which step of its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """What an event says beyond its envelope.

    Unknown fields are kept, so that an older reader passes a newer event on whole.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]


class Part(BaseModel):
    """A piece of an event's data; unknown fields are kept like those of the whole."""

    model_config = ConfigDict(frozen=True, extra="allow")


D = TypeVar("D", bound=Data, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[D]):
    """One event in its envelope (CloudEvents 1.0).

    `subject` is the dossier code, or for contacts the person's id and for procedures the procedure's code.
    `sequence` counts the events of one aggregate on one topic from 1, without a gap.
    `traceparent` is the W3C trace context of the step that caused it.
    """

    id: UUID
    type: str
    source: str
    subject: str
    sequence: int
    time: datetime
    data: D
    traceparent: str | None = None


def events(topic: str, prefix: str, named: Mapping[str, type[Data]]) -> tuple[type[Data], ...]:
    """Give each data class its CloudEvents type, `PREFIX.NAME.v1`, and the topic it is published on."""
    for name, data in named.items():
        data.TYPE = f"{prefix}.{name}.v1"
        data.TOPIC = topic
    return tuple(named.values())


def registry(*modules: Iterable[type[Data]]) -> dict[str, type[Data]]:
    """Data classes by their type.

    Raises ValueError when two classes claim one type.
    """
    found: dict[str, type[Data]] = {}
    for data in (data for module in modules for data in module):
        if data.TYPE in found:
            raise ValueError(f"{data.TYPE} is claimed by {found[data.TYPE].__name__} and {data.__name__}")
        found[data.TYPE] = data
    return found
