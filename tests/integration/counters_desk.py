"""The counters at work: their timers, their outside calls, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.backlog import Backlog
from chassis.calls import Calling, Calls
from chassis.decider import Message
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


def work(desk: Desk, handler: Callable[[Any, Calling], Awaitable[Message]] = unused) -> Work:
    return Work(desk.pool, voice(), [DECIDES], calls(desk, handler), Backlog(1_000))


async def remind(desk: Desk, *counters: str, amount: int = 1, at: datetime = PAST) -> None:
    for counter in counters:
        await work(desk).send(COUNTERS, counter, Remind(counter=counter, at=at, amount=amount))


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


async def left(desk: Desk, table: str) -> int:
    count: int = await desk.pool.fetchval(f"select count(*) from {table}")
    return count
