"""Calls of the counters: asked, answered with seven or never, and a process that makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from chassis.calls import Calling, Calls
from chassis.decider import Message
from chassis.identifiers import new_id
from tests.counters import COUNTERS, Answer, Ask, Desk, Question
from tests.integration.counters_desk import wakes, work

ANY = {"Question": 10}


class Query(Question):
    """A question of another kind."""


async def asked(desk: Desk, counter: str = "a") -> UUID:
    """A call that waits."""
    call_id = new_id()
    await work(desk).send(COUNTERS, counter, Ask(counter=counter, call=call_id))
    return call_id


async def seven(question: Question, calling: Calling) -> Message:
    return Answer(counter=question.counter, amount=7)


async def never(question: Question, calling: Calling) -> Message:
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def working(worker: Calls) -> AsyncIterator[asyncio.Task[None]]:
    """A process that makes calls, until the block is left."""
    task = asyncio.create_task(worker.forever(wakes()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
