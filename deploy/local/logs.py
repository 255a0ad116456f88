"""The children's log files: appended by the children themselves, bounded here, read by `motcua logs`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LIMIT_BYTES = 16 * 1024 * 1024
POLL_SECONDS = 0.2


def folder(data: Path) -> Path:
    return data / "logs"


def path_of(data: Path, name: str) -> Path:
    return folder(data) / f"{name}.log"


def open_for(data: Path, name: str) -> IO[bytes]:
    """The log file opened for appending, so that it may be cut short under its writer. Raises OSError."""
    folder(data).mkdir(parents=True, exist_ok=True)
    return path_of(data, name).open("ab")


def bound(data: Path, limit: int = LIMIT_BYTES) -> None:
    """Move the content of each log beyond `limit` bytes to NAME.log.1, over the one before. Raises OSError."""
    for path in folder(data).glob("*.log"):
        if path.stat().st_size > limit:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            with path.open("rb+") as file:
                file.truncate(0)


def last_lines(path: Path, count: int, window_bytes: int = 256 * 1024) -> list[str]:
    """The last `count` lines within the last `window_bytes` of the file; none where there is no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - window_bytes))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-count:] if count else []


def last_words(path: Path) -> str:
    """The line that best says why a process ended: its last fatal one, else its last."""
    lines = [line.strip() for line in last_lines(path, 40) if line.strip()]
    fatal = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "Error", "Exception"))]
    return (fatal or lines or [""])[-1][:300]


def follow(paths: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Each new line of the files with its name, for ever; a file that was cut short is read from its beginning."""
    positions = {name: path.stat().st_size if path.exists() else 0 for name, path in paths.items()}
    while True:
        for name, path in paths.items():
            for line in _new_lines(path, name, positions):
                yield name, line
        time.sleep(POLL_SECONDS)


def _new_lines(path: Path, name: str, positions: dict[str, int]) -> list[str]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        if file.seek(0, 2) < positions[name]:
            positions[name] = 0
        file.seek(positions[name])
        whole, newline, _ = file.read().rpartition(b"\n")
    positions[name] += len(whole) + len(newline)
    return whole.decode(errors="replace").splitlines() if newline else []
