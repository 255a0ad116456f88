"""What measurements stand on: the embedded stack's Kafka and PostgreSQL in a folder of their own, and readings to take."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import DefaultPartitioner

from chassis.envelope import headers_of
from chassis.identifiers import new_id
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from tests import database, stack
from tests.bench.meters import READINGS, TABLES, TOTALS, Taken

PARTITIONS = 6
METERS = 20_000
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ground:
    """Running servers with one database and two empty topics."""

    kafka: stack.Kafka
    postgres: int
    database: database.Database
    connection: asyncpg.Connection[Any]

    @property
    def login(self) -> list[str]:
        told = self.kafka.connection()
        return [told.bootstrap, told.user, told.password]

    async def afresh(self) -> None:
        """Empty tables and new, empty topics."""
        await self.connection.execute("truncate outbox, inbox, meter, textbook_inbox, textbook_meter")
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap, **self.kafka.connection().options)
        await admin.start()
        try:
            names = [READINGS, TOTALS]
            if set(names) & set(await admin.list_topics()):
                await admin.delete_topics(names)
                while set(names) & set(await admin.list_topics()):
                    await asyncio.sleep(0.1)
            await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        finally:
            await admin.close()

    async def written(self, topic: str) -> int:
        """How many records a topic holds."""
        async with self._consumer() as consumer:
            return await _end(consumer, topic)

    @asynccontextmanager
    async def counting(self, topic: str) -> AsyncIterator[Any]:
        """A function that tells how many records the topic holds."""
        async with self._consumer() as consumer:
            yield lambda: _end(consumer, topic)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, **self.kafka.connection().options)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def fill(self, count: int, seed: int = 1) -> None:
        """Readings of many meters, as a relay sends them."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap,
            **self.kafka.connection().options,
            acks="all",
            max_batch_size=500_000,
        )
        await producer.start()
        try:
            for lane, records in _lanes(count, seed).items():
                waiting = records
                while waiting:
                    batch, taken = producer.create_batch(), 0
                    for key, value, headers in waiting:
                        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                            break
                        taken += 1
                    await (await producer.send_batch(batch, READINGS, partition=lane))
                    waiting = waiting[taken:]
        finally:
            await producer.stop()

    @contextmanager
    def process(self, module: str, *told: Any) -> Iterator[subprocess.Popen[bytes]]:
        """A process of `tests.bench`; killed at the end."""
        environment = {**os.environ, "BENCH": json.dumps([self.database.url, *self.login, *told])}
        process = subprocess.Popen([sys.executable, "-m", f"tests.bench.{module}"], cwd=ROOT, env=environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def processors(self, named: dict[str, int]) -> dict[str, float]:
        """Seconds of processor time that each part has used: the named processes, PostgreSQL, Kafka."""
        used = {name: _seconds([psutil.Process(pid)]) for name, pid in named.items()}
        used["kafka"] = _seconds([psutil.Process(self.kafka.pid)])
        used["postgres"] = _seconds(psutil.Process(self.postgres).children(recursive=True))
        return used


@asynccontextmanager
async def standing() -> AsyncIterator[Ground]:
    """Kafka, PostgreSQL, a database and topics, until the block is left."""
    async with AsyncExitStack() as stack_:
        folder = Path(stack_.enter_context(tempfile.TemporaryDirectory(prefix="motcua-bench-")))
        server = await stack_.enter_async_context(database.running(folder / "postgres"))
        kafka = await stack_.enter_async_context(stack.kafka_running(Layout(folder / "kafka", free_offset())))
        made = await server.fresh("payments")
        connection = await asyncpg.connect(made.owner_url)
        stack_.push_async_callback(connection.close)
        await connection.execute(TABLES)
        (postgres,) = (folder / "postgres" / "postgres" / "data" / "postmaster.pid").read_text().split()[:1]
        ground = Ground(kafka, int(postgres), made, connection)
        await ground.afresh()
        yield ground


def _lanes(count: int, seed: int) -> dict[int, list[tuple[bytes, bytes, Sequence[tuple[str, bytes]]]]]:
    chance, partition, numbers = random.Random(seed), DefaultPartitioner(), list(range(PARTITIONS))
    lanes: dict[int, list[tuple[bytes, bytes, Sequence[tuple[str, bytes]]]]] = {number: [] for number in numbers}
    now = datetime.now(UTC)
    for _ in range(count):
        code = f"G09.20-20260609-{chance.randrange(METERS):07}"
        data = Taken(
            meter=code, amount=chance.randrange(1, 1000), place="Bộ phận một cửa phường Bến Thành", taken_at=now
        )
        trace = f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-00"
        headers = headers_of(new_id(), Taken.TYPE, "/motcua/bench", code, 1, now, trace, False)
        coded = [(name, value.encode()) for name, value in headers.items()]
        lanes[partition(code.encode(), numbers, numbers)].append(
            (code.encode(), data.model_dump_json().encode(), coded)
        )
    return lanes


async def _end(consumer: AIOKafkaConsumer, topic: str) -> int:
    ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
    return int(sum(ends.values()))


def _seconds(processes: Any) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
