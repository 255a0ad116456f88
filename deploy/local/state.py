"""What the supervisor tells others: the state file in the data folder, replaced whole at every change."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from deploy.local.processes import Process

State = Literal[
    "waiting",
    "preparing",
    "starting",
    "ready",
    "unready",
    "restarting",
    "stopping",
    "stopped",
    "failed",
]


@dataclass
class ChildState:
    """One child as it is now: `done` of `total` is how far its preparation is, `since` seconds since the epoch."""

    name: str
    address: str
    description: str = ""
    state: State = "waiting"
    reason: str = ""
    process: Process | None = None
    restarts: int = 0
    done: int | None = None
    total: int | None = None
    since: float = field(default_factory=time.time)


@dataclass
class StackState:
    """The whole stack as its supervisor last saw it. `state` is ready once every child is."""

    supervisor: Process
    offset: int
    state: State = "starting"
    reason: str = ""
    since: float = field(default_factory=time.time)
    ready_seconds: float | None = None
    children: list[ChildState] = field(default_factory=list)

    def processes(self) -> list[Process]:
        return [child.process for child in self.children if child.process is not None]


_JSON = TypeAdapter(StackState)


def path_in(data: Path) -> Path:
    return data / "state.json"


def write(data: Path, state: StackState) -> None:
    """Replace the state file. Raises OSError."""
    path = path_in(data)
    draft = path.with_suffix(".new")
    draft.write_bytes(_JSON.dump_json(state))
    draft.replace(path)


def read(data: Path) -> StackState | None:
    """The last state written, or None where there is none or none that can be read."""
    try:
        return _JSON.validate_json(path_in(data).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
