"""Waiting for a moment: for locks as the database sees them, so that a test has two transactions where it wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from chassis.errors import is_passing
from chassis.postgres import Connection, Pool

_WAITING = """
select pid from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database() and query ilike $1 order by query_start
"""


async def until_waiting(pool: Pool, number: int = 1, query: str = "%") -> list[int]:
    """Wait until so many sessions of this database wait for a lock in a statement like this; answers their pids."""
    async with asyncio.timeout(30):
        while len(found := await pool.fetch(_WAITING, query)) < number:
            await asyncio.sleep(0.01)
    return [row["pid"] for row in found]


async def until_waiting_or_done(pool: Pool, task: asyncio.Task[Any], query: str = "%") -> None:
    """Wait until a session waits for a lock in a statement like this, or the task that might has ended."""
    async with asyncio.timeout(30):
        while not (task.done() or await pool.fetch(_WAITING, query)):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def locked(url: str, statement: str, *arguments: Any) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A transaction that ran this statement and stays open until the block is left; then it is rolled back."""
    holder = await asyncpg.connect(url)  # without the time-outs of a service's pool
    try:
        await holder.execute("begin")
        await holder.execute(statement, *arguments)
        yield holder
    finally:
        await holder.close()


@asynccontextmanager
async def kept_open(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction that stays open however long the block takes: that of a service loses its session after 8 s."""
    async with pool.acquire() as connection:
        await connection.execute("set idle_in_transaction_session_timeout = 0; set transaction_timeout = 0")
        async with connection.transaction():
            yield connection


async def again_until_done(work: Any) -> None:
    """Do it again after passing trouble, as a consumer does: `work` makes a new awaitable each time.

    Raises AssertionError when the trouble does not pass.
    """
    trouble: Exception | None = None
    try:
        async with asyncio.timeout(60):
            while True:
                made: Awaitable[Any] = work()
                try:
                    await made
                    return
                except Exception as error:
                    if not is_passing(error):
                        raise
                    trouble = error
    except TimeoutError:
        raise AssertionError(f"still passing trouble after 60 s: {trouble!r}") from trouble


async def until(holds: Callable[[], Awaitable[object]], otherwise: str, seconds: float = 60.0) -> None:
    """Wait until this holds. Raises AssertionError with the words of `otherwise` when it does not come to that."""
    try:
        async with asyncio.timeout(seconds):
            while not await holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{otherwise} within {seconds:.0f} s") from None
