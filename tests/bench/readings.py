"""The readings that are measured with: drawn by a seed, written as a relay writes events, and what they must come to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from chassis.envelope import headers_of
from chassis.identifiers import new_id
from tests.bench.meters import READINGS, Taken

PARTITIONS = 6
METERS = 20_000
PLACE = "Bộ phận một cửa phường Bến Thành"
BATCH_BYTES = 500_000

_NUMBERS = list(range(PARTITIONS))
_partition = DefaultPartitioner()


class Coded(NamedTuple):
    """A record as it is written to Kafka."""

    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Load:
    """Readings by partition, in order."""

    count: int
    seed: int
    lanes: Sequence[Sequence[Coded]]

    @property
    def totals(self) -> Counter[str]:
        """What each meter's readings add up to."""
        return totals(self.count, self.seed)


def totals(count: int, seed: int) -> Counter[str]:
    """What each meter comes to after the readings of this seed."""
    added = Counter[str]()
    for meter, amount in _drawn(count, seed):
        added[meter] += amount
    return added


def partition_of(key: str) -> int:
    """Where every Kafka client puts this key."""
    return int(_partition(key.encode(), _NUMBERS, _NUMBERS))


@lru_cache(maxsize=2)
def load(count: int, seed: int, recorded: float) -> Load:
    """Readings of many meters; of `recorded` (0 to 1) of them the trace is kept."""
    now = datetime.now(UTC)
    lanes: list[list[Coded]] = [[] for _ in range(PARTITIONS)]
    for _, lane, coded in written(count, seed, recorded, lambda number: now):
        lanes[lane].append(coded)
    return Load(count, seed, lanes)


def written(
    count: int, seed: int, recorded: float, taken_at: Callable[[int], datetime]
) -> Iterator[tuple[int, int, Coded]]:
    """Readings one after the other, each with its number and its partition; `taken_at` stands in the reading."""
    chance, lanes = random.Random(-seed), dict[str, int]()
    for number, (meter, amount) in enumerate(_drawn(count, seed)):
        at = taken_at(number)
        data = Taken(meter=meter, amount=amount, place=PLACE, taken_at=at)
        kept = chance.random() < recorded
        trace = f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-0{int(kept)}"
        headers = headers_of(new_id(), Taken.TYPE, "/motcua/bench", meter, 1, at, trace, sealed=False)
        if meter not in lanes:
            lanes[meter] = partition_of(meter)
        coded = [(name, value.encode()) for name, value in headers.items()]
        yield number, lanes[meter], Coded(meter.encode(), data.model_dump_json().encode(), coded)


async def send(producer: AIOKafkaProducer, topic: str, lanes: Sequence[Sequence[Coded]]) -> None:
    """Write records to the partitions that they stand under, in order, in large batches."""
    for partition, lane in enumerate(lanes):
        first = 0
        while first < len(lane):
            batch, first = batch_of(producer, lane, first)
            await (await producer.send_batch(batch, topic, partition=partition))


def batch_of(producer: AIOKafkaProducer, lane: Sequence[Coded], first: int) -> tuple[Any, int]:
    """A batch with the records from `first` on, as many as it holds, and where the next one begins."""
    batch = producer.create_batch()
    while first < len(lane):
        key, value, headers = lane[first]
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            break
        first += 1
    return batch, first


def writer(options: dict[str, Any]) -> AIOKafkaProducer:
    """The producer that `send` writes with."""
    return AIOKafkaProducer(**options, acks="all", max_batch_size=BATCH_BYTES, max_request_size=4 * BATCH_BYTES)


async def fill(options: dict[str, Any], lanes: Sequence[Sequence[Coded]], topic: str = READINGS) -> None:
    """Write records, as the client that `options` name."""
    producer = writer(options)
    await producer.start()
    try:
        await send(producer, topic, lanes)
    finally:
        await producer.stop()


def _drawn(count: int, seed: int) -> Iterator[tuple[str, int]]:
    chance = random.Random(seed)
    for _ in range(count):
        yield f"G09.20-20260609-{chance.randrange(METERS):07}", chance.randrange(1, 1000)
