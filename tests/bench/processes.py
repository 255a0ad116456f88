"""What is measured runs in processes of its own: started, ready, let go, read and killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.bench.gate import Invalid
from tests.bench.ground import Ground

_ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 90.0
_LAST_WORDS = 1_500  # characters of a log that say why its process ended


@dataclass(frozen=True)
class Process:
    """A process of `tests.bench`; it says a line when it is ready, and is told in lines."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def said(self, seconds: float = _READY_SECONDS) -> str:
        """Its next line. Raises Invalid when it ends, or says nothing for so long."""
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), seconds)
        except TimeoutError:
            line = b""
        if not line:
            raise self.gone()
        return line.decode().strip()

    def must_live(self) -> None:
        """Raises Invalid, with what it said last, when it has ended."""
        if self.process.returncode is not None:
            raise self.gone()

    def gone(self) -> Invalid:
        return Invalid(f"{self.name} đã dừng · ended or is stuck:\n{self.log.read_text()[-_LAST_WORDS:]}")

    async def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    @property
    def resident_mb(self) -> float:
        """Megabytes of memory that it holds now."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6


@asynccontextmanager
async def started(ground: Ground, module: str, name: str, told: Mapping[str, Any]) -> AsyncIterator[Process]:
    """`python -m tests.bench.MODULE`, told by BENCH; killed at the end."""
    environment = {"BENCH": json.dumps({"kafka": ground.login, **told})}
    async with _running(ground, name, [f"tests.bench.{module}"], environment, speaks=True) as process:
        yield process


@asynccontextmanager
async def service(ground: Ground, name: str, roles: str, settings: Mapping[str, str]) -> AsyncIterator[Process]:
    """`python -m services.NAME` in these roles, told its settings as anywhere; it says nothing. Killed at the end."""
    own = {**settings, "instance": f"{name}-bench-{roles}-{ground.run()}"}
    environment = {f"MOTCUA_{setting.upper()}": value for setting, value in own.items()}
    command = [f"services.{name}", "--roles", roles]
    async with _running(ground, f"{name} {roles}", command, environment, speaks=False) as process:
        yield process


@asynccontextmanager
async def _running(
    ground: Ground, name: str, command: Sequence[str], environment: Mapping[str, str], speaks: bool
) -> AsyncIterator[Process]:
    """`python -m COMMAND` until the block is left; what it says to nobody is logged."""
    log = ground.folder / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *command),
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdin=PIPE if speaks else DEVNULL,
            stdout=PIPE if speaks else output,
            stderr=output,
        )
    try:
        yield Process(name, process, log)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def processor_seconds(ground: Ground, processes: Iterable[Process]) -> dict[str, float]:
    """Seconds of processor time that each part has used so far: the named processes, PostgreSQL, Kafka."""
    used = {each.name: _seconds([psutil.Process(each.process.pid)]) for each in processes}
    postgres = psutil.Process(ground.postgres)
    # Backends that have ended are counted with their parent.
    ended = postgres.cpu_times()
    used["kafka"] = _seconds([psutil.Process(ground.kafka.pid)])
    used["postgres"] = _seconds([postgres, *postgres.children()]) + ended.children_user + ended.children_system
    return used


def _seconds(processes: Iterable[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
