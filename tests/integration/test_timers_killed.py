"""Timers in processes that are killed, and in several at once: one effect each, and none forgotten."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from tests.counters import Desk, counting
from tests.database import Server
from tests.integration.counters_desk import due, left, process, timers, until


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


@pytest.mark.parametrize(
    ("point", "done"), [("timer.after-claim", False), ("timer.before-commit", False), ("timer.after-commit", True)]
)
async def test_a_process_killed_at_its_timers_leaves_one_effect_each(desk: Desk, point: str, done: bool) -> None:
    """Between claim and settling, inside the settling transaction, and after it."""
    names = await due(desk, 20)
    with process(desk, end=point) as killed:
        assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL
    assert await desk.totals() == dict.fromkeys(names, int(done))
    assert await timers(desk).work_off() == 0, "done, or in the dead one's hand until the lease ends"
    await desk.pool.execute("update timer set leased_until = now() - interval '1 second'")
    assert await timers(desk).work_off() == (0 if done else 20)
    assert await desk.totals() == dict.fromkeys(names, 1)
    assert await left(desk, "outbox") == 20


async def test_of_two_processes_one_is_killed_and_the_other_does_all_that_is_left_as_the_lease_ends(desk: Desk) -> None:
    """The other one begins when the first has timers in its hand: else it might do them all before."""
    names = await due(desk, 3_000)

    async def one_has_begun() -> bool:
        return bool(await desk.pool.fetchval("select exists (select from timer where leased_until > now())"))

    with process(desk, end="timer.before-commit") as killed, ExitStack() as kept:
        await until(one_has_begun, 60)
        kept.enter_context(process(desk))
        assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL
        longest = await desk.pool.fetchval("select extract(epoch from max(leased_until) - now())::float8 from timer")
        assert longest <= 10
        await desk.pool.execute("update timer set leased_until = now()")

        async def none_is_left() -> bool:
            return await left(desk, "timer") == 0

        await until(none_is_left)
    assert await desk.totals() == dict.fromkeys(names, 1)
    assert await left(desk, "outbox") == 3_000
