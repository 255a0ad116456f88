"""A consumer that ends with a batch in its hand, on real Kafka: its offset says so, and whoever comes next does the batch."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.health import Health
from chassis.metrics import Metrics
from tests import stack
from tests.counters import Desk, counting
from tests.counting import consumer_of, consuming, each_had_one_effect, fold_of, until_counted, writing
from tests.database import Server
from tests.relaying import login, make_topic
from tests.waiting import locked, until_waiting

FOLD = fold_of("payments.offsets", "offsets.v1")
HELD = "held"


@pytest.fixture
async def desk(postgres_server: Server, kafka: stack.Kafka) -> AsyncIterator[Desk]:
    await make_topic(kafka, FOLD.topic)
    async with counting(postgres_server) as desk:
        yield desk


async def test_a_batch_that_is_fetched_and_not_committed_is_done_by_the_successor(
    desk: Desk, kafka: stack.Kafka
) -> None:
    await desk.pool.execute("insert into counter values ($1, 0, 1, 0)", HELD)
    consumer = consumer_of(FOLD, desk.pool, Metrics())
    async with writing(kafka, FOLD.topic) as writer:
        await writer.write(["before"], partition=0)
        async with (
            locked(desk.database.url, f"select from counter where id = '{HELD}' for update"),
            consuming([consumer], login(kafka), "offsets-0", Metrics(), Health()),
        ):
            await until_counted(desk.pool, Tally(["before"]))
            await _until_committed(kafka, 1)
            await writer.write([HELD, "behind"], partition=0)
            await until_waiting(desk.pool)
        # It has ended with this batch in its hand.
        assert await _committed(kafka) == 1
        async with consuming([consumer], login(kafka), "offsets-0", Metrics(), Health()):
            await until_counted(desk.pool, writer.expected)
    await each_had_one_effect(desk.pool, writer.expected)


async def _until_committed(kafka: stack.Kafka, offset: int) -> None:
    async with asyncio.timeout(30):
        while await _committed(kafka) != offset:
            await asyncio.sleep(0.05)


async def _committed(kafka: stack.Kafka) -> int | None:
    """The group's offset in partition 0."""
    watcher = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=FOLD.name, enable_auto_commit=False, **kafka.connection().options
    )
    await watcher.start()
    try:
        place = TopicPartition(FOLD.topic, 0)
        watcher.assign([place])
        found: int | None = await watcher.committed(place)
        return found
    finally:
        await watcher.stop()
