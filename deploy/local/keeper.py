"""Keeps one child running: prepared, started, watched, started again when it dies."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import environment, launch, logs
from deploy.local.checks import check_ports, explained, remedy
from deploy.local.child import Child, StackError
from deploy.local.processes import Process, birth_of, kill_group
from deploy.local.state import ChildState, State

CODE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Pace:
    """How often, how long, how patiently; all in seconds but `tries`."""

    probe: float = 0.1  # between two questions "ready yet?" at the start
    watch: float = 2.0  # between two once it was ready
    answer: float = 5.0  # for one answer
    patience: float = 120.0  # from the start to the first readiness, while the stack comes up
    first_pause: float = 0.2  # before a restart; doubles with each further death
    longest_pause: float = 30.0
    healthy: float = 20.0  # of readiness, after which earlier deaths are forgotten
    tries: int = 4  # deaths before the first readiness that end the start of the stack


class PreparationError(Exception):
    """A preparation failed for a reason of its own, such as a database that went away: tried again like a death."""


@dataclass
class Keeper:
    """One child and what is known of it. `first_start` holds until the whole stack was ready once: until then a
    failure that waiting cannot mend is raised, afterwards it is shown and tried again."""

    child: Child
    data: Path
    pace: Pace
    changed: Callable[[], None]
    first_start: Callable[[], bool]
    shown: ChildState = field(init=False)
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.shown = ChildState(self.child.name, self.child.address, self.child.description)

    async def keep(self, needs: list[Keeper]) -> None:
        """Run the child for ever, each time after all it `needs` serve. Raises StackError; cancel it to end."""
        deaths = 0
        while True:
            self._show("waiting")
            for need in needs:
                await need.serving.wait()
            try:
                await self._start()
                lasted = await self._watch()
                code = await self._ended()
                reason = f"kết thúc với mã {code} · ended with code {code}"
            except PreparationError as error:
                lasted, reason = 0.0, str(error)
            except (StackError, OSError) as error:
                lasted, reason = 0.0, str(self._explained(error))
                if self.first_start():
                    raise self._explained(error) from error
            deaths = 0 if lasted > self.pace.healthy else deaths + 1
            if self.first_start() and lasted == 0.0 and deaths >= self.pace.tries:
                raise self._gives_up(reason)
            self.shown.restarts += 1
            pause = min(self.pace.first_pause * 2 ** max(deaths - 1, 0), self.pace.longest_pause)
            self._show("restarting", f"{reason}; {pause:.1f} s")
            await asyncio.sleep(pause)

    async def stop(self, hurry: asyncio.Event) -> None:
        """End the process: its stop signal, `stop_seconds` of patience (none once `hurry` is set), then SIGKILL."""
        process, child = self.process, self.child
        self.serving.clear()
        if process is not None and process.returncode is None:
            self._show("stopping")
            process.send_signal(child.stop_signal)
            tasks = [asyncio.ensure_future(process.wait()), asyncio.ensure_future(hurry.wait())]
            await asyncio.wait(tasks, timeout=child.stop_seconds, return_when=asyncio.FIRST_COMPLETED)
            tasks[1].cancel()
            if process.returncode is None:
                kill_group(process.pid)
            await tasks[0]
        await self._ended()
        self._show("stopped")

    async def _start(self) -> None:
        self._show("preparing")
        await self._prepare()
        check_ports([self.child])
        with logs.open_for(self.data, self.child.name) as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(self.child.stop_signal))),
                *self.child.command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env={**environment.base(self.data), **self.child.environment},
                cwd=self.child.working_directory or CODE,
                start_new_session=True,
            )
        birth = birth_of(self.process.pid)
        if birth is not None:
            self.shown.process = Process(self.process.pid, birth, int(self.child.stop_signal), self.child.stop_seconds)
        self._show("starting")

    async def _prepare(self) -> None:
        try:
            await self.child.prepare(self._progress)
        except (StackError, OSError):
            raise
        except Exception as error:
            with logs.open_for(self.data, self.child.name) as log:
                log.write("".join(traceback.format_exception(error)).encode())
            raise PreparationError(f"{type(error).__name__}: {error}".replace("\n", " ")) from error
        finally:
            self.shown.done = self.shown.total = None

    async def _watch(self) -> float:
        """Until the process ends; returns the seconds since it was first ready, 0.0 when it never was."""
        assert self.process is not None
        ended = asyncio.ensure_future(self.process.wait())
        begin, ready_since = time.monotonic(), 0.0
        while not ended.done():
            reason = await self._ask()
            if ended.done():
                break
            if reason is None:
                ready_since = ready_since or time.monotonic()
                self.serving.set()
                self._show("ready")
            elif ready_since:
                self.serving.clear()
                self._show("unready", reason)
            else:
                self._show("starting", reason)
                if self.first_start() and time.monotonic() - begin > self.pace.patience:
                    ended.cancel()
                    raise self._gives_up(reason)
            await asyncio.wait({ended}, timeout=self.pace.watch if ready_since else self.pace.probe)
        return time.monotonic() - ready_since if ready_since else 0.0

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(self.pace.answer):
                return await self.child.ready()
        except TimeoutError:
            return f"không trả lời trong {self.pace.answer:g} s · no answer within {self.pace.answer:g} s"
        except Exception as error:
            if isinstance(error, StackError) and self.first_start():
                raise
            return str(error) or repr(error)

    async def _ended(self) -> int | None:
        """Take notice of the process's end; what it left in its group goes too."""
        self.serving.clear()
        if self.process is None:
            return None
        code = await self.process.wait()
        kill_group(self.process.pid)
        self.process = self.shown.process = None
        return code

    def _gives_up(self, reason: str) -> StackError:
        path = logs.path_of(self.data, self.child.name)
        return StackError(
            f"{self.child.name} không khởi động được ({reason}): {logs.last_words(path)} — "
            f"xem {path} · {self.child.name} does not start: see {path}{remedy(self.child.name)}"
        )

    def _explained(self, error: StackError | OSError) -> StackError:
        return error if isinstance(error, StackError) else explained(error, self.data)

    def _progress(self, text: str, done: int | None = None, total: int | None = None) -> None:
        self.shown.done, self.shown.total = done, total
        self._show("preparing", text)

    def _show(self, state: State, reason: str = "") -> None:
        if state != self.shown.state:
            self.shown.since = time.time()
        elif reason == self.shown.reason and state != "preparing":
            return
        self.shown.state, self.shown.reason = state, reason
        self.changed()
