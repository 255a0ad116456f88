"""From records to effects: one transaction per batch, once per event, in order per key, poison set aside.

Locks are taken in one order everywhere: parked keys, inbox ids, aggregates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from chassis import inbox, parking
from chassis.aggregate import Aggregate
from chassis.decider import Decide
from chassis.envelope import Event, Reader, Unwanted, text_headers
from chassis.errors import Park, Refusal, is_passing
from chassis.fold import Group, Inbound, Voice, fold
from chassis.metrics import Metrics
from chassis.parking import Record, Refused, lane_of
from chassis.postgres import Connection, Pool

log = structlog.get_logger()


def by_subject(event: Event[Any]) -> Sequence[tuple[str, Any]]:
    """The usual route: the event itself goes to the aggregate that its subject names."""
    return ((event.subject, event),)


@dataclass(frozen=True)
class Fold:
    """A consumer: events of one topic, folded into one kind of aggregate.

    `name` is its Kafka group and its inbox; it begins with the service's name. `on` says which data it answers.
    `route` names the aggregates that an event concerns, with the message for each.
    """

    name: str
    topic: str
    into: Aggregate[Any]
    on: Mapping[type[Any], Decide]
    route: Callable[[Event[Any]], Sequence[tuple[str, Any]]] = by_subject


@dataclass
class Consumer:
    """Takes batches of one Fold's records to their effects."""

    consumes: Fold
    pool: Pool
    voice: Voice
    reader: Reader
    metrics: Metrics
    parking_limit: int
    _wanted: tuple[type[Any], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._wanted = tuple(self.consumes.on)

    async def take(self, records: Sequence[Record]) -> None:
        """Commit the effects of a batch, or park what cannot have any; afterwards its offsets may move.

        Passing trouble propagates, and nothing of the failing part was changed. Any other error outside a decider
        splits the batch down to the one record that causes it.
        """
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                await self._apply(connection, records)
        except Exception as error:
            if is_passing(error):
                raise
            if len(records) > 1:
                half = len(records) // 2
                await self.take(records[:half])
                await self.take(records[half:])
                return
            await self._park_alone(records[0], f"{type(error).__name__} {getattr(error, 'sqlstate', '')}")

    async def drain(self) -> int:
        """Work off records that are held behind nothing; answers how many keys were touched."""
        async with self.pool.acquire() as connection:
            keys = await parking.drainable(connection, self.consumes.name, self.consumes.topic)
        for key in keys:
            while await self.redrive(key):
                pass
        return len(keys)

    async def redrive(self, key: str) -> bool:
        """Handle the oldest open record of a key again, in a transaction of its own; False when it stays or none is open."""
        name = self.consumes.name
        async with self.pool.acquire() as connection, connection.transaction():
            record = await parking.first_open(connection, name, self.consumes.topic, key)
            if record is None:
                return False
            try:
                event = self.reader.read(record, self._wanted)
            except Park as error:
                await parking.make_head(connection, name, record, str(error))
                return False
            if isinstance(event, Unwanted) or not await inbox.take(connection, name, [event.id]):
                await parking.close(connection, name, record, "duplicate")
                return True
            (outcome,) = await fold(self.voice, connection, self.consumes.into, [self._group(record, event)])
            if outcome.error is not None:
                await inbox.give_back(connection, name, [event.id])
                await parking.make_head(connection, name, record, _reason(outcome.error))
                return False
            await parking.close(connection, name, record, "redriven")
            return True

    async def _apply(self, connection: Connection, records: Sequence[Record]) -> None:
        name, topic = self.consumes.name, self.consumes.topic
        held = await parking.blocked(connection, name, topic, [lane_of(record) for record in records])
        refused: list[Refused] = []
        readable: list[tuple[Record, Event[Any]]] = []
        for record in records:
            event = self._read(record, held, refused)
            if event is not None:
                readable.append((record, event))
        fresh = await inbox.take(connection, name, [event.id for _, event in readable])
        first = self._first_of_each(readable, fresh)
        outcomes = await fold(self.voice, connection, self.consumes.into, [self._group(*each) for each in first])
        without_effect = []
        for (record, event), outcome in zip(first, outcomes, strict=True):
            if outcome.error is not None and is_passing(outcome.error):
                raise outcome.error
            if outcome.error is not None or outcome.held:
                without_effect.append(event.id)
                reason = None if outcome.error is None else _reason(outcome.error)
                refused.append(Refused(record, reason, event.traceparent))
        if without_effect:
            await inbox.give_back(connection, name, without_effect)
        refused.sort(key=lambda each: (each.record.partition, each.record.offset))
        await parking.park(connection, name, topic, refused, self.parking_limit)
        self._count(len(records), len(first) - len(without_effect), len(readable) - len(first), refused)

    def _read(self, record: Record, held: set[str], refused: list[Refused]) -> Event[Any] | None:
        """The event of a record that may be handled now; what may not goes to `refused`, and holds what follows it."""
        lane = lane_of(record)
        if lane in held:
            refused.append(Refused(record, None, text_headers(record.headers).get("traceparent")))
            return None
        try:
            event = self.reader.read(record, self._wanted)
        except Park as error:
            held.add(lane)
            refused.append(Refused(record, str(error), text_headers(record.headers).get("traceparent")))
            return None
        if isinstance(event, Unwanted):
            self.metrics.consumed.labels(self.consumes.name, "ignored").inc()
            return None
        return event

    def _first_of_each(
        self, readable: Sequence[tuple[Record, Event[Any]]], fresh: set[UUID]
    ) -> list[tuple[Record, Event[Any]]]:
        left = set(fresh)
        chosen = []
        for record, event in readable:
            if event.id in left:
                left.discard(event.id)
                chosen.append((record, event))
        return chosen

    def _group(self, record: Record, event: Event[Any]) -> Group:
        messages = self.consumes.route(event)
        decide = self.consumes.on[type(event.data)]
        return Group(lane_of(record), [Inbound(key, message, decide, event.traceparent) for key, message in messages])

    async def _park_alone(self, record: Record, reason: str) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            name, topic = self.consumes.name, self.consumes.topic
            held = await parking.blocked(connection, name, topic, [lane_of(record)])
            error = None if held else reason
            await parking.park(connection, name, topic, [Refused(record, error)], self.parking_limit)
        self._count(1, 0, 0, [Refused(record, error)])

    def _count(self, records: int, applied: int, duplicates: int, refused: Sequence[Refused]) -> None:
        counted = self.metrics.consumed.labels
        counted(self.consumes.name, "applied").inc(applied)
        counted(self.consumes.name, "duplicate").inc(duplicates)
        for each in refused:
            counted(self.consumes.name, "held" if each.error is None else "parked").inc()
            if each.error is not None:
                log.error(
                    "record parked",
                    consumer=self.consumes.name,
                    topic=each.record.topic,
                    partition=each.record.partition,
                    offset=each.record.offset,
                    reason=each.error,
                )


def _reason(error: Exception) -> str:
    """Why a decider failed, without what a person may have typed."""
    if isinstance(error, Refusal):
        return f"refused: {error.code}"
    if isinstance(error, Park):
        return str(error)
    return f"{type(error).__name__} in a decider"
