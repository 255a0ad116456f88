"""Measures the stack: how fast it starts with nothing and with its own data, and how much memory it takes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil
from rich.console import Console

from deploy.local import environment, launch, logs, state
from deploy.local.child import StackError
from deploy.local.offsets import free_offset

POLL_SECONDS = 0.05
LONGEST_SECONDS = 600.0
SETTLE_SECONDS = 5.0


@dataclass(frozen=True)
class Measures:
    """`resident_mb` is the larger of two sums over all processes of the stack, its supervisor included: after the
    cold start and after the warm one, each some seconds after readiness. Proportional where the system tells it, so
    that shared pages count once. MB are 10⁶ bytes."""

    cold_start_s: float
    warm_start_s: float
    resident_mb: float


def measure(console: Console) -> Measures:
    """Start the stack twice in a fresh folder on free ports. Nothing is kept for the cold start but the virtual
    environment and the package caches. Nothing is left running, nor in the folder, when a signal ends it.

    Raises StackError; SystemExit on SIGTERM and SIGHUP. To be called in the main thread.
    """
    with _signals_raised():
        return _measured(console)


def _measured(console: Console) -> Measures:
    data = Path(tempfile.mkdtemp(prefix="motcua-measure-"))
    settings = {**environment.supervisor(data), "MOTCUA_DATA": str(data), "MOTCUA_PORT_OFFSET": str(free_offset())}
    try:
        with console.status("khởi động nguội · cold start"):
            cold_start, cold_memory = _once(data, settings)
        with console.status("khởi động ấm · warm start"):
            warm_start, warm_memory = _once(data, settings)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return Measures(round(cold_start, 2), round(warm_start, 2), round(max(cold_memory, warm_memory) / 1e6, 1))


def _once(data: Path, settings: dict[str, str]) -> tuple[float, int]:
    """Seconds from the command to readiness, and resident bytes thereafter."""
    begin = time.monotonic()
    with logs.open_for(data, "supervisor") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            # The launcher: even when this process is killed, the kernel tells the supervisor.
            [
                *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGTERM))),
                *(sys.executable, "-m", "motcua", "up"),
            ],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        seconds = _until_ready(data, process, begin)
        time.sleep(SETTLE_SECONDS)
        return seconds, _resident(process.pid)
    finally:
        process.terminate()
        try:
            process.wait()
        finally:
            process.wait()  # again, when the first was interrupted by a signal


@contextmanager
def _signals_raised() -> Iterator[None]:
    """The first SIGTERM or SIGHUP is raised as SystemExit, so that what was begun is cleaned up; later ones wait."""
    numbers = (signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _until_ready(data: Path, process: subprocess.Popen[bytes], begin: float) -> float:
    while time.monotonic() - begin < LONGEST_SECONDS:
        seen = state.read(data)
        if seen is not None and seen.supervisor.pid == process.pid and seen.state == "ready":
            return time.monotonic() - begin
        if process.poll() is not None:
            words = logs.last_lines(logs.path_of(data, "supervisor"), 1)
            raise StackError(words[0] if words else "Hệ thống đã dừng · the stack has ended")
        time.sleep(POLL_SECONDS)
    raise StackError(f"Chưa sẵn sàng sau {LONGEST_SECONDS:.0f} s · not ready after {LONGEST_SECONDS:.0f} s")


def _resident(supervisor: int) -> int:
    """Bytes of the supervisor and all its descendants; a process that ends meanwhile counts nothing."""
    parent = psutil.Process(supervisor)
    total = 0
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", 0) or memory.rss
    return total
