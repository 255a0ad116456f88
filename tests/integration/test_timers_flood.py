"""Very many timers: in batches, in few statements, and nobody waits behind them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from chassis import leases
from chassis.clock import utc_now
from chassis.metrics import Metrics
from chassis.postgres import use_json
from chassis.timers import Timers
from tests.counters import DECIDES, Desk, counting, voice
from tests.database import Server
from tests.integration.counters_desk import PAST, due, left, remind, timers
from tests.waiting import kept_open

BATCH = 500


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


@asynccontextmanager
async def overheard(desk: Desk) -> AsyncIterator[tuple[Timers, list[str]]]:
    """Timers and every statement that they send."""
    said: list[str] = []

    async def listen(connection: Any) -> None:
        await use_json(connection)
        connection.add_query_logger(lambda query: said.append(query.query))

    async with asyncpg.create_pool(desk.database.url, min_size=1, max_size=1, init=listen) as pool:
        said.clear()
        yield Timers([DECIDES], pool, voice(), Metrics()), said


async def test_a_flood_is_worked_off_in_batches_of_few_statements_however_many_timers_they_hold(desk: Desk) -> None:
    names = await due(desk, 5 * BATCH + 7)
    async with overheard(desk) as (worker, said):
        sent = list[int]()
        while claimed := await worker.work_off():
            assert claimed <= BATCH, "what is in memory is bounded"
            sent.append(len(said))
            said.clear()
    assert len(sent) == 6
    assert len(set(sent[1:])) == 1, "as many for few as for 500; at first the types are asked for"
    assert max(sent) <= 15
    assert await desk.totals() == dict.fromkeys(names, 1)


async def test_a_batch_of_bad_timers_among_a_flood_stops_no_other_and_is_looked_for_in_halves(desk: Desk) -> None:
    names = await due(desk, BATCH - 4)
    await remind(desk, "refused", amount=-1)
    await remind(desk, "too large", amount=10**6)
    await remind(desk, "unreadable", "unknown")
    await desk.pool.execute("update timer set body = '[]' where key = 'unreadable'")
    await desk.pool.execute("update timer set kind = 'Gone' where key = 'unknown'")
    bad = dict.fromkeys(("refused", "too large", "unreadable", "unknown"), 0)
    async with overheard(desk) as (worker, said):
        assert await worker.work_off() == BATCH
    assert await desk.totals() == dict.fromkeys(names, 1) | bad
    assert await left(desk, "timer") == len(bad)
    assert len(said) < 20 * 12, "two tries for each time that 500 can be halved"


async def test_a_timer_that_is_due_just_now_does_not_wait_behind_a_flood(desk: Desk) -> None:
    await due(desk, 4 * BATCH)
    await remind(desk, "short", at=utc_now() - timedelta(milliseconds=1))
    assert await timers(desk).work_off() == BATCH
    totals = await desk.totals()
    assert totals["short"] == 1
    assert sum(totals.values()) == BATCH


async def test_newer_timers_without_end_do_not_keep_the_oldest_waiting(desk: Desk) -> None:
    names = await due(desk, BATCH // 2)
    for turn in range(2):
        await remind(desk, *[f"new-{turn}-{number}" for number in range(BATCH // 4)], at=utc_now())
    await due(desk, 2 * BATCH, "Later")
    await desk.pool.execute("update timer set kind = 'Due', due_at = $1 where kind = 'Later'", PAST + timedelta(days=1))
    await timers(desk).work_off()
    totals = await desk.totals()
    assert {name: totals[name] for name in names} == dict.fromkeys(names, 1)


async def test_an_aggregate_that_somebody_has_locked_keeps_no_other_waiting(desk: Desk) -> None:
    names = await due(desk, 64)
    held, others = names[17], [*names[:17], *names[18:]]
    async with kept_open(desk.pool) as holder:
        await holder.execute("select from counter where id = $1 for update", held)
        async with asyncio.timeout(20):
            assert await timers(desk).work_off() == 64
        assert await desk.totals() == dict.fromkeys(others, 1) | {held: 0}
    ((key, later, leased),) = await desk.pool.fetch("select key, due_at > now(), leased_until from timer")
    assert (key, later, leased) == (held, True, None)
    await desk.pool.execute("update timer set due_at = now()")
    assert await timers(desk).work_off() == 1
    assert await desk.totals() == dict.fromkeys(names, 1)


class _Overheard:
    """In the place of a pool: keeps the one statement that it is asked for, and answers with nothing."""

    def __init__(self) -> None:
        self.sql, self.arguments = "", ()

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        self.sql, self.arguments = sql, arguments
        return []


async def test_due_rows_among_very_many_waiting_ones_are_found_by_an_index(desk: Desk) -> None:
    """100,000 that wait and 100 that are due: a claim reads pages for the 100."""
    # What tests before deleted would still stand in the pages that an index leads to.
    owner = await asyncpg.connect(desk.database.owner_url)
    await owner.execute("truncate timer, call")
    for table, name in (("timer", "Due"), ("call", "Question")):
        await desk.pool.execute(
            f"""
            insert into {table} (id, kind, aggregate, key, body, due_at)
            select gen_random_uuid(), $1, 'counter', n, '{{}}', now() + make_interval(secs => n - 100)
            from generate_series(1, 100000) as n""",
            name,
        )
    await owner.execute("analyze timer, call")
    await owner.close()
    timers, calls = _Overheard(), _Overheard()
    await leases.due_timers(timers, utc_now(), 10, BATCH)  # type: ignore[arg-type]
    await leases.due_calls(calls, 10, {"Question": BATCH})  # type: ignore[arg-type]
    for table, asked in (("timer", timers), ("call", calls)):
        async with desk.pool.acquire() as connection, connection.transaction():
            plan = await connection.fetch(f"explain (analyze, buffers) {asked.sql}", *asked.arguments)
        text = "\n".join(row[0] for row in plan)
        assert f"using {table}_due" in text
        assert "Seq Scan" not in text, text
        read = Counter[str]()
        for kind, pages in re.findall(r"(hit|read)=(\d+)", text.splitlines()[1]):
            read[kind] += int(pages)
        assert read.total() < 3_000, text
