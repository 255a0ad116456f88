"""A consumer on real Kafka and PostgreSQL whose every event has an effect that can be counted: it adds to a counter."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer

from chassis.consumer import Consumer, Fold
from chassis.decider import Decision
from chassis.envelope import Event, Reader, headers_of
from chassis.health import Health
from chassis.identifiers import new_id
from chassis.kafka import Kafka
from chassis.metrics import Metrics
from chassis.postgres import Pool
from chassis.subscriptions import Pace, Subscriptions
from tests import stack
from tests.counters import COUNTERS, Add, Added, Counter, add, voice
from tests.records import NOON

Headers = list[tuple[str, bytes | None]]


def count(counter: Counter | None, event: Event[Any], now: datetime) -> Decision[Counter] | None:
    """Add what the event says to the counter that it names, and tell."""
    return add(counter, Add(counter=event.subject, amount=event.data.amount), now)


def fold_of(name: str, topic: str) -> Fold:
    return Fold(name, topic, COUNTERS, {Added: count})


def consumer_of(fold: Fold, pool: Pool, metrics: Metrics) -> Consumer:
    return Consumer(fold, pool, voice(), Reader({Added.TYPE: Added}, {}), metrics, parking_limit=100)


def headers(key: str, event_id: UUID | None = None, **changes: bytes | None) -> Headers:
    """The headers of an event for this counter, with some changed."""
    told = headers_of(event_id or new_id(), Added.TYPE, "/motcua/test", key, 1, NOON, None, sealed=False)
    return [(name, changes.get(name, value.encode())) for name, value in told.items()]


def body(amount: int = 1) -> bytes:
    return Added(amount=amount, total=0).model_dump_json().encode()


class Writer:
    """Writes events to one topic, and knows what all counters must come to."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self.producer, self.topic = producer, topic
        self.expected = Tally[str]()

    async def write(self, keys: Sequence[str], partition: int | None = None) -> None:
        """One event of amount 1 for each of these keys, in this order."""
        sent = [
            await self.producer.send(self.topic, body(), key=key.encode(), partition=partition, headers=headers(key))
            for key in keys
        ]
        await asyncio.gather(*sent)
        self.expected.update(keys)

    async def raw(self, value: bytes | None, key: bytes | None, told: Headers, partition: int) -> int:
        """Any record whatever; answers its offset."""
        written = await self.producer.send_and_wait(self.topic, value, key=key, partition=partition, headers=told)
        return int(written.offset)


@asynccontextmanager
async def writing(kafka: stack.Kafka, topic: str) -> AsyncIterator[Writer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, max_request_size=4_000_000, **kafka.connection().options
    )
    await producer.start()
    try:
        yield Writer(producer, topic)
    finally:
        await producer.stop()


async def totals(pool: Pool) -> Tally[str]:
    return Tally({row["id"]: row["total"] for row in await pool.fetch("select id, total from counter")})


async def until_counted(pool: Pool, expected: Tally[str], seconds: float = 60.0) -> None:
    """Wait until every counter has come to at least what is expected."""
    async with asyncio.timeout(seconds):
        while not await totals(pool) >= expected:
            await asyncio.sleep(0.05)


async def each_had_one_effect(pool: Pool, expected: Tally[str]) -> None:
    """Every event once: in the counter, in the outbox, in the inbox; nothing parked."""
    counted = await totals(pool)
    assert (counted - expected, expected - counted) == (Tally(), Tally()), "too often, and too seldom"
    assert await pool.fetchval("select count(*) from outbox") == expected.total()
    assert await pool.fetchval("select count(*) from inbox") == expected.total()
    assert await pool.fetchval("select count(*) from parked") == 0


@asynccontextmanager
async def consuming(
    consumers: Sequence[Any], kafka: Kafka, instance: str, metrics: Metrics, health: Health, pace: Pace | None = None
) -> AsyncIterator[Subscriptions]:
    """The consumers of a process, in this one."""
    subscriptions = Subscriptions(consumers, kafka, instance, metrics, health, pace or Pace())
    task = asyncio.create_task(subscriptions.forever())
    try:
        yield subscriptions
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def value_of(metrics: Metrics, name: str, **labels: str) -> float:
    """A metric as Prometheus would see it; 0 while it was never set."""
    return metrics.registry.get_sample_value(name, labels) or 0.0
