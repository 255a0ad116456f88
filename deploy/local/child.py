"""What the supervisor must know of one process to prepare, start, watch and stop it."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class StackError(Exception):
    """The stack cannot go on; the text is one line that says what is wrong and what to do."""


class Progress(Protocol):
    """Told by a preparation how far it is; shown beside the child's name."""

    def __call__(self, text: str, done: int | None = None, total: int | None = None) -> None: ...


async def nothing_to_prepare(progress: Progress) -> None:
    """The preparation of a child that needs none."""


@dataclass(frozen=True)
class Child:
    """One process of the stack.

    `prepare` runs before every start and is idempotent; it raises StackError.
    `ready` answers None once the child serves, or else the reason why it does not yet.
    `after` names children that must be ready before this one starts.
    `ports` are all TCP ports of loopback that it will listen on: one that is taken is reported before the start.
    """

    name: str
    command: tuple[str, ...]
    address: str
    ready: Callable[[], Awaitable[str | None]]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    prepare: Callable[[Progress], Awaitable[None]] = nothing_to_prepare
    ports: tuple[int, ...] = ()
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    working_directory: Path | None = None
    description: str = ""
