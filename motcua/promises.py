"""What a topic promises for as long as it lives: `contracts/released/TOPIC/promise.json`, written once.

Its records lie there under these words, and its readers were built on them: other words are another topic, NAME.vN+1.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka import documents
from deploy.kafka.certificates import Certificate

FOLDER = documents.FOLDER / "released"
WORDS = ("key", "cleanup", "compatibility", "personal_data")


@dataclass(frozen=True)
class Altered:
    """A word of a certificate that is not what was promised; `was` is None where nothing was said of it."""

    topic: str
    readers: tuple[str, ...]
    word: str
    was: str | None
    now: str


def altered(certificates: Collection[Certificate], folder: Path = FOLDER) -> Iterator[Altered]:
    """Where certificates say something else than what was released. Raises OSError, ValueError for a damaged promise."""
    for certificate in certificates:
        if not _place(certificate, folder).exists():
            continue
        promised, today = _read(_place(certificate, folder)), _of(certificate)
        for word in WORDS:
            if promised.get(word) != today[word]:
                yield Altered(certificate.topic, certificate.readers, word, promised.get(word), today[word])


def unreleased(certificates: Collection[Certificate], folder: Path = FOLDER) -> list[Certificate]:
    """The certificates of topics that have promised nothing yet."""
    return [certificate for certificate in certificates if not _place(certificate, folder).exists()]


def release(certificates: Collection[Certificate], folder: Path = FOLDER) -> list[Path]:
    """Write down what new topics promise; the files that were added. Raises OSError."""
    written = []
    for certificate in unreleased(certificates, folder):
        path = _place(certificate, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_of(certificate), ensure_ascii=False, indent=2) + "\n", "utf-8")
        written.append(path)
    return written


def _of(certificate: Certificate) -> dict[str, str]:
    return {word: getattr(certificate, word) for word in WORDS}


def _place(certificate: Certificate, folder: Path) -> Path:
    return folder / certificate.topic / "promise.json"


def _read(path: Path) -> dict[str, str]:
    try:
        promised = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: không phải JSON · not JSON: {error}") from error
    if not isinstance(promised, dict):
        raise ValueError(f"{path}: không phải một lời hứa · not a promise")
    return promised
