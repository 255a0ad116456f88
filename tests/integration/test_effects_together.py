"""State and event on a real database: whichever of the two writes is cut off, neither is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.errors import is_passing
from chassis.metrics import Metrics
from chassis.parking import Record
from tests.counters import Desk, counting
from tests.counting import body, consumer_of, fold_of, headers
from tests.database import Server
from tests.records import raw
from tests.waiting import locked, until_waiting

TOPIC = "together.v1"


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


def _record(key: str, offset: int) -> Record:
    return raw(TOPIC, offset, key.encode(), body(), headers(key))


@pytest.mark.parametrize("table", ["counter", "outbox"])
async def test_a_transaction_that_is_cut_off_at_one_of_its_writes_leaves_none(desk: Desk, table: str) -> None:
    """The write waits for a lock that the test holds; there its session ends, as by a crash."""
    consumer, batch = consumer_of(fold_of("payments.together", TOPIC), desk.pool, Metrics()), [_record("k", 0)]
    # Readers pass, writers wait.
    async with locked(desk.database.url, f"lock table {table} in share mode"):
        taking = asyncio.create_task(consumer.take(batch))
        (writer,) = await until_waiting(desk.pool, 1, f"%{table}%")
        await desk.pool.execute("select pg_terminate_backend($1)", writer)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await taking
    assert is_passing(caught.value)
    assert await _written(desk) == {"counter": 0, "outbox": 0, "inbox": 0}
    await consumer.take(batch)
    assert await _written(desk) == {"counter": 1, "outbox": 1, "inbox": 1}


async def _written(desk: Desk) -> dict[str, int]:
    return {
        table: await desk.pool.fetchval(f"select count(*) from {table}") for table in ("counter", "outbox", "inbox")
    }
