"""Relays to be watched, frozen and killed, and what they wrote."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from opentelemetry.trace import NoOpTracer

from chassis import outbox
from chassis.health import Health
from chassis.kafka import Kafka
from chassis.metrics import Metrics
from chassis.postgres import Connection, Pool
from chassis.relay import Relay
from tests import stack
from tests.counters import TOPIC

PARTITIONS = 6
ROOT = Path(__file__).resolve().parents[1]


def relay_of(url: str, kafka: Kafka, name: str, health: Health | None = None) -> Relay:
    return Relay(url, kafka, name, NoOpTracer(), Metrics(), health or Health())


def login(kafka: stack.Kafka) -> Kafka:
    """As whoever may write to a topic that has no certificate."""
    told = kafka.connection()
    return Kafka(told.bootstrap, told.user, told.password)


async def make_topic(kafka: stack.Kafka, name: str = TOPIC, **settings: str) -> None:
    """A topic of the tests' own, so that no service ever reads what they write; a setting's dots are underscores."""
    configs = {key.replace("_", "."): value for key, value in settings.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap, **kafka.connection().options)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=configs)])
    finally:
        await admin.close()
    async with reading(kafka, name):
        pass


@asynccontextmanager
async def relaying(url: str, kafka: Kafka, name: str = "relay", health: Health | None = None) -> AsyncIterator[None]:
    """A relay in this process."""
    task = asyncio.create_task(relay_of(url, kafka, name, health).forever())
    try:
        yield
    finally:
        task.cancel()
        # A relay never ends by itself: an error of its own is the test's.
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def relay_process(url: str, kafka: Kafka, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A relay in a process of its own; killed at the end."""
    told = json.dumps([url, kafka.bootstrap, kafka.user, kafka.password, name])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.relay_process"], cwd=ROOT, env={**os.environ, "RELAY": told}
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def say(connection: Connection | Pool, key: str, *numbers: int) -> None:
    """Events of one key, as a decider's transaction writes them, but with ids that tell no order."""
    rows = [
        outbox.OutboxRow(uuid4(), TOPIC, key, "number", str(number).encode(), {"ce_sequence": str(number)})
        for number in numbers
    ]
    await outbox.insert(connection, rows)  # type: ignore[arg-type]


class Log:
    """What stands in the topic since this was opened."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[Any] = []

    def of(self, key: str) -> list[int]:
        """The numbers of one key, copies too, in the order of the log."""
        return [int(record.value) for record in self.records if record.key == key.encode()]

    def first_of(self, key: str) -> list[int]:
        """The numbers of one key, each where it stands for the first time."""
        return list(dict.fromkeys(self.of(key)))

    async def until(self, key: str, number: int, seconds: float = 60.0) -> None:
        """Read on until this number of this key is there."""
        async with asyncio.timeout(seconds):
            while number not in self.of(key):
                found = await self._consumer.getmany(timeout_ms=100)
                for records in found.values():
                    self.records += records

    async def to_the_end(self) -> None:
        """Read whatever is in the topic now."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        for partition, end in ends.items():
            while await self._consumer.position(partition) < end:
                found = await self._consumer.getmany(partition, timeout_ms=1_000)
                for records in found.values():
                    self.records += records


@asynccontextmanager
async def reading(kafka: stack.Kafka, topic: str = TOPIC) -> AsyncIterator[Log]:
    """A topic of the tests from its present end on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, **kafka.connection().options)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        for partition, end in (await consumer.end_offsets(partitions)).items():
            consumer.seek(partition, end)
        yield Log(consumer)
    finally:
        await consumer.stop()
