"""From the moment an event was due to be produced to the append of its result in Kafka, at steady loads."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median, quantiles
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.bench import gate
from tests.bench.gate import Invalid
from tests.bench.ground import Count, Ground, Store
from tests.bench.hop import SAMPLED, SHAPES, Say, path_process
from tests.bench.meters import TOTALS, Totalled
from tests.bench.open_loop import EPOCH
from tests.bench.processes import Process, started
from tests.bench.readings import PARTITIONS, totals
from tests.bench.timed import DRY, STALL_SECONDS, WARM

LOADS = (0.1, 0.5, 0.9)
HEADLINE = 0.5
_POLL_SECONDS = 0.1
_LOG_APPEND_TIME = 1


class Result(NamedTuple):
    """A total in Kafka: when its reading was due and when it was appended, seconds after the load's first event."""

    due: float
    appended: float


@dataclass
class Path:
    """The running message path, its producer, and what it has been given so far."""

    ground: Ground
    store: Store
    group: str
    since: datetime
    producer: Process
    results: AIOKafkaConsumer
    written: Count
    given: int = 0
    loads: int = 0
    expected: Counter[str] = field(default_factory=Counter)

    async def under(self, per_second: float, seconds: float) -> list[Result]:
        """One load, until the last of its results is there. Raises Invalid."""
        self.loads += 1
        count, seed = int(per_second * seconds), 1_000 + self.loads
        await self.producer.tell(
            json.dumps({"count": count, "per_second": per_second, "seed": seed, "recorded": SAMPLED})
        )
        await self.producer.said()
        await self.producer.tell("go")
        begin = float(await self.producer.said())
        await self.producer.said(seconds + STALL_SECONDS)
        self.given += count
        await self._drained()
        self.expected.update(totals(count, seed))
        await gate.published(self.store, self.since, self.written, self.given)
        await gate.taken(self.store, self.group, self.given)
        await gate.totals(self.store, "meter", self.expected)
        return await self._read(count, begin)

    async def _drained(self) -> None:
        loop = asyncio.get_running_loop()
        last, moved = -1, loop.time()
        while (now := await self.written()) < self.given:
            if now > last:
                last, moved = now, loop.time()
            if loop.time() - moved > STALL_SECONDS:
                raise Invalid(f"dừng lại ở {now}/{self.given} · nothing more is done after {now} of {self.given}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _read(self, count: int, begin: float) -> list[Result]:
        found = list[Result]()
        while len(found) < count:
            for records in (await self.results.getmany(timeout_ms=1_000)).values():
                assert all(record.timestamp_type == _LOG_APPEND_TIME for record in records)
                found += [
                    Result(
                        (Totalled.model_validate_json(record.value).taken_at - EPOCH).total_seconds(),
                        record.timestamp / 1_000 - begin,
                    )
                    for record in records
                ]
        return found


async def measure(
    ground: Ground,
    store: Store,
    fastest: tuple[str, float],
    seconds: float,
    repetitions: int,
    say: Say,
) -> dict[str, Any]:
    """p50 and p99 in milliseconds at shares of what the path sustains while a producer takes its part of the machine.

    `fastest` is the shape to run and the events a second that it makes of readings that wait.
    """
    shape, most = fastest
    await store.empty()
    await ground.empty_topics()
    seen: dict[float, list[tuple[float, float]]] = {load: [] for load in LOADS}
    async with AsyncExitStack() as kept:
        path = await _started(ground, store, shape, kept)
        say(f"latency: tải tối đa có thể giữ · the load that can be sustained, offered {most:.0f}/s, {shape}")
        await path.under(most / 2, seconds / 2)  # to warm up
        sustained = min(most, _rate(await path.under(most, seconds), seconds))
        for number in range(1, repetitions + 1):
            for load in LOADS:
                say(f"latency {number}/{repetitions}: {load:.0%} của · of {sustained:.0f}/s, {seconds:.0f} s")
                seen[load].append(_percentiles(await path.under(load * sustained, seconds), seconds))
    told = {
        f"{load:.0%}": {
            "events_per_s": round(load * sustained),
            "p50": round(median(p50 for p50, _ in each), 1),
            "p99": round(median(p99 for _, p99 in each), 1),
        }
        for load, each in seen.items()
    }
    headline = told[f"{HEADLINE:.0%}"]
    return {
        "p50": headline["p50"],
        "p99": headline["p99"],
        "at": f"{HEADLINE:.0%}",
        "by_load": told,
        "sustained_events_per_s": round(sustained),
        "shape": shape,
        "seconds": seconds,
        "repetitions": repetitions,
    }


async def _started(ground: Ground, store: Store, shape: str, kept: AsyncExitStack) -> Path:
    group, since = f"payments.meters.{ground.run()}", await store.connection.fetchval("select clock_timestamp()")
    producer = await kept.enter_async_context(started(ground, "open_loop", "producer", {}))
    for name, roles in SHAPES[shape].items():
        process = await kept.enter_async_context(path_process(ground, store, name, group, roles))
        await process.said()
        await process.tell("go")
    results = AIOKafkaConsumer(**ground.options)
    await results.start()
    kept.push_async_callback(results.stop)
    results.assign([TopicPartition(TOTALS, number) for number in range(PARTITIONS)])
    await results.seek_to_beginning()
    written = await kept.enter_async_context(ground.written(TOTALS))
    return Path(ground, store, group, since, producer, results, written)


def _rate(results: Sequence[Result], seconds: float) -> float:
    """Results a second while the producer was at work, between WARM and DRY."""
    inside = [each for each in results if WARM * seconds <= each.appended < DRY * seconds]
    return len(inside) / ((DRY - WARM) * seconds)


def _percentiles(results: Sequence[Result], seconds: float) -> tuple[float, float]:
    """p50 and p99 in milliseconds of what was due after warming up."""
    late = quantiles(((each.appended - each.due) * 1_000 for each in results if each.due >= WARM * seconds), n=100)
    return late[49], late[98]
