"""From records to effects: one transaction per batch, once per event, in order per key, poison set aside.

Locks are taken in one order everywhere: parked keys, inbox ids, aggregates.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from chassis import inbox, parking
from chassis.aggregate import Aggregate
from chassis.decider import Decide
from chassis.envelope import Event, Reader, Unwanted, text_headers
from chassis.errors import Park, is_passing, reason_of, takes_too_long
from chassis.fold import Group, Inbound, Voice, fold
from chassis.metrics import Metrics
from chassis.parking import Record, Refused, lane_of
from chassis.postgres import Connection, Pool

log = structlog.get_logger()


def by_subject(event: Event[Any]) -> Sequence[tuple[str, Any]]:
    """The usual route: the event itself goes to the aggregate that its subject names."""
    return ((event.subject, event),)


Messages = Sequence[tuple[str, Any]]
Prepare = Callable[[Connection, Sequence[Event[Any]]], Awaitable[Sequence[Messages]]]


@dataclass(frozen=True)
class Fold:
    """A consumer: events of one topic, folded into one kind of aggregate.

    `name` is its Kafka group and its inbox; it begins with the service's name. `on` says which data it answers.
    `route` names the aggregates that an event concerns, with the message for each. `prepare` does so instead, for all
    events of a batch in its transaction, where a message must tell what the database knows beyond its aggregate; it
    raises for a batch in which one event changes what it says of another, and is asked again for fewer.
    """

    name: str
    topic: str
    into: Aggregate[Any]
    on: Mapping[type[Any], Decide]
    route: Callable[[Event[Any]], Messages] = by_subject
    prepare: Prepare | None = None


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

        Passing trouble propagates, and nothing of the failing part was changed. A batch that takes too long or has more
        to park than the limit allows is halved, so that a part of it may pass; any other error outside a decider splits
        it down to the one record that causes it.
        """
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                await self._apply(connection, records)
        except Exception as error:
            fewer_may_do = isinstance(error, parking.ParkingLimit) or takes_too_long(error)
            if is_passing(error) and not (fewer_may_do and len(records) > 1):
                raise
            if len(records) > 1:
                half = len(records) // 2
                await self.take(records[:half])
                await self.take(records[half:])
                return
            await self._park_alone(records[0], reason_of(error))

    async def _apply(self, connection: Connection, records: Sequence[Record]) -> None:
        name, topic = self.consumes.name, self.consumes.topic
        held = await parking.blocked(connection, name, topic, [lane_of(record) for record in records])
        readable, refused, settled = await self._sort(connection, records, held)
        fresh = await inbox.take(connection, name, [event.id for _, event in readable])
        first = self._first_of_each(readable, fresh)
        groups = await self.groups(connection, first)
        outcomes = await fold(self.voice, connection, self.consumes.into, groups)
        without_effect = []
        for (record, event), outcome in zip(first, outcomes, strict=True):
            if outcome.error is not None and is_passing(outcome.error):
                raise outcome.error
            if outcome.error is not None or outcome.held:
                without_effect.append(event.id)
                reason = None if outcome.error is None else reason_of(outcome.error)
                refused.append(Refused(record, reason, event.traceparent))
        if without_effect:
            await inbox.give_back(connection, name, without_effect)
        refused.sort(key=lambda each: (each.record.partition, each.record.offset))
        await parking.park(connection, name, topic, refused, self.parking_limit)
        self._count(len(first) - len(without_effect), len(readable) - len(first) + settled, refused)

    async def _sort(
        self, connection: Connection, records: Sequence[Record], held: set[str]
    ) -> tuple[list[tuple[Record, Event[Any]]], list[Refused], int]:
        """What may be handled now, what may not and holds what follows it, and how many were settled before."""
        readings = [(record, self._read(record)) for record in records]
        unreadable = [record for record, event in readings if isinstance(event, Park)]
        settled = (
            await parking.settled(connection, self.consumes.name, self.consumes.topic, unreadable)
            if unreadable
            else set[tuple[int, int]]()
        )
        readable, refused, known = list[tuple[Record, Event[Any]]](), list[Refused](), 0
        for record, event in readings:
            lane = lane_of(record)
            if lane in held:
                refused.append(Refused(record, None, _trace_of(record)))
            elif isinstance(event, Event):
                readable.append((record, event))
            elif isinstance(event, Unwanted):
                self.metrics.consumed.labels(self.consumes.name, "ignored").inc()
            elif (record.partition, record.offset) in settled:
                known += 1
            else:
                held.add(lane)
                refused.append(Refused(record, reason_of(event), _trace_of(record)))
        return readable, refused, known

    def _read(self, record: Record) -> Event[Any] | Unwanted | Park:
        try:
            return self.reader.read(record, self._wanted)
        except Park as error:
            return error

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

    async def groups(self, connection: Connection, chosen: Sequence[tuple[Record, Event[Any]]]) -> list[Group]:
        """The messages of each event, which stand or fall together."""
        events = [event for _, event in chosen]
        prepare, route = self.consumes.prepare, self.consumes.route
        told = await prepare(connection, events) if prepare and events else [route(event) for event in events]
        return [
            Group(
                lane_of(record),
                [
                    Inbound(key, message, self.consumes.on[type(event.data)], event.traceparent)
                    for key, message in messages
                ],
            )
            for (record, event), messages in zip(chosen, told, strict=True)
        ]

    async def _park_alone(self, record: Record, reason: str) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            name, topic = self.consumes.name, self.consumes.topic
            held = await parking.blocked(connection, name, topic, [lane_of(record)])
            refused = [Refused(record, None if held else reason, _trace_of(record))]
            await parking.park(connection, name, topic, refused, self.parking_limit)
        self._count(0, 0, refused)

    def _count(self, applied: int, duplicates: int, refused: Sequence[Refused]) -> None:
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


def _trace_of(record: Record) -> str | None:
    return text_headers(record.headers).get("traceparent")
