"""A producer, as a process, that sends each event when it is due, however far behind the others are.

Told by BENCH how to log in, and by a line of JSON for each load: `count`, `per_second`, `seed`, `recorded`. It writes
the batches beforehand, says `ready`, is let go by a line, says the moment of its first event (seconds since 1970), and
says `sent` when Kafka has them all. Events due within one tick and partition are one batch, sent at the tick's end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from chassis import logs
from chassis.garbage import collect_rarely
from chassis.kafka import Kafka
from tests.bench.meters import READINGS
from tests.bench.readings import PARTITIONS, Coded, batch_of, writer, written

TICK_SECONDS = 0.005
# What a reading says of its time is how long after the load's first event it is due, counted from here.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_HEAD_START_SECONDS = 0.2

Due = Sequence[tuple[float, Any]]


async def serve(kafka: Mapping[str, Any]) -> None:
    """Send one load after the other until killed."""
    producer = writer(Kafka(**kafka).options())
    await producer.start()
    while line := await asyncio.to_thread(sys.stdin.readline):
        lanes = _batches(producer, **json.loads(line))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        begin = time.time() + _HEAD_START_SECONDS
        print(begin, flush=True)
        await asyncio.gather(*(_send(producer, partition, lane, begin) for partition, lane in enumerate(lanes)))
        print("sent", flush=True)


def _batches(producer: AIOKafkaProducer, count: int, per_second: float, seed: int, recorded: float) -> Sequence[Due]:
    ticks: list[dict[int, list[Coded]]] = [{} for _ in range(PARTITIONS)]

    def due(number: int) -> datetime:
        return EPOCH + timedelta(seconds=number / per_second)

    for number, lane, coded in written(count, seed, recorded, due):
        ticks[lane].setdefault(int(number / per_second / TICK_SECONDS), []).append(coded)
    return [
        [((tick + 1) * TICK_SECONDS, batch_of(producer, coded, 0)[0]) for tick, coded in lane.items()] for lane in ticks
    ]


async def _send(producer: AIOKafkaProducer, partition: int, lane: Due, begin: float) -> None:
    acknowledged = []
    for due, batch in lane:
        await asyncio.sleep(max(0.0, begin + due - time.time()))
        acknowledged.append(await producer.send_batch(batch, READINGS, partition=partition))
    await asyncio.gather(*acknowledged)


if __name__ == "__main__":
    told = json.loads(os.environ["BENCH"])
    logs.configure("open-loop", "warning")
    collect_rarely()
    uvloop.run(serve(**told))
