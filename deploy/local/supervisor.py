"""Brings the stack's children up in order of readiness, keeps them up, and leaves none behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import lock, logs, processes, state
from deploy.local.checks import check_ports, check_room, explained
from deploy.local.child import Child, StackError
from deploy.local.guarding import Guard
from deploy.local.keeper import Keeper, Pace
from deploy.local.processes import Process, birth_of
from deploy.local.state import StackState

HOUSEKEEPING_SECONDS = 5.0
WRITE_SECONDS = 0.1  # several changes within it are written at once
POLL_SECONDS = 1.0  # between two looks at the guard, the logs and a disk that was full, while nothing changes


def this_process() -> Process:
    birth = birth_of(os.getpid())
    assert birth is not None
    return Process(os.getpid(), birth, stop_seconds=60.0)


@dataclass
class Supervisor:
    """The stack of one data folder. `changed` is called at every change of `shown`, from the event loop."""

    children: Sequence[Child]
    data: Path
    offset: int = 0
    changed: Callable[[StackState], None] = lambda shown: None
    pace: Pace = field(default_factory=Pace)
    shown: StackState = field(init=False)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _keepers: dict[str, Keeper] = field(init=False)
    _guard: Guard | None = None
    _unwritten: bool = True
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._keepers = {
            child.name: Keeper(child, self.data, self.pace, self._change, self._coming_up) for child in self.children
        }
        self.shown = StackState(this_process(), self.offset)
        self.shown.children = [keeper.shown for keeper in self._keepers.values()]

    async def run(self) -> None:
        """Run until `stop` is set (`hurry`: kill what is still there). Raises StackError when the stack cannot come up.

        Whatever happens, no process of it is left when this returns.
        """
        descriptor = await asyncio.to_thread(lock.acquire, self.data)
        try:
            await self._end_leftovers()
            check_room(self.data)
            check_ports(self.children)
            await self._run(descriptor)
        except OSError as error:
            raise explained(error, self.data) from error
        finally:
            os.close(descriptor)

    def obey_signals(self) -> None:
        """Ctrl-C, `kill` and a closed terminal end the stack in order; a second one at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.ask_to_stop)

    def ask_to_stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    async def _run(self, descriptor: int) -> None:
        await self._renew_guard(descriptor)
        tasks = [asyncio.create_task(self._keep(keeper)) for keeper in self._keepers.values()]
        tasks += [asyncio.create_task(self._house(descriptor)), asyncio.create_task(self._asked_to_stop())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except StackError as error:
            self.shown.reason = str(error)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stop_all()
            if self._guard is not None:
                await self._guard.close()
            self._write()

    async def _asked_to_stop(self) -> None:
        await self.stop.wait()

    async def _keep(self, keeper: Keeper) -> None:
        await keeper.keep([self._keepers[name] for name in keeper.child.after if name in self._keepers])

    async def _stop_all(self) -> None:
        """Those that need others first, side by side where nothing stands between them."""
        self.shown.state = "stopping"
        stopped = {name: asyncio.Event() for name in self._keepers}

        async def stop(keeper: Keeper) -> None:
            for other in self._keepers.values():
                if keeper.child.name in other.child.after:
                    await stopped[other.child.name].wait()
            try:
                await keeper.stop(self.hurry)
            finally:
                stopped[keeper.child.name].set()

        await asyncio.gather(*map(stop, self._keepers.values()))
        self.shown.state = "failed" if self.shown.reason else "stopped"
        self._change()

    async def _house(self, descriptor: int) -> None:
        """Keep the state file current, the logs bounded, and the guard alive."""
        next_bound = 0.0
        while True:
            self._changed.clear()
            self._write()
            with contextlib.suppress(OSError):  # a full disk must not end what still runs
                if time.monotonic() > next_bound:
                    await asyncio.to_thread(logs.bound, self.data)
                    next_bound = time.monotonic() + HOUSEKEEPING_SECONDS
            if self._guard is None or self._guard.gone():
                await self._renew_guard(descriptor)
            await asyncio.sleep(WRITE_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._changed.wait()

    async def _end_leftovers(self) -> None:
        before = state.read(self.data)
        if before is not None:
            await asyncio.to_thread(processes.end, before.processes())

    async def _renew_guard(self, descriptor: int) -> None:
        before, self._guard = self._guard, None
        if before is not None:
            await before.close()
        self._guard = await Guard.start(self.data, descriptor, self.shown.processes())
        self._guard.tell(self.shown.processes())  # what began or ended meanwhile

    def _coming_up(self) -> bool:
        return self.shown.ready_seconds is None

    def _change(self) -> None:
        if self.shown.state in ("starting", "ready", "unready"):
            ready = all(child.state == "ready" for child in self.shown.children)
            self.shown.state = "ready" if ready else "starting" if self._coming_up() else "unready"
            if ready and self._coming_up():
                self.shown.ready_seconds = time.time() - self.shown.since
        self._unwritten = True
        self._changed.set()
        if self._guard is not None:
            self._guard.tell(self.shown.processes())
        self.changed(self.shown)

    def _write(self) -> None:
        if self._unwritten:
            with contextlib.suppress(OSError):
                state.write(self.data, self.shown)
                self._unwritten = False
