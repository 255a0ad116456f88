"""Records that the Kafka client itself cannot parse: real Kafka, bytes that no decent client would write."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from chassis.health import Health
from chassis.metrics import Metrics
from chassis.parking import Record
from chassis.subscriptions import Subscriptions
from tests import stack
from tests.relaying import PARTITIONS, login, make_topic

TOPIC = "fetching.v1"
_CHECKSUM, _CHECKED = slice(17, 21), slice(21, None)  # of a batch: https://kafka.apache.org/documentation/#recordbatch


class _Taking:
    """Stands where a consumer of a service stands, and remembers what it was given."""

    def __init__(self, name: str) -> None:
        self.consumes = self
        self.name, self.topic = name, TOPIC
        self.values: list[bytes] = []

    async def take(self, records: Sequence[Record]) -> None:
        self.values += [record.value for record in records]

    async def drain(self) -> int:
        return 0


@asynccontextmanager
async def _subscribed(kafka: stack.Kafka, taking: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(Subscriptions([taking], login(kafka), "test", Metrics(), Health()).forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _write_unreadable(producer: AIOKafkaProducer, partition: int) -> None:
    """One record with a header whose name is not UTF-8, checksum and all."""
    batch = producer.create_batch()
    batch.append(key=b"k", value=b"unreadable", timestamp=None, headers=[("name", b"x")])
    build = batch._build

    def spoiled() -> bytes:
        data = bytearray(build()).replace(b"name", b"\xff\xff\xff\xff")
        data[_CHECKSUM] = struct.pack(">I", calc_crc32c(bytes(data[_CHECKED])))
        return bytes(data)

    batch._build = spoiled
    await (await producer.send_batch(batch, TOPIC, partition=partition))


async def test_a_record_that_cannot_be_parsed_costs_no_record_of_another_partition(kafka: stack.Kafka) -> None:
    """Its own partition stands still at it; all others flow on, and what was before it has been taken."""
    await make_topic(kafka, TOPIC)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **kafka.connection().options)
    await producer.start()
    taking, sent = _Taking("test.fetching"), set[bytes]()

    async def send(partition: int, value: bytes) -> None:
        await producer.send_and_wait(TOPIC, value, partition=partition)
        sent.add(value)

    async def all_taken() -> None:
        async with asyncio.timeout(60):
            while not sent <= set(taking.values):
                await asyncio.sleep(0.05)

    try:
        bad = 2
        await send(bad, b"before")
        await _write_unreadable(producer, bad)
        await producer.send_and_wait(TOPIC, b"behind", partition=bad)
        for number in range(PARTITIONS):
            if number != bad:
                await send(number, f"first of {number}".encode())
        async with _subscribed(kafka, taking):
            await all_taken()
            for number in range(PARTITIONS):
                if number != bad:
                    await send(number, f"second of {number}".encode())
            await all_taken()
        assert not {b"unreadable", b"behind"} & set(taking.values)
    finally:
        await producer.stop()
