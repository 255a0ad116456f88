"""Periodic chores on a real database: one process at a time, and trouble that stops nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from chassis import chores
from chassis.chores import Chore, do_alone, keep_doing
from chassis.metrics import Metrics
from chassis.postgres import Pool, open_pool
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


async def test_a_process_that_stands_still_loses_its_turn_and_takes_nobodys_when_it_goes_on(
    postgres_server: Server,
) -> None:
    """Standing still is its turn running out: nobody has said in time that it goes on."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def run(_: Pool) -> None:
        begun.set()
        await may_end.wait()

    chore = Chore("sweep", 60, run)
    async with counting(postgres_server) as desk:
        still = asyncio.create_task(do_alone(chore, desk.pool))
        await begun.wait()
        begun.clear()
        await desk.pool.execute("update chore_turn set until = now()")
        healthy = asyncio.create_task(do_alone(chore, desk.pool))
        await begun.wait()
        may_end.set()
        assert await still
        assert await healthy
        assert await do_alone(chore, desk.pool)


async def test_a_turn_is_kept_for_as_long_as_the_chore_takes_and_holds_no_connection(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "_TURN", timedelta(seconds=2))
    async with counting(postgres_server) as desk:
        pool = await open_pool(desk.database.url, "one connection", 1)

        async def run(pool: Pool) -> None:
            for _ in range(5):
                await _said_again(pool)
            assert await do_alone(chore, desk.pool) is False

        chore = Chore("sweep", 60, run)
        assert await do_alone(chore, pool)
        await pool.close()


async def _said_again(pool: Pool) -> None:
    """Wait until the turn's holder has said again that it goes on."""
    before = await pool.fetchval("select until from chore_turn")
    async with asyncio.timeout(30):
        while await pool.fetchval("select until from chore_turn") == before:
            await asyncio.sleep(0.05)


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
