"""Periodic chores on a real database: one process at a time, and trouble that stops nothing."""

from __future__ import annotations

import asyncio

from chassis.chores import Chore, do_alone, keep_doing
from chassis.metrics import Metrics
from chassis.postgres import Pool
from tests.counters import counting
from tests.database import Server


async def test_a_chore_is_done_by_one_process_at_a_time_and_by_the_next_one_later(postgres_server: Server) -> None:
    begun, may_end, times = asyncio.Event(), asyncio.Event(), 0

    async def run(_: Pool) -> None:
        nonlocal times
        times += 1
        begun.set()
        await may_end.wait()

    chore = Chore("sweep", 60, run)
    async with counting(postgres_server) as desk:
        first = asyncio.create_task(do_alone(chore, desk.pool))
        await begun.wait()
        assert await do_alone(chore, desk.pool) is False
        another = Chore("another", 60, lambda _: asyncio.sleep(0))
        assert await do_alone(another, desk.pool), "a lock is of one chore"
        may_end.set()
        assert await first
        assert await do_alone(chore, desk.pool)
    assert times == 2


async def test_a_chore_that_fails_is_counted_and_done_again(postgres_server: Server) -> None:
    metrics, done, times = Metrics(), asyncio.Event(), 0

    async def run(_: Pool) -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise ValueError("no")
        done.set()

    async with counting(postgres_server) as desk:
        task = asyncio.create_task(keep_doing(Chore("moody", 0.01, run), desk.pool, metrics))
        async with asyncio.timeout(30):
            await done.wait()
        task.cancel()
        await asyncio.wait([task])
    failed = metrics.registry.get_sample_value("motcua_chores_total", {"chore": "moody", "outcome": "failed"})
    assert failed == 2
