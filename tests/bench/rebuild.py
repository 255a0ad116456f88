"""A projection rebuilt: the fold of the status service reads a whole log of dossiers.v1 into an empty database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.envelope import headers_of
from chassis.identifiers import new_id
from contracts import dossiers
from contracts.event import Data
from tests.bench import gate
from tests.bench.ground import Ground
from tests.bench.hop import Say, path_process
from tests.bench.readings import PARTITIONS, Coded, fill, partition_of
from tests.bench.timed import Run, summary, timed
from tests.records import example

JOURNEY: Sequence[type[Data]] = (
    dossiers.Submitted,
    dossiers.FeesRequested,
    dossiers.FeesSettled,
    dossiers.Accepted,
    dossiers.ProcessingStarted,
    dossiers.Completed,
    dossiers.Returned,
)
# So many dossiers are under way at once, one step of each after the other.
_UNDER_WAY = 5_000
_BEGAN = datetime(2026, 6, 9, 1, tzinfo=UTC)

Seen = dict[str, tuple[int, int]]


async def measure(ground: Ground, count: int, repetitions: int, say: Say) -> dict[str, Any]:
    """Events a second; `count` dossiers, each with its whole journey."""
    runs = []
    for number in range(1, repetitions + 1):
        say(f"rebuild {number}/{repetitions}: {count * len(JOURNEY)} sự kiện của {count} hồ sơ · events, dossiers")
        runs.append(await rebuilt(ground, count))
    events = count * len(JOURNEY)
    return {**summary(runs), "events": events, "dossiers": count, "repetitions": repetitions}


async def rebuilt(ground: Ground, count: int) -> Run:
    """One run. Raises Invalid when the views are not what the log says."""
    await ground.empty_topics([dossiers.TOPIC])
    events, group = count * len(JOURNEY), f"status.dossiers.{ground.run()}"
    lanes: list[list[Coded]] = [[] for _ in range(PARTITIONS)]
    for lane, coded in _log(count):
        lanes[lane].append(coded)
    async with ground.fresh("status") as store:
        consumers = path_process(ground, store, "status", group, ["consumers"], fold="status")
        async with consumers as process, ground.committed(group) as committed:
            await process.said()
            await fill(ground.options, lanes, dossiers.TOPIC)
            run = await timed(ground, [process], committed, events)
        await gate.taken(store, group, events)
        rows = await store.connection.fetch("select dossier_code, status, jsonb_array_length(timeline) from view")
        gate.agree(await _told_by_the_log(ground, events), {code: (status, lines) for code, status, lines in rows})
    return run


def _log(count: int) -> Iterator[tuple[int, Coded]]:
    """Whole journeys as intake tells them, with the partition of each event."""
    values = [example(kind).model_dump_json() for kind in JOURNEY]
    person = str(example(dossiers.Submitted).model_dump()["person_id"])
    for first in range(0, count, _UNDER_WAY):
        codes = [f"G09.20-20260609-{number:07}" for number in range(first, min(first + _UNDER_WAY, count))]
        lanes = [partition_of(code) for code in codes]
        for step, kind in enumerate(JOURNEY):
            at = _BEGAN + timedelta(hours=6 * step)
            for code, lane in zip(codes, lanes, strict=True):
                headers = headers_of(new_id(), kind.TYPE, "/motcua/intake", code, step + 1, at, _trace(), sealed=False)
                coded = [(name, value.encode()) for name, value in headers.items()]
                value = values[step].replace(person, str(new_id())) if step == 0 else values[step]
                yield lane, Coded(code.encode(), value.encode(), coded)


def _trace() -> str:
    """A trace that is not kept, as that of most events in an old log."""
    return f"00-{new_id().hex}-{new_id().hex[-16:]}-00"


async def _told_by_the_log(ground: Ground, events: int) -> Seen:
    """What is in Kafka, folded plainly: each dossier's last status and how many things happened to it."""
    consumer, latest, lines = AIOKafkaConsumer(**ground.options), dict[str, tuple[int, int]](), dict[str, int]()
    await consumer.start()
    try:
        places = [TopicPartition(dossiers.TOPIC, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        while events > 0:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                events -= len(records)
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    code, sequence = headers["ce_subject"], int(headers["ce_sequence"])
                    lines[code] = lines.get(code, 0) + 1
                    status = int(json.loads(record.value)["step"]["status"])
                    latest[code] = max(latest.get(code, (0, 0)), (sequence, status))
    finally:
        await consumer.stop()
    return {code: (status, lines[code]) for code, (_, status) in latest.items()}
