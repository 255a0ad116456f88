"""Two processes that both believe to have a partition, on a real database: one effect each, in order, and nobody stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis import inbox
from chassis.consumer import Consumer
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.parking import Record
from chassis.postgres import open_pool
from tests.counters import Desk, counting
from tests.counting import body, consumer_of, fold_of, headers
from tests.database import Server
from tests.records import raw
from tests.waiting import again_until_done, locked, until_waiting

NAME, TOPIC, HELD = "payments.owned", "owned.v1", "held"


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    await own_desk.pool.execute("insert into counter values ($1, 0, 1, 0)", HELD)
    return own_desk


def _owner(desk: Desk) -> Consumer:
    return consumer_of(fold_of(NAME, TOPIC), desk.pool, Metrics())


def _record(key: str, offset: int, amount: int = 1) -> Record:
    return raw(TOPIC, offset, key.encode(), body(amount), headers(key))


HOLD = f"select from counter where id = '{HELD}' for update"


async def test_a_batch_that_both_have_in_hand_has_one_effect(desk: Desk) -> None:
    """The first is in the middle of its transaction when the second begins with the same records."""
    batch = [_record(HELD, 0), _record("k", 1)]
    async with locked(desk.database.url, HOLD):
        first = asyncio.create_task(again_until_done(lambda: _owner(desk).take(batch)))
        await until_waiting(desk.pool, 1)
        second = asyncio.create_task(again_until_done(lambda: _owner(desk).take(batch)))
        await until_waiting(desk.pool, 2)
    await asyncio.gather(first, second)
    assert await desk.totals() == {HELD: 1, "k": 1}
    assert await desk.pool.fetchval("select count(*) from outbox") == 2


async def test_the_second_does_not_pass_a_record_that_the_first_is_parking(desk: Desk) -> None:
    """The second saw its key free; what follows the poison is held all the same."""
    poison, behind = _record("k", 1, amount=-1), _record("k", 2)
    async with locked(desk.database.url, HOLD):
        first = asyncio.create_task(again_until_done(lambda: _owner(desk).take([_record(HELD, 0), poison])))
        await until_waiting(desk.pool, 1)
        second = asyncio.create_task(again_until_done(lambda: _owner(desk).take([poison, behind])))
        await until_waiting(desk.pool, 2)
    await asyncio.gather(first, second)
    assert await desk.totals() == {HELD: 1}
    rows = await desk.pool.fetch('select "offset", state from parked order by "offset"')
    assert [tuple(row) for row in rows] == [(1, "parked"), (2, "held")]


async def test_a_process_that_stands_still_in_its_transaction_stops_its_successor_for_seconds_only(desk: Desk) -> None:
    """Its sessions stay open and say nothing, as those of a frozen process do; what it had begun is rolled back."""
    event = new_id()
    record = raw(TOPIC, 0, b"k", body(), headers("k", event))
    frozen = await open_pool(desk.database.url, "frozen", 2)
    try:
        connection = await frozen.acquire()  # never given back: its session is ended by the server
        await connection.execute("begin")
        assert await inbox.take(connection, NAME, [event]) == {event}
        await again_until_done(lambda: _owner(desk).take([record]))
    finally:
        frozen.terminate()
    assert await desk.totals() == {HELD: 0, "k": 1}
