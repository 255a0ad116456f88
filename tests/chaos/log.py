"""All that stands in Kafka's log, read as it comes; and records of it published again, byte for byte."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.envelope import text_headers
from deploy.kafka import certificates
from deploy.kafka.connection import Connection


@dataclass
class Log:
    """`records` holds every record in the order of its partition; an event may stand there several times."""

    admin: Connection
    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    records: list[Any] = field(default_factory=list)
    _told: defaultdict[tuple[str, str], asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    async def event(self, code: str, *types: str) -> None:
        """Return as soon as one of these events (`dossier.stopped`) of this dossier stands in the log."""
        waits = [asyncio.ensure_future(self._told[code, kind].wait()) for kind in types]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def told(self, code: str, kind: str) -> bool:
        return self._told[code, kind].is_set()

    async def again(self, records: Sequence[Any]) -> None:
        """Publish records again, one behind the other. Raises KafkaError, TimeoutError."""
        for record in records:
            async with asyncio.timeout(20):
                await self.producer.send_and_wait(
                    record.topic, record.value, record.key, record.partition, headers=list(record.headers)
                )

    async def read(self) -> None:
        """Read for ever, whatever happens to Kafka."""
        while True:
            try:
                found = await self.consumer.getmany(timeout_ms=500)
            except KafkaError:
                await asyncio.sleep(0.2)
                continue
            for records in found.values():
                self.records += records
                for record in records:
                    headers = text_headers(record.headers)
                    kind = headers.get("ce_type", "").removeprefix("vn.motcua.").removesuffix(".v1")
                    self._told[headers.get("ce_subject", ""), kind].set()

    async def behind(self) -> int:
        """How many records have not been read yet."""
        ends = await self.consumer.end_offsets(self.consumer.assignment())
        return sum([end - await self.consumer.position(partition) for partition, end in ends.items()])


@asynccontextmanager
async def reading(admin: Connection) -> AsyncIterator[Log]:
    """The log of all topics from its beginning, read until the block is left."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=admin.bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        request_timeout_ms=5_000,
        **admin.options,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=admin.bootstrap, acks="all", request_timeout_ms=5_000, **admin.options
    )
    await consumer.start()
    await producer.start()
    consumer.assign(
        [
            TopicPartition(certificate.topic, partition)
            for certificate in certificates.load()
            for partition in range(certificate.partitions.local)
        ]
    )
    log = Log(admin, consumer, producer)
    task = asyncio.create_task(log.read())
    try:
        yield log
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for client in (consumer, producer):
            with suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(client.stop(), 5)
