"""Parking itself is impossible: real Kafka, a table that may not be written. The consumer stops, aloud, and drops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.consumer import Consumer
from chassis.health import Health
from chassis.parking import Record
from chassis.postgres import open_pool
from chassis.subscriptions import Subscriptions
from tests import stack
from tests.consuming import consumer_of
from tests.database import Database, Server
from tests.integration.payment_batches import PAYMENTS, parked, started, views
from tests.records import raw
from tests.relaying import login, make_topic
from tests.waiting import until

TOPIC, GROUP = "parking-away.v1", "test.parking-away"


async def test_while_parking_is_impossible_the_consumer_stops_and_no_offset_moves(
    kafka: stack.Kafka, postgres_server: Server
) -> None:
    await make_topic(kafka, TOPIC)
    poison = raw(TOPIC, 1, b"B", b"?", [])
    await _publish(kafka, [started("A", 1, 0), poison, started("B", 2, 2), started("C", 1, 3)])
    database = await postgres_server.fresh("status")
    await _as_owner(database, "revoke insert on parked from status")
    pool = await open_pool(database.url, "test", 8)
    health = Health()
    consumer = consumer_of(replace(PAYMENTS, name=GROUP, topic=TOPIC), pool)
    try:
        async with _subscribed(kafka, consumer, health):
            await until(lambda: _tried(consumer, 3), "the batch was not done again three times")
            assert health.reasons[GROUP] == "InsufficientPrivilegeError"
            assert await _committed(kafka) in (None, 0, 1)  # never past the poison
            assert await parked(pool) == []
            assert set(await views(pool)) <= {"A"}
            await _as_owner(database, "grant insert on parked to status")

            async def committed_all() -> bool:
                return await _committed(kafka) == 4

            await until(committed_all, "not all was committed")
        assert await parked(pool) == [(1, "parked"), (2, "held")]
        assert await views(pool) == {"A": [1], "C": [1]}
        assert await pool.fetchval("select value from parked where state = 'parked'") == b"?"
    finally:
        pool.terminate()


async def _tried(consumer: Consumer, times: int) -> bool:
    """Whether the batch was done again so often."""
    done = consumer.metrics.registry.get_sample_value("motcua_retries_total", {"consumer": GROUP})
    return (done or 0) >= times


async def _as_owner(database: Database, statement: str) -> None:
    owner = await asyncpg.connect(database.owner_url)
    try:
        await owner.execute(statement)
    finally:
        await owner.close()


@asynccontextmanager
async def _subscribed(kafka: stack.Kafka, consumer: Consumer, health: Health) -> AsyncIterator[None]:
    subscriptions = Subscriptions([consumer], login(kafka), "parking-away", consumer.metrics, health)
    task = asyncio.create_task(subscriptions.forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _publish(kafka: stack.Kafka, records: list[Record]) -> None:
    """All to one partition, in this order."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **kafka.connection().options)
    await producer.start()
    try:
        for record in records:
            headers = list(record.headers)
            await producer.send_and_wait(TOPIC, record.value, key=record.key, partition=0, headers=headers)
    finally:
        await producer.stop()


async def _committed(kafka: stack.Kafka) -> int | None:
    """The group's offset in the partition."""
    watcher = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=GROUP, enable_auto_commit=False, **kafka.connection().options
    )
    await watcher.start()
    try:
        partition = TopicPartition(TOPIC, 0)
        watcher.assign([partition])
        found: int | None = await watcher.committed(partition)
        return found
    finally:
        await watcher.stop()
