"""A short program that a preparation needs: it ends with the supervisor, and with the preparation."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import launch
from deploy.local.processes import kill_group


class ToolError(Exception):
    """The program ended with a code other than 0; the text is what it printed."""


async def run(command: Sequence[str], environment: Mapping[str, str], working_directory: Path | None = None) -> str:
    """What `command` prints (both streams). Raises ToolError; cancelled, it kills the program first."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGKILL))),
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=dict(environment),
        cwd=working_directory,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            kill_group(process.pid)
            await process.wait()
    text = output.decode(errors="replace").strip()
    if process.returncode != 0:
        raise ToolError(text or f"{command[0]}: {process.returncode}")
    return text
