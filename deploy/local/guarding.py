"""The supervisor's side of the guard process: it always knows what runs, or is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local import environment
from deploy.local.processes import Process

CODE = Path(__file__).resolve().parents[2]


@dataclass
class Guard:
    """The supervisor's end of the pipe."""

    process: asyncio.subprocess.Process
    pipe: int
    told: list[Process]

    @classmethod
    async def start(cls, data: Path, lock: int, running: Sequence[Process]) -> Guard:
        """It knows of those that run before it exists: there is no moment at which it would let one live."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        os.write(writing, _line(running))
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deploy.local.guard"),
                stdin=reading,
                stdout=DEVNULL,
                stderr=DEVNULL,
                env=environment.base(data),
                cwd=CODE,
                pass_fds=[lock],
                start_new_session=True,
            )
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        return cls(process, writing, list(running))

    def tell(self, running: Sequence[Process]) -> None:
        """What runs now. A guard that does not listen is killed; `gone` then says that it wants a successor."""
        if running == self.told:
            return
        line = _line(running)
        try:
            heard = os.write(self.pipe, line) == len(line)
        except (BlockingIOError, BrokenPipeError):
            heard = False
        if heard:
            self.told = list(running)
        else:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    def gone(self) -> bool:
        return self.process.returncode is not None

    async def close(self) -> None:
        """Let it go; it first ends what it was told of."""
        os.close(self.pipe)
        await self.process.wait()


def _line(processes: Sequence[Process]) -> bytes:
    return json.dumps([asdict(process) for process in processes]).encode() + b"\n"
