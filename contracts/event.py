"""What an event says, and the register of all that may be said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """What an event says beyond its envelope (id, subject, sequence, time: CloudEvents 1.0).

    Unknown fields are kept, so that an older reader passes a newer event on whole. `OLDER` is the version before it,
    where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]
    OLDER: ClassVar[Older | None] = None


class Part(BaseModel):
    """A piece of an event's data; unknown fields are kept like those of the whole."""

    model_config = ConfigDict(frozen=True, extra="allow")


@dataclass(frozen=True)
class Older:
    """The version before, and how what it says is said in the newer one: a pure function that keeps unknown fields."""

    data: type[Data]
    upcast: Callable[[Any], Data]


def events(
    topic: str,
    prefix: str,
    named: Mapping[str, type[Data]],
    older: Mapping[type[Data], Older] | None = None,
) -> tuple[type[Data], ...]:
    """Give each data class its CloudEvents type, `PREFIX.NAME.vN`, and the topic it is published on.

    `named` has the newest class of each kind; `older` tells, for a class, the version before it, down to v1.
    Raises ValueError when `older` leads in a circle or speaks of a class that is not named.
    """
    unused = dict(older or {})
    for name, newest in named.items():
        versions = [newest]
        while before := unused.pop(versions[-1], None):
            if before.data in versions:
                raise ValueError(f"{prefix}.{name}: {before.data.__name__} is older than itself")
            versions.append(before.data)
        for number, data in enumerate(reversed(versions), 1):
            data.TYPE = f"{prefix}.{name}.v{number}"
            data.TOPIC = topic
            data.OLDER = (older or {}).get(data)
    if unused:
        raise ValueError(f"older: not named: {', '.join(data.__name__ for data in unused)}")
    return tuple(named.values())


def registry(*topics: Iterable[type[Data]]) -> dict[str, type[Data]]:
    """Data classes by their type, the older versions of each too.

    Raises ValueError when two classes claim one type.
    """
    found: dict[str, type[Data]] = {}
    for data in (data for topic in topics for newest in topic for data in versions_of(newest)):
        if data.TYPE in found:
            raise ValueError(f"{data.TYPE} is claimed by {found[data.TYPE].__name__} and {data.__name__}")
        found[data.TYPE] = data
    return found


def versions_of(newest: type[Data]) -> Iterator[type[Data]]:
    """A class and the versions before it, newest first."""
    yield newest
    if newest.OLDER is not None:
        yield from versions_of(newest.OLDER.data)
