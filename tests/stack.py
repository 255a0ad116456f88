"""Parts of the embedded stack, run for a test: real servers in a folder of their own, at free ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deploy.kafka.connection import Connection
from deploy.local.kafka import connection, kafka_child
from deploy.local.layout import Layout
from deploy.local.secrets import Secrets
from deploy.local.supervisor import Supervisor
from tests import learnt

READY_SECONDS = 150


@dataclass(frozen=True)
class Kafka:
    """A running broker; topics, users and rights are for the test to make."""

    layout: Layout
    secrets: Secrets
    supervisor: Supervisor

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.layout.port('kafka')}"

    def password(self, user: str) -> str:
        return self.secrets.password(f"kafka:{user}")

    def connection(self, user: str = "admin") -> Connection:
        return connection(self.layout, self.secrets, user)

    @property
    def pid(self) -> int:
        """The process id of the broker that runs now."""
        process = self.supervisor.shown.children[0].process
        assert process is not None
        return process.pid

    async def until_ready(self, other_than: int | None = None) -> None:
        """Wait for the broker to serve, as another process than `other_than`."""
        async with asyncio.timeout(READY_SECONDS):
            while self.supervisor.shown.state != "ready" or self.pid == other_than:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def kafka_running(layout: Layout) -> AsyncIterator[Kafka]:
    """Apache Kafka under a supervisor in `layout.data`, going on with the data that are there."""
    await asyncio.to_thread(learnt.give, layout.data)
    secrets = Secrets.open(layout.data)
    supervisor = Supervisor([kafka_child(layout, secrets, learn=False)], layout.data)
    kafka = Kafka(layout, secrets, supervisor)
    task = asyncio.create_task(supervisor.run())
    ready = asyncio.create_task(kafka.until_ready())
    try:
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await ready
        yield kafka
    finally:
        ready.cancel()
        supervisor.stop.set()
        await task
