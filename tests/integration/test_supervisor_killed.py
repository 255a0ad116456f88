"""However the supervisor goes, no process of its stack stays: told by the kernel, by the guard, by the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import state
from deploy.local.processes import Process, birth_of, end
from deploy.local.state import StackState
from tests.supervised import all_gone, ready_stack, until


class Stacks:
    """Supervisors in processes of their own, ended at the test's end."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *children: str) -> StackState:
        command = [sys.executable, "-m", "tests.supervised", str(self.data), *children]
        process = subprocess.Popen(command)
        self.started.append(process)

        def look() -> StackState | None:
            seen = ready_stack(self.data)()
            assert process.poll() is None
            return seen if seen is not None and seen.supervisor.pid == process.pid else None

        return until(look)

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.terminate()
            process.wait(20)
        seen = state.read(self.data)
        end(seen.processes() if seen is not None else [])


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Stacks]:
    stacks = Stacks(tmp_path)
    yield stacks
    stacks.end()


def guard_of(supervisor: Process) -> Process:
    (guard,) = (child for child in psutil.Process(supervisor.pid).children() if "deploy.local.guard" in child.cmdline())
    birth = birth_of(guard.pid)
    assert birth is not None
    return Process(guard.pid, birth)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left_whatever_signal_ends_the_supervisor(stacks: Stacks, number: signal.Signals) -> None:
    seen = stacks.start("one:polite", "two:stubborn")
    guard = guard_of(seen.supervisor)
    os.kill(seen.supervisor.pid, number)
    until(all_gone([seen.supervisor, guard, *seen.processes()]))


def test_polite_children_end_even_when_supervisor_and_guard_are_killed_together(stacks: Stacks) -> None:
    seen = stacks.start("one:polite", "two:polite")
    guard = guard_of(seen.supervisor)
    for process in (guard, seen.supervisor):
        os.kill(process.pid, signal.SIGKILL)
    until(all_gone(seen.processes()))


def test_the_next_start_ends_what_outlived_supervisor_and_guard(stacks: Stacks) -> None:
    seen = stacks.start("one:stubborn")
    for process in (guard_of(seen.supervisor), seen.supervisor):
        os.kill(process.pid, signal.SIGKILL)
    until(all_gone([seen.supervisor]))
    (leftover,) = seen.processes()
    assert leftover.runs()
    stacks.start("one:polite")
    assert not leftover.runs()


def test_a_killed_guard_is_replaced(stacks: Stacks) -> None:
    seen = stacks.start("one:stubborn")
    first = guard_of(seen.supervisor)
    os.kill(first.pid, signal.SIGKILL)
    second = until(lambda: replaced(seen.supervisor, first))
    os.kill(seen.supervisor.pid, signal.SIGKILL)
    until(all_gone([second, *seen.processes()]))


def replaced(supervisor: Process, first: Process) -> Process | None:
    try:
        guard = guard_of(supervisor)
    except (ValueError, AssertionError, psutil.Error):
        return None
    return guard if guard != first else None


def test_a_start_right_after_a_kill_waits_until_the_guard_has_cleaned_up(stacks: Stacks) -> None:
    seen = stacks.start("one:stubborn", "two:polite")
    os.kill(seen.supervisor.pid, signal.SIGKILL)
    stacks.started[-1].wait()
    again = stacks.start("one:polite")
    assert all_gone(seen.processes())()
    assert again.supervisor.pid != seen.supervisor.pid


def test_a_process_id_that_belongs_to_another_process_now_is_not_taken_for_ours() -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert birth_of(other.pid) is not None
        assert not Process(other.pid, "an earlier boot:1").runs()
    finally:
        other.kill()
        other.communicate()
