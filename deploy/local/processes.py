"""Which process is meant: a process id alone may have been given to another one since it was written down."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.05


def birth_of(pid: int) -> str | None:
    """A mark of this process's start that no later process with its id shares; None when it is gone or a zombie.

    On Linux the boot's id and the start in clock ticks since boot, which no change of the clock moves.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not sys.platform.startswith("linux"):
            return f"{process.create_time():.2f}"
        # The command's name, in parentheses, may hold anything; the start is the 20th field behind it (proc(5)).
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
    return f"{boot}:{ticks}"


@dataclass(frozen=True)
class Process:
    """A process that was seen running."""

    pid: int
    birth: str
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0

    def runs(self) -> bool:
        return birth_of(self.pid) == self.birth


def end(processes: Sequence[Process]) -> None:
    """Stop all at once and wait; what outlives its `stop_seconds` is killed, with its process group.

    Blocking. Processes that are gone, or whose id belongs to another process now, are left alone.
    """
    running = [process for process in processes if process.runs()]
    for process in running:
        _send(process.pid, process.stop_signal)
    begin = time.monotonic()
    while running:
        for process in running:
            if process.runs() and time.monotonic() - begin > process.stop_seconds:
                kill_group(process.pid)
                _send(process.pid, signal.SIGKILL)  # a supervisor in a terminal leads no group
        running = [process for process in running if process.runs()]
        time.sleep(POLL_SECONDS)


def kill_group(leader: int) -> None:
    """SIGKILL to the process group of `leader`, as far as it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
