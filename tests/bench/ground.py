"""What measurements stand on: the embedded stack's own Kafka and PostgreSQL, in a folder of their own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from deploy.local.postgres import connect
from tests import database, stack
from tests.bench.meters import READINGS, TABLES, TOTALS
from tests.bench.readings import PARTITIONS

# The broker's own clock stands in each record: when it was appended, whatever the client says.
_CONFIGS = {"message.timestamp.type": "LogAppendTime"}

Count = Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class Store:
    """One service's database, and a connection as its owner."""

    database: database.Database
    connection: asyncpg.Connection[Any]

    async def empty(self) -> None:
        await self.connection.execute("truncate outbox, inbox, meter, textbook_inbox, textbook_meter")


@dataclass(frozen=True)
class Ground:
    """Running servers, and a folder for whatever is logged."""

    kafka: stack.Kafka
    server: database.Server
    folder: Path
    runs: Any = field(default_factory=lambda: count(1))

    @property
    def options(self) -> dict[str, Any]:
        """How aiokafka's clients log in."""
        return {"bootstrap_servers": self.kafka.bootstrap, **self.kafka.connection().options}

    @property
    def login(self) -> dict[str, str]:
        """The same for a process, as JSON."""
        told = self.kafka.connection()
        return {"bootstrap": told.bootstrap, "user": told.user, "password": told.password}

    @property
    def postgres(self) -> int:
        """PostgreSQL's process id."""
        return int((self.server.layout.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def run(self) -> str:
        """A name that no run had: a killed member of a static group keeps its place in it for a while."""
        return f"run-{next(self.runs)}"

    async def checkpoint(self) -> None:
        """Write what PostgreSQL holds back, so that no run pays for what was before it."""
        administrator = await connect(self.server.layout, self.server.secrets, "postgres")
        try:
            await administrator.execute("checkpoint", timeout=600)
        finally:
            await administrator.close()

    @asynccontextmanager
    async def meters(self, service: str = "payments") -> AsyncIterator[Store]:
        """A fresh database with the meters' tables: that of `service`, borrowed."""
        async with self.fresh(service) as store:
            await store.connection.execute(TABLES)
            yield store

    @asynccontextmanager
    async def fresh(self, service: str) -> AsyncIterator[Store]:
        """The empty, migrated database of a service."""
        made = await self.server.fresh(service)
        connection = await asyncpg.connect(made.owner_url)
        try:
            yield Store(made, connection)
        finally:
            await connection.close()

    async def empty_topics(self, names: Sequence[str] = (READINGS, TOTALS)) -> None:
        """New, empty topics of these names; those that there were are gone."""
        admin = AIOKafkaAdminClient(**self.options)
        await admin.start()
        try:
            old = sorted(set(names) & set(await admin.list_topics()))
            if old:
                await admin.delete_topics(old)
                while set(old) & set(await admin.list_topics()):
                    await asyncio.sleep(0.02)
            await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=_CONFIGS) for name in names])
        finally:
            await admin.close()

    @asynccontextmanager
    async def written(self, topic: str) -> AsyncIterator[Count]:
        """A function that tells how many records a topic holds."""
        consumer = AIOKafkaConsumer(**self.options)
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]

        async def held() -> int:
            return int(sum((await consumer.end_offsets(places)).values()))

        await consumer.start()
        try:
            yield held
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def committed(self, group: str) -> AsyncIterator[Count]:
        """A function that tells how many records a consumer group is done with."""
        admin = AIOKafkaAdminClient(**self.options)

        async def done() -> int:
            return sum(max(0, each.offset) for each in (await admin.list_consumer_group_offsets(group)).values())

        await admin.start()
        try:
            yield done
        finally:
            await admin.close()


@asynccontextmanager
async def standing() -> AsyncIterator[Ground]:
    """Kafka and PostgreSQL, until the block is left. Raises StackError."""
    async with AsyncExitStack() as kept:
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="motcua-bench-")))
        server = await kept.enter_async_context(database.running(folder / "postgres"))
        kafka = await kept.enter_async_context(stack.kafka_running(Layout(folder / "kafka", free_offset())))
        yield Ground(kafka, server, folder)
