"""The stack goes on when its words cannot be written, and ends in order when nobody can read them any more."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import state
from deploy.local.processes import Process
from deploy.local.state import StackState
from tests.e2e.command_line import PATIENCE_SECONDS, CommandLine
from tests.supervised import all_gone, ready_stack, until

# Leads a terminal's session and waits, as `make` does there: the kernel tells it alone that the terminal was closed.
LEADER = """
import fcntl, signal, subprocess, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
output = open(sys.argv[1], "wb") if sys.argv[1] else None
sys.exit(subprocess.call(sys.argv[2:], stdout=output, stderr=output))
"""


@pytest.fixture
def mail(motcua: CommandLine) -> CommandLine:
    motcua.parts = ("mail",)
    return motcua


def ready(command_line: CommandLine) -> StackState:
    return until(ready_stack(command_line.data), PATIENCE_SECONDS)


def everything(seen: StackState) -> list[Process]:
    return [seen.supervisor, *seen.processes()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_under_the_log_ends_nothing(mail: CommandLine) -> None:
    with Path("/dev/full").open("wb") as full:
        command = mail.command("up", *mail.parts)
        process = subprocess.Popen(command, env=mail.environment, stdout=full, stderr=full)
    mail.opened.append(process)
    (victim,) = ready(mail).processes()
    os.kill(victim.pid, signal.SIGKILL)  # more to say

    def back() -> StackState | None:
        seen = ready_stack(mail.data)()
        return seen if seen is not None and seen.children[0].restarts == 1 else None

    seen = until(back, PATIENCE_SECONDS)
    assert process.poll() is None
    assert all(each.runs() for each in everything(seen))


def test_a_reader_that_is_gone_ends_everything_in_order(mail: CommandLine) -> None:
    command = mail.command("up", *mail.parts)
    process = subprocess.Popen(command, env=mail.environment, stdout=subprocess.PIPE)
    mail.opened.append(process)
    assert process.stdout is not None
    seen = ready(mail)
    process.stdout.close()
    os.kill(seen.processes()[0].pid, signal.SIGKILL)  # something to say
    until(all_gone(everything(seen)), PATIENCE_SECONDS)
    ended = state.read(mail.data)
    assert ended is not None
    assert ended.state == "stopped"


@pytest.mark.parametrize("output", ["", "output"], ids=["shown there", "written to a file"])
def test_a_closed_terminal_ends_everything_although_its_leader_tells_nobody(
    mail: CommandLine, tmp_path: Path, output: str
) -> None:
    terminal, other_end = pty.openpty()
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, output and str(tmp_path / output), *mail.command("up", *mail.parts)],
        env={**mail.environment, "TERM": "xterm"},
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    mail.opened.append(leader)
    os.close(other_end)
    seen = ready(mail)
    os.close(terminal)
    until(all_gone(everything(seen)), PATIENCE_SECONDS)
    ended = state.read(mail.data)
    assert ended is not None
    assert ended.state == "stopped"


LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells of a parent's death")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, pytest.param(signal.SIGKILL, marks=LINUX)])
def test_a_measurement_that_is_ended_leaves_no_process(
    motcua: CommandLine, tmp_path: Path, number: signal.Signals
) -> None:
    """Nor its folder, unless it was killed."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = motcua.command("stack", "measure")
    process = subprocess.Popen(command, env={**motcua.environment, "TMPDIR": str(folder)}, stderr=subprocess.DEVNULL)
    motcua.opened.append(process)

    def begun() -> StackState | None:
        for data in folder.glob("motcua-measure-*"):
            seen = state.read(data)
            if seen is not None and seen.processes():
                return seen
        return None

    seen = until(begun, PATIENCE_SECONDS)
    process.send_signal(number)
    until(all_gone(everything(seen)), PATIENCE_SECONDS)
    assert process.wait(PATIENCE_SECONDS) == (-number if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or not list(folder.iterdir())
