"""What was promised to readers: the schemas of each release, and whether today's still keep it.

`contracts/released/TOPIC/TYPE/N.json` is the Nth schema that was released of a type; the highest N is the newest.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from contracts.event import Data
from deploy.kafka import documents
from deploy.kafka.certificates import Certificate
from motcua.compatibility import Break, breaks
from motcua.schemas import plain

FOLDER = documents.FOLDER / "released"

Direction = Literal["backward", "forward"]
_DIRECTIONS: Mapping[str, tuple[Direction, ...]] = {
    "backward": ("backward",),
    "forward": ("forward",),
    "full": ("backward", "forward"),
}


@dataclass(frozen=True)
class Fault:
    """A promise that today's schemas do not keep.

    `backward`: a new reader meets what was written before; `forward`: an old reader meets what is written now.
    `release` is the number of the released schema that shows it.
    """

    type: str
    topic: str
    readers: tuple[str, ...]
    direction: Direction
    release: int
    found: Break


@dataclass(frozen=True)
class News:
    """A type whose schema of today is not released yet; `first` when none of it ever was."""

    type: str
    topic: str
    readers: tuple[str, ...]
    first: bool


def faults(
    certificates: Collection[Certificate], events: Mapping[str, type[Data]], folder: Path = FOLDER
) -> Iterator[Fault]:
    """What today's event classes break of what was released, as far as their topics' certificates promise it.

    Backward is asked of every release, for its records may still be on the topic; forward of the newest only, which
    is what readers have. Raises OSError, ValueError when a released schema cannot be read.
    """
    for certificate in certificates:
        certified = {event.type for event in certificate.events}
        for kind in sorted(certified):
            yield from _of_type(certificate, kind, documents.schema(kind, events[kind]), folder)
        for kind in sorted(_types(folder, certificate.topic) - certified):
            yield _gone(certificate.topic, kind, certificate.readers, folder)
    for topic in sorted(_names(folder) - {certificate.topic for certificate in certificates}):
        for kind in sorted(_types(folder, topic)):
            yield _gone(topic, kind, (), folder)


def unreleased(
    certificates: Collection[Certificate], events: Mapping[str, type[Data]], folder: Path = FOLDER
) -> Iterator[News]:
    """Types whose data look otherwise than released. Raises OSError, ValueError."""
    for certificate in certificates:
        for event in certificate.events:
            numbers = _releases(folder / certificate.topic / event.type)
            today = documents.schema(event.type, events[event.type])
            if not numbers or plain(_read(folder, certificate.topic, event.type, numbers[-1])) != plain(today):
                yield News(event.type, certificate.topic, certificate.readers, not numbers)


def release(
    certificates: Collection[Certificate], events: Mapping[str, type[Data]], folder: Path = FOLDER
) -> list[Path]:
    """Write down today's schemas as promised; the files that were added. The promises must be kept before.

    Raises OSError, ValueError.
    """
    written = []
    for news in unreleased(certificates, events, folder):
        place = folder / news.topic / news.type
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{max(_releases(place), default=0) + 1}.json"
        schema = documents.schema(news.type, events[news.type])
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", "utf-8")
        written.append(path)
    return written


def _of_type(certificate: Certificate, kind: str, today: Mapping[str, Any], folder: Path) -> Iterator[Fault]:
    numbers = _releases(folder / certificate.topic / kind)
    for direction in _DIRECTIONS[certificate.compatibility]:
        for number in reversed(numbers if direction == "backward" else numbers[-1:]):
            before = _read(folder, certificate.topic, kind, number)
            written, read = (before, today) if direction == "backward" else (today, before)
            # Later a name may come that looks like one of long ago: only the newest release tells a renaming.
            found = breaks(written, read, renames=number == numbers[-1])
            for each in found:
                yield Fault(kind, certificate.topic, certificate.readers, direction, number, each)
            if found:
                break


def _gone(topic: str, kind: str, readers: tuple[str, ...], folder: Path) -> Fault:
    return Fault(kind, topic, readers, "backward", _releases(folder / topic / kind)[-1], Break("", "gone"))


def _types(folder: Path, topic: str) -> set[str]:
    return {name for name in _names(folder / topic) if _releases(folder / topic / name)}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()


def _releases(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal())


def _read(folder: Path, topic: str, kind: str, number: int) -> dict[str, Any]:
    path = folder / topic / kind / f"{number}.json"
    try:
        schema = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: không phải JSON · not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise ValueError(f"{path}: không phải một lược đồ · not a schema")
    return schema
