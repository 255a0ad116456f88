"""A consumer and a redrive that meet on one key, on a real database, at the moments at which they could harm each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis.consumer import Consumer
from chassis.drainer import Drainer
from chassis.metrics import Metrics
from chassis.parking import Record
from tests.consuming import obeyed
from tests.counters import Desk, counting
from tests.counting import body, consumer_of, fold_of, headers
from tests.database import Server
from tests.records import raw
from tests.waiting import again_until_done, locked, until_waiting, until_waiting_or_done

NAME, TOPIC, HELD = "payments.locks", "locks.v1", "held"
ORPHANS = """
select count(*) from parked p where open_key is not null
and not exists (select from parked_key k where (k.consumer, k.topic, k.key) = (p.consumer, p.topic, p.open_key))
"""
"""Open records whose key is not blocked."""
_THE_SAME_PLACE = """
insert into parked (consumer, topic, partition, "offset", key, state, headers) values ($1, $2, 0, 1, 'k', 'discarded', '[]')
"""


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    await own_desk.pool.execute("insert into counter values ($1, 0, 1, 0)", HELD)
    return own_desk


def _consumer(desk: Desk) -> Consumer:
    return consumer_of(fold_of(NAME, TOPIC), desk.pool, Metrics())


def _record(key: str, offset: int) -> Record:
    return raw(TOPIC, offset, key.encode(), body(), headers(key))


async def _park(desk: Desk, record: Record) -> None:
    """As if its decider had once refused it; now it would not."""
    refused = raw(TOPIC, record.offset, record.key, b"?", list(record.headers))
    await _consumer(desk).take([refused])
    await desk.pool.execute('update parked set value = $1 where "offset" = $2', record.value, record.offset)


async def test_a_key_that_a_consumer_saw_blocked_is_not_freed_before_its_record_is_held(desk: Desk) -> None:
    """The consumer waits between its look at the key and its commit; the redrive of the only parked record comes then."""
    await _park(desk, _record("k", 0))
    batch = [_record("k", 1), _record(HELD, 2)]
    async with locked(desk.database.url, f"select from counter where id = '{HELD}' for update"):
        taking = asyncio.create_task(again_until_done(lambda: _consumer(desk).take(batch)))
        await until_waiting(desk.pool, 1, "%from counter%")
        redriving = asyncio.create_task(obeyed(Drainer(_consumer(desk)), "redrive", 0))
        await until_waiting_or_done(desk.pool, redriving, "%parked_key%")
    await taking
    assert await redriving == "redriven"
    assert await desk.pool.fetchval(ORPHANS) == 0
    await Drainer(_consumer(desk)).drain()
    assert await desk.totals() == {HELD: 1, "k": 2}
    assert await desk.pool.fetchval("select count(*) from parked_key") == 0


async def test_a_copy_of_a_record_that_is_being_redriven_waits_and_locks_nothing_that_the_redrive_needs(
    desk: Desk,
) -> None:
    """Both want the key and the event's id: they take them in the same order, so neither is thrown out of a deadlock."""
    record = _record("k", 0)
    await _park(desk, record)
    async with locked(desk.database.url, "select from parked_key where key = 'k' for update"):
        redriving = asyncio.create_task(obeyed(Drainer(_consumer(desk)), "redrive", 0))
        await until_waiting(desk.pool, 1, "%parked_key%")
        taking = asyncio.create_task(_consumer(desk).take([record]))
        await until_waiting(desk.pool, 2, "%parked_key%")
    await taking
    assert await redriving == "redriven", "at the first attempt"
    assert await desk.totals() == {HELD: 0, "k": 1}


async def test_a_key_that_is_freed_while_a_batch_parks_behind_its_head_is_looked_at_again(desk: Desk) -> None:
    """The batch saw its key free, another process parked the same head, and it is redriven between two writes of the batch."""
    good, behind, last = _record("k", 0), _record("k", 1), _record(HELD, 2)
    poison = raw(TOPIC, 0, b"k", b"?", list(good.headers))
    url, hold = desk.database.url, f"select from counter where id = '{HELD}' for update"
    async with locked(url, _THE_SAME_PLACE, NAME, TOPIC):
        async with locked(url, hold):
            taking = asyncio.create_task(again_until_done(lambda: _consumer(desk).take([poison, behind, last])))
            await until_waiting(desk.pool, 1, "%from counter%")
            await _park(desk, good)
        await until_waiting(desk.pool, 1, "%insert into parked %")
        assert await obeyed(Drainer(_consumer(desk)), "redrive", 0) == "redriven"
        assert await desk.pool.fetchval("select count(*) from parked_key") == 0
    await taking
    assert await desk.pool.fetchval(ORPHANS) == 0
    await Drainer(_consumer(desk)).drain()
    assert await desk.totals() == {HELD: 1, "k": 2}
