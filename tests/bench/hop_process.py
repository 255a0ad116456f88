"""The message path as a process, told by BENCH: it says when it is ready, and takes nothing before it is let go."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import uvloop
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from chassis import logs
from chassis.clock import utc_now
from chassis.consumer import Consumer, Fold
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.garbage import collect_rarely
from chassis.health import Health
from chassis.kafka import Kafka
from chassis.metrics import Metrics
from chassis.parking import Record
from chassis.postgres import open_pool
from chassis.relay import Relay
from chassis.subscriptions import Subscriptions
from contracts.event import registry
from contracts.registry import EVENTS
from services.status.main import CONSUMES
from tests.bench import careless, parent
from tests.bench.meters import READING, TAKEN, TOTALLED

FOLDS: dict[str, tuple[Fold, dict[str, Any]]] = {
    "meters": (READING, registry(TAKEN, TOTALLED)),
    "status": (CONSUMES[0], dict(EVENTS)),
} | {name: (fold, registry(TAKEN, TOTALLED)) for name, fold in careless.FOLDS.items()}


@dataclass(frozen=True)
class Held:
    """A consumer that takes its first batch when `go` is set; until then it has joined its group, and fetched."""

    consumer: Consumer
    go: asyncio.Event

    @property
    def consumes(self) -> Fold:
        return self.consumer.consumes

    async def take(self, records: Sequence[Record]) -> None:
        await self.go.wait()
        await self.consumer.take(records)


async def serve(
    url: str, kafka: Mapping[str, Any], fold: str, group: str, instance: str, roles: Sequence[str], recorded: float
) -> None:
    """Run these roles until killed."""
    tracer = TracerProvider(sampler=ParentBasedTraceIdRatio(recorded)).get_tracer("bench")
    pool, health, metrics, go = await open_pool(url, instance, 4), Health(), Metrics(), asyncio.Event()
    login, (reading, known) = Kafka(**kafka), FOLDS[fold]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parent.heard(go))
        if "consumers" in roles:
            voice = Voice("/motcua/bench", tracer, utc_now)
            consumer = Consumer(replace(reading, name=group), pool, voice, Reader(known, {}), metrics, 100)
            health.waits("kafka", "starting")
            held: Any = Held(consumer, go)
            tasks.create_task(Subscriptions([held], login, instance, metrics, health).forever())
        if "relay" in roles:
            health.waits("relay", "starting")
            tasks.create_task(Relay(url, login, instance, tracer, metrics, health).forever())
        while health.reasons:
            await asyncio.sleep(0.02)
        print("ready", flush=True)


if __name__ == "__main__":
    told = json.loads(os.environ["BENCH"])
    logs.configure("bench", "warning")
    collect_rarely()
    uvloop.run(serve(**told))
