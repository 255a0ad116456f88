"""Fetching from Kafka so that no record stops its partition, and none is lost by another that cannot be parsed.

aiokafka 0.14 raises on a record that it cannot parse (a header's name that is not UTF-8) after it has taken records of
other partitions out of its buffer and moved their positions: nobody would ever see them, and the next commit of their
partition would pass them. Then everything goes back to what is committed, and one turn is read by a tolerant parser. A
batch that not even that can read (its checksum does not fit) makes its partition stand still there, aloud; one that
would unpack to too much is parked as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    CorruptRecordException,
    KafkaError,
    RecordTooLargeError,
    UnsupportedCodecError,
)
from aiokafka.protocol.fetch import FetchRequest

from chassis import record_batches, unpacking
from chassis.parking import Record

_UNREADABLE = (CorruptRecordException, RecordTooLargeError, UnsupportedCodecError)
_PARTITION_BYTES, _ANSWER_BYTES = 1_048_576, 52_428_800  # a single batch comes whole, however large it is
_AGAIN_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """A partition that stands still: before which offset, why, and until when (monotonic) it is left alone."""

    offset: int
    reason: str
    until: float


class Fetching:
    """One aiokafka consumer, whose `getmany` is replaced by this one's, and what it has in hand."""

    def __init__(self, consumer: Any, name: str, standing_seconds: float) -> None:
        self.consumer, self.name = consumer, name
        self.standing: dict[TopicPartition, Standing] = {}
        self._in_hand: Mapping[TopicPartition, Sequence[Record]] = {}
        self._free_since = time.monotonic()
        self._asking: asyncio.Task[Any] | None = None
        self._standing_seconds = standing_seconds
        self._fetch, consumer.getmany = consumer.getmany, self.getmany
        unpacking.bound()

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Record]]:
        """The next records by partition, in order; waits until there are some. What was given before is dealt with."""
        if self._in_hand:
            self._in_hand, self._free_since = {}, time.monotonic()
        self._asking = asyncio.current_task()
        while not self._in_hand:
            try:
                self._in_hand = await self._fetch(timeout_ms=timeout_ms, max_records=max_records)
            except Exception as error:
                if not _is_unreadable(error):
                    raise
                self._in_hand = await self._tolerantly(max_records)
                if not self._in_hand:
                    await asyncio.sleep(_AGAIN_SECONDS)
        return self._in_hand

    def behind(self) -> dict[TopicPartition, int]:
        """The offsets to commit once what is in hand is dealt with."""
        return {partition: records[-1].offset + 1 for partition, records in self._in_hand.items()}

    def idle_seconds(self) -> float:
        """For how long nothing has been in the hand of anybody who is still there."""
        at_work = self._in_hand and self._asking is not None and not self._asking.done()
        return 0.0 if at_work else time.monotonic() - self._free_since

    def positions(self) -> dict[TopicPartition, int] | None:
        """The next offset that will be handed out, by partition; None while the consumer joins its group."""
        subscription = self.consumer._subscription
        if subscription.reassignment_in_progress or subscription.subscription.assignment is None:
            return None
        assignment = subscription.subscription.assignment
        states = {partition: assignment.state_value(partition) for partition in assignment.tps}
        return {partition: state.position for partition, state in states.items() if state.has_valid_position}

    def untaken(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The same, but where records are in hand: the first of them, for it is not dealt with yet."""
        return {
            **positions,
            **{each: records[0].offset for each, records in self._in_hand.items() if each in positions},
        }

    def buffered(self) -> set[TopicPartition]:
        """Partitions whose records are here and wait for their turn."""
        return set(self.consumer._fetcher._records)

    def go_on_where_it_stood(self) -> None:
        """Try partitions that stand still again when their time has come; forget those that are past it or not ours."""
        positions, now = self.positions() or {}, time.monotonic()
        for partition, standing in list(self.standing.items()):
            if positions.get(partition, standing.offset + 1) > standing.offset:
                del self.standing[partition]
            elif now >= standing.until and partition in self.consumer.paused():
                with suppress(KafkaError):  # it may be another's by now
                    self.consumer.resume(partition)

    async def _tolerantly(self, most: int) -> dict[TopicPartition, list[Record]]:
        """One turn by the tolerant parser, from what is committed; every partition gets its share."""
        assignment = self.consumer._subscription.subscription.assignment
        positions = await self._go_back()
        answers = await self._raw(positions)
        found: dict[TopicPartition, list[Record]] = {}
        if not assignment.active:
            return found
        share = max(1, most // max(1, len(positions)))
        for partition, data in answers.items():
            read = record_batches.read(data, partition, positions[partition], share)
            self.consumer.seek(partition, read.position)
            if read.records:
                found[partition] = list(read.records)
            if read.trouble is not None:
                self._stand_still(partition, read.position, read.trouble)
        return found

    async def _go_back(self) -> dict[TopicPartition, int]:
        """Every partition to the first record that is not committed; what comes again is known to the inbox."""
        positions = dict[TopicPartition, int]()
        for partition in self.consumer.assignment() - self.consumer.paused():
            while partition in self.consumer.assignment():
                try:
                    offset = await self.consumer.committed(partition)
                    if offset is None:
                        await self.consumer.seek_to_beginning(partition)
                        offset = await self.consumer.position(partition)
                    else:
                        self.consumer.seek(partition, offset)
                    positions[partition] = offset
                    break
                except KafkaError as error:
                    log.warning("going back waits", consumer=self.name, reason=type(error).__name__)
                    await asyncio.sleep(_AGAIN_SECONDS)
        return positions

    async def _raw(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, bytes]:
        """What Kafka has from these positions on, as bytes."""
        client, answers = self.consumer._client, dict[TopicPartition, bytes]()
        by_leader = defaultdict[int, defaultdict[str, list[tuple[int, int, int]]]](lambda: defaultdict(list))
        for partition, offset in positions.items():
            leader = client.cluster.leader_for_partition(partition)
            if leader is not None and leader >= 0:
                by_leader[leader][partition.topic].append((partition.partition, offset, _PARTITION_BYTES))
        for leader, topics in by_leader.items():
            answer = await client.send(leader, FetchRequest(0, 1, _ANSWER_BYTES, 0, list(topics.items())))
            for topic, partitions in answer.topics:
                for partition, error_code, *_, data in partitions:
                    if error_code == 0 and data:
                        answers[TopicPartition(topic, partition)] = data
        return answers

    def _stand_still(self, partition: TopicPartition, offset: int, reason: str) -> None:
        log.error(
            "a batch cannot be read: its partition stands still",
            consumer=self.name,
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            reason=reason,
        )
        self.consumer.pause(partition)
        self.standing[partition] = Standing(offset, reason, time.monotonic() + self._standing_seconds)


async def end(consumer: Any) -> None:
    """End whatever is left of a consumer that did not stop in time: two of one name would throw each other out."""
    consumer._closed = True
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    tasks = [
        getattr(coordinator, name, None) for name in ("_coordination_task", "_heartbeat_task", "_commit_refresh_task")
    ]
    tasks += [fetcher._fetch_task, *fetcher._pending_tasks] if fetcher is not None else []
    left = [task for task in tasks if task is not None and not task.done()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await consumer._client.close()


def _is_unreadable(error: Exception) -> bool:
    if isinstance(error, KafkaError | ConsumerStoppedError):
        return isinstance(error, _UNREADABLE)
    return True
