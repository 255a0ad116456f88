"""What the relay makes of a row: the record that any other client and Debezium's router would make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chassis import outbox
from chassis.outbox import LARGEST_EVENT_BYTES
from tests import stack
from tests.counters import TOPIC, Desk, counting
from tests.database import Server
from tests.relaying import login, make_topic, reading, relaying, say


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server, kafka: stack.Kafka) -> AsyncIterator[Desk]:
    await make_topic(kafka)
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


async def test_the_largest_event_that_is_let_in_goes_out(desk: Desk, kafka: stack.Kafka) -> None:
    value = b"1" + b" " * (LARGEST_EVENT_BYTES - 2)
    await desk.pool.execute(
        "insert into outbox (id, aggregatetype, aggregateid, type, payload, headers)"
        " values (gen_random_uuid(), $1, 'k', 'number', $2, '{}')",
        TOPIC,
        value,
    )
    await say(desk.pool, "k", 2)
    async with reading(kafka) as log, relaying(desk.database.url, login(kafka)):
        await log.until("k", 2)
    assert log.of("k") == [1, 2]


async def test_columns_are_what_debeziums_outbox_event_router_reads(desk: Desk, kafka: stack.Kafka) -> None:
    """Its defaults: id, aggregatetype (the topic by `route.by.field`), aggregateid (the key), type, payload.

    Kafka Connect can take the relay's place: the record it would make is the one that the relay makes.
    """
    await say(desk.pool, "k", 7)
    types = await desk.pool.fetch(
        "select column_name, data_type, is_nullable from information_schema.columns where table_name = 'outbox'"
    )
    shapes = {row["column_name"]: (row["data_type"], row["is_nullable"]) for row in types}
    assert shapes["id"] == ("uuid", "NO")
    assert shapes["aggregatetype"] == shapes["aggregateid"] == shapes["type"] == ("text", "NO")
    assert shapes["payload"] == ("bytea", "YES"), "null is a tombstone"
    (row,) = await desk.pool.fetch("select aggregatetype, aggregateid, payload, headers from outbox")
    async with reading(kafka) as log, relaying(desk.database.url, login(kafka)):
        await log.until("k", 7)
    (record,) = log.records
    assert (record.topic, record.key, record.value) == (
        row["aggregatetype"],
        row["aggregateid"].encode(),
        row["payload"],
    )
    assert {name: value.decode() for name, value in record.headers} == row["headers"]


async def test_the_relay_writes_to_the_partition_that_every_other_client_would_choose(
    desk: Desk, kafka: stack.Kafka
) -> None:
    """Kafka's murmur2 of the key: a producer of another make keeps the order with ours."""
    keys = {"G09.20-20260609-0000001": 4, "đổi-bằng": 0, "": 0, "21": 0}
    for key in keys:
        await say(desk.pool, key, 1)
    async with reading(kafka) as log, relaying(desk.database.url, login(kafka)):
        for key in keys:
            await log.until(key, 1)
    assert {record.key.decode(): record.partition for record in log.records} == {
        key: _murmur2(key.encode()) % 6 for key in keys
    }


def _murmur2(data: bytes) -> int:
    """org.apache.kafka.common.utils.Utils.murmur2, made positive."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    for start in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[start : start + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    tail = data[len(data) - len(data) % 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


async def test_a_claim_that_ends_early_is_a_prefix_also_where_a_tombstone_follows(desk: Desk) -> None:
    """A tombstone is no bytes long; before what it erases it would erase nothing."""
    await say(desk.pool, "k", *range(100, 104))
    await desk.pool.execute(
        "insert into outbox (id, aggregatetype, aggregateid, type, payload, headers)"
        " values (gen_random_uuid(), $1, 'k', 'gone', null, '{}')",
        TOPIC,
    )
    async with desk.pool.acquire() as connection:
        everything = [row["position"] for row in await outbox.claim(connection, 10, 1_000)]
        some = [row["position"] for row in await outbox.claim(connection, 10, 5)]
        one = [row["position"] for row in await outbox.claim(connection, 10, 1)]
    assert len(everything) == 5
    assert (some, one) == (everything[:2], everything[:1])
