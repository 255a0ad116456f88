"""The command line `motcua` on a data folder and ports of its own, as a person would use it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import state
from deploy.local.offsets import free_offset
from deploy.local.state import StackState
from tests import learnt
from tests.supervised import until

PATIENCE_SECONDS = 120


@dataclass
class CommandLine:
    """`parts` are what the stack consists of here: the light ones, unless a test needs more."""

    data: Path
    parts: tuple[str, ...] = ("postgres", "mail")  # none: all
    offset: int = field(default_factory=free_offset)
    opened: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MOTCUA_DATA": str(self.data), "MOTCUA_PORT_OFFSET": str(self.offset)}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "motcua", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def start(self) -> StackState:
        if not self.parts:
            learnt.give(self.data)
        result = self.run("start", *self.parts)
        assert result.returncode == 0, result.stderr
        return self.seen()

    def seen(self) -> StackState:
        """What the supervisor told last."""
        seen = state.read(self.data)
        assert seen is not None
        return seen

    def status(self) -> dict[str, Any]:
        told = json.loads(self.run("status", "--json").stdout)
        assert isinstance(told, dict)
        return told

    def in_terminal(self) -> tuple[subprocess.Popen[bytes], int]:
        """`motcua up` in a terminal of its own; answers the process and the terminal's other end."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *self.command("up", *self.parts)],
            env={**self.environment, "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.opened.append(process)
        return process, master

    def ready(self, process: subprocess.Popen[bytes]) -> StackState:
        def look() -> StackState | None:
            assert process.poll() is None
            seen = state.read(self.data)
            ours = seen is not None and seen.supervisor.pid == process.pid and seen.state == "ready"
            return seen if ours else None

        return until(look, PATIENCE_SECONDS)

    def close(self) -> None:
        self.run("stop")
        for process in self.opened:
            if process.poll() is None:
                process.kill()
            process.wait()


# Makes standard input the controlling terminal of this session, as a terminal program does for its shell.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
