"""What an event says, and the register of all that may be said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """What an event says beyond its envelope (id, subject, sequence, time: CloudEvents 1.0).

    Unknown fields are kept, so that an older reader passes a newer event on whole.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]


class Part(BaseModel):
    """A piece of an event's data; unknown fields are kept like those of the whole."""

    model_config = ConfigDict(frozen=True, extra="allow")


def events(topic: str, prefix: str, named: Mapping[str, type[Data]]) -> tuple[type[Data], ...]:
    """Give each data class its CloudEvents type, `PREFIX.NAME.v1`, and the topic it is published on."""
    for name, data in named.items():
        data.TYPE = f"{prefix}.{name}.v1"
        data.TOPIC = topic
    return tuple(named.values())


def registry(*topics: Iterable[type[Data]]) -> dict[str, type[Data]]:
    """Data classes by their type.

    Raises ValueError when two classes claim one type.
    """
    found: dict[str, type[Data]] = {}
    for data in (data for topic in topics for data in topic):
        if data.TYPE in found:
            raise ValueError(f"{data.TYPE} is claimed by {found[data.TYPE].__name__} and {data.__name__}")
        found[data.TYPE] = data
    return found
