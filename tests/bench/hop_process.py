"""The message path as a process of its own, told by BENCH: database, Kafka, roles and how many traces are kept."""

from __future__ import annotations

import asyncio
import json
import os

import uvloop
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from chassis.clock import utc_now
from chassis.consumer import Consumer
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.garbage import collect_rarely
from chassis.health import Health
from chassis.kafka import Kafka
from chassis.metrics import Metrics
from chassis.postgres import open_pool
from chassis.relay import Relay
from chassis.subscriptions import Subscriptions
from contracts.event import registry
from tests.bench.meters import READING, TAKEN, TOTALLED


async def serve(url: str, kafka: Kafka, roles: list[str], sampled: float) -> None:
    """Run these roles until killed."""
    tracer = TracerProvider(sampler=ParentBasedTraceIdRatio(sampled)).get_tracer("bench")
    pool, health, metrics = await open_pool(url, "bench", 4), Health(), Metrics()
    reader = Reader(registry(TAKEN, TOTALLED), {})
    consumer = Consumer(READING, pool, Voice("/motcua/bench", tracer, utc_now), reader, metrics, 100)
    async with asyncio.TaskGroup() as group:
        if "consumers" in roles:
            group.create_task(Subscriptions([consumer], kafka, "bench-0", metrics, health).forever())
        if "relay" in roles:
            group.create_task(Relay(url, kafka, "bench", tracer, metrics, health).forever())


if __name__ == "__main__":
    url, bootstrap, user, password, roles, sampled = json.loads(os.environ["BENCH"])
    collect_rarely()
    uvloop.run(serve(url, Kafka(bootstrap, user, password), roles, sampled))
