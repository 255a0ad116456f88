"""The supervisor starts children in order of readiness, keeps them up, says what is wrong, and leaves none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import logs
from deploy.local.child import Child, Progress, StackError
from deploy.local.lock import AlreadyRunningError
from deploy.local.state import StackState
from deploy.local.supervisor import Supervisor
from tests.supervised import PACE, all_gone, server


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(supervisor.run())
    try:
        await when(lambda: supervisor.shown.state == "ready" or task.done())
        yield task
    finally:
        supervisor.stop.set()
        await asyncio.wait({task})


async def when(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_child_starts_only_when_all_it_needs_are_ready(tmp_path: Path) -> None:
    seen: dict[str, set[str]] = {}

    def note(shown: StackState) -> None:
        ready = {child.name for child in shown.children if child.state == "ready"}
        for child in shown.children:
            if child.process is not None:
                seen.setdefault(child.name, ready)

    children = [server("front", after=("left", "right")), server("left"), server("right", after=("left",))]
    async with running(Supervisor(children, tmp_path, changed=note, pace=PACE)):
        assert list(seen) == ["left", "right", "front"]
        assert seen["right"] == {"left"}
        assert seen["front"] == {"left", "right"}


async def test_a_killed_child_is_started_again_and_shown_as_restarted(tmp_path: Path) -> None:
    supervisor = Supervisor([server("one"), server("two")], tmp_path, pace=PACE)
    async with running(supervisor):
        victim, other = supervisor.shown.children
        assert victim.process is not None
        first, untouched = victim.process, other.process
        os.kill(first.pid, signal.SIGKILL)
        await when(lambda: victim.restarts == 1)
        assert "-9" in victim.reason
        await when(lambda: supervisor.shown.state == "ready")
        assert victim.process is not None
        assert victim.process.pid != first.pid
        assert other.process == untouched


async def test_a_restarted_child_waits_for_what_it_needs(tmp_path: Path) -> None:
    """When both die, the dependent one does not run into the other's absence."""
    supervisor = Supervisor([server("base"), server("top", after=("base",))], tmp_path, pace=PACE)
    async with running(supervisor):
        base, top = supervisor.shown.children
        for child in (top, base):
            assert child.process is not None
            os.kill(child.process.pid, signal.SIGKILL)
        await when(lambda: base.restarts == 1 and top.restarts == 1)
        await when(lambda: supervisor.shown.state == "ready")
        assert (base.restarts, top.restarts) == (1, 1)


async def test_a_child_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    """Once the stack was up, nothing ends it: the pause doubles up to its bound, and the reason is shown."""
    marker = tmp_path / "broken"

    async def prepare(progress: Progress) -> None:
        if marker.exists():
            raise StackError("not today")

    pauses: list[str] = []

    def note(shown: StackState) -> None:
        for child in shown.children:
            if child.state == "restarting" and (not pauses or pauses[-1] != child.reason):
                pauses.append(child.reason)

    supervisor = Supervisor([replace(server("one"), prepare=prepare)], tmp_path, changed=note, pace=PACE)
    async with running(supervisor) as task:
        marker.touch()
        process = supervisor.shown.children[0].process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await when(lambda: len(pauses) >= 4)
        assert [float(text.rpartition("; ")[2].removesuffix(" s")) for text in pauses[1:4]] == [0.1, 0.2, 0.4]
        assert all("not today" in text for text in pauses[1:])
        marker.unlink()
        await when(lambda: supervisor.shown.state == "ready")
        assert not task.done()


async def test_stopping_ends_every_process_and_those_that_need_others_first(tmp_path: Path) -> None:
    stopped: list[str] = []

    def note(shown: StackState) -> None:
        stopped.extend(c.name for c in shown.children if c.state == "stopped" and c.name not in stopped)

    children = [server("base"), server("middle", after=("base",), manner="stubborn"), server("top", ("middle",))]
    supervisor = Supervisor(children, tmp_path, changed=note, pace=PACE)
    async with running(supervisor):
        processes = supervisor.shown.processes()
    assert len(processes) == 3
    assert all_gone(processes)()
    assert stopped == ["top", "middle", "base"]


async def test_a_child_that_cannot_start_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    dying = Child(
        name="dying",
        command=(sys.executable, "-c", "raise SystemExit('FATAL: the data are damaged')"),
        address="",
        ready=server("never").ready,
    )
    supervisor = Supervisor([server("fine"), dying], tmp_path, pace=PACE)
    with pytest.raises(StackError, match="FATAL: the data are damaged") as caught:
        await supervisor.run()
    assert "\n" not in str(caught.value)
    assert str(logs.path_of(tmp_path, "dying")) in str(caught.value)
    assert supervisor.shown.processes() == []


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = Child(name="missing", command=("/no/such/program",), address="", ready=server("never").ready)
    with pytest.raises(StackError, match="/no/such/program"):
        await Supervisor([missing], tmp_path, pace=PACE).run()


async def test_a_taken_port_is_named_with_its_holder_and_the_way_out(tmp_path: Path) -> None:
    child = server("one")
    with socket.create_server(("127.0.0.1", child.ports[0])), pytest.raises(StackError) as caught:
        await Supervisor([child], tmp_path, pace=PACE).run()
    text = str(caught.value)
    assert "\n" not in text
    assert all(part in text for part in (str(child.ports[0]), f"pid {os.getpid()}", "MOTCUA_PORT_OFFSET"))


async def test_a_second_supervisor_on_the_same_data_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor([server("one")], tmp_path, pace=PACE)
    async with running(supervisor):
        before = supervisor.shown.processes()
        with pytest.raises(AlreadyRunningError, match="make stop"):
            await Supervisor([server("one")], tmp_path, pace=PACE).run()
        assert supervisor.shown.processes() == before
        assert all(process.runs() for process in before)


async def test_a_log_beyond_its_limit_is_moved_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    async with running(Supervisor([server("one")], tmp_path, pace=PACE)):
        path = logs.path_of(tmp_path, "one")
        await when(lambda: path.read_text().startswith("serving"))
        logs.bound(tmp_path, limit=3)
        assert path.read_text() == ""
        assert path.with_suffix(".log.1").read_text().startswith("serving")
