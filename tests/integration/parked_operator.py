"""An operator at the command line `motcua parked`, with the rights that the runbook grants."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from chassis.consumer import Fold
from chassis.postgres import Pool
from motcua.parked import app
from tests.consuming import drainer_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Told:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Operator:
    """Somebody at a command line, with an operator's role in the database."""

    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MOTCUA_OPERATION_DATABASE_URL": self.database_url}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """A command as a process of its own, as a terminal starts it: a shell's background jobs are deaf to Ctrl-C."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "motcua", "parked", *arguments, "--service", "status"),
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    async def run(self, *arguments: str, service: str = "status") -> Told:
        """A command in a thread of this process, which is quicker, to its end; its faults are raised."""
        command = [*arguments, "--service", service]
        done = await asyncio.to_thread(CliRunner().invoke, app, command, env=self.environment, catch_exceptions=False)
        return Told(done.exit_code, done.stdout, done.stderr)

    async def run_outside(self, *arguments: str) -> Told:
        """A command as a process of its own, to its end: beside others that write to our output."""
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Told(process.returncode, out.decode(), err.decode())


@dataclass(frozen=True)
class Place:
    pool: Pool
    operator: Operator


def rights(role: str, database: str) -> str:
    """What the runbook grants to a person."""
    page = (ROOT / "docs" / "runbooks" / "parked.md").read_text("utf-8")
    (statements,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    return re.sub(r"\blan\b", role, statements).replace("on database payments", f"on database {database}")


@asynccontextmanager
async def serving(pool: Pool, fold: Fold) -> AsyncIterator[None]:
    """The part of a service that works off parked records."""
    task = asyncio.create_task(drainer_of(fold, pool).forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
