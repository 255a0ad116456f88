"""The counters at work: their timers, their outside calls, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chassis.backlog import Backlog
from chassis.calls import Calling, Calls
from chassis.clock import Clock, utc_now
from chassis.decider import Decides, Message
from chassis.metrics import Metrics
from chassis.timers import Timers
from chassis.wakes import Wakes
from chassis.work import Work
from tests.counters import (
    COUNTERS,
    DECIDES,
    Desk,
    Question,
    Remind,
    voice,
)

PAST = datetime(2026, 1, 1, tzinfo=UTC)


def timers(desk: Desk) -> Timers:
    """A process' timers."""
    return Timers([DECIDES], desk.pool, voice(), Metrics())


async def settle(worker: Timers, rows: Sequence[Any]) -> None:
    """What a process does with the timers that it has claimed."""
    await worker._settle(COUNTERS, [worker.read(row) for row in rows])


def wakes() -> Wakes:
    """Nobody tells: the worker looks by itself."""
    return Wakes("", "test", "calls")


def calls(desk: Desk, handler: Callable[[Any, Calling], Awaitable[Message]]) -> Calls:
    return Calls({Question: handler}, [DECIDES], desk.pool, voice(), Metrics())


async def unused(question: Question, calling: Calling) -> Message:
    raise AssertionError("nobody is asked in this test")


def work(
    desk: Desk,
    handler: Callable[[Any, Calling], Awaitable[Message]] = unused,
    decides: Decides = DECIDES,
    clock: Clock = utc_now,
) -> Work:
    return Work(desk.pool, voice(clock), [decides], calls(desk, handler), Backlog(1_000))


async def remind(desk: Desk, *counters: str, amount: int = 1, at: datetime = PAST) -> None:
    for counter in counters:
        await work(desk).send(COUNTERS, counter, Remind(counter=counter, at=at, amount=amount))


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


async def left(desk: Desk, table: str) -> int:
    count: int = await desk.pool.fetchval(f"select count(*) from {table}")
    return count


async def due(desk: Desk, count: int, kind: str = "Due") -> list[str]:
    """So many counters at 0, each with a timer that is due and adds 1; their names."""
    names = [f"{kind}-{number:06}" for number in range(count)]
    await desk.pool.execute("insert into counter select name, 0, 1, 0 from unnest($1::text[]) as name", names)
    await desk.pool.execute(
        """
        insert into timer (id, kind, aggregate, key, body, due_at)
        select gen_random_uuid(), $3, 'counter', name, jsonb_build_object('counter', name, 'amount', 1), $2
        from unnest($1::text[]) as name""",
        names,
        PAST,
        kind,
    )
    return names


@contextmanager
def process(desk: Desk, port: int = 0, end: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """The counters' timers and calls as a process of its own, which kills itself at the point `end`."""
    told = {**os.environ, "DUE": json.dumps([desk.database.url, port, end])}
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-m", "tests.due_process"], cwd=root, env=told)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
