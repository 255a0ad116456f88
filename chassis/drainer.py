"""Working off parked records: what is held behind nothing, and what operators ordered; one record a transaction.

Locks: an order first (nobody waits for one), then its parked key, inbox id and aggregates as everywhere.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from chassis import inbox, orders, parking
from chassis.consumer import Consumer
from chassis.envelope import Event, Unwanted, text_headers
from chassis.errors import Park, Retry, is_passing, reason_of
from chassis.fold import fold
from chassis.orders import Order, Outcome
from chassis.origin import identity
from chassis.parking import Record
from chassis.postgres import Connection

_KEYS, _RECORDS_OF_A_KEY, _ORDERS = 20, 50, 100  # most of one turn
_QUIET_SECONDS, _OPEN_SECONDS = 2.0, 0.5
_COUNT_SECONDS = 10.0

log = structlog.get_logger()


@dataclass
class Drainer:
    """Works off one consumer's parked records; run `forever()` as a task. It needs the database, not Kafka."""

    consumer: Consumer
    _counted: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._name, self._topic = self.consumer.consumes.name, self.consumer.consumes.topic
        self._pool, self._clock = self.consumer.pool, self.consumer.voice.clock

    async def forever(self) -> None:
        while True:
            pause = _QUIET_SECONDS
            try:
                busy = await parking.is_busy(self._pool, self._name, self._topic)
                await self._count(busy)
                if busy:
                    pause = 0.0 if await self.turn() else _OPEN_SECONDS
            except Exception as error:
                log.warning("draining waits", consumer=self._name, reason=type(error).__name__)
            await asyncio.sleep(pause)

    async def turn(self) -> int:
        """Carry out due orders, then work off held records, of each a bounded number; answers how many were settled."""
        done = 0
        while done < _ORDERS and await self.carry_out():
            done += 1
        return done + await self.drain()

    async def drain(self) -> int:
        """Work off records that are held behind nothing; answers how many were closed. One key's trouble is its own."""
        closed = 0
        for key in await parking.drainable(self._pool, self._name, self._topic, self._clock(), _KEYS):
            try:
                for _ in range(_RECORDS_OF_A_KEY):
                    if not await self._next_held(key):
                        break
                    closed += 1
            except Exception as error:
                self._say_that_it_waits(error)
                await parking.postpone(self._pool, self._name, self._topic, key, self._clock())
        return closed

    async def carry_out(self) -> bool:
        """Carry out the next due order; False when none is due. Passing trouble leaves the order for later."""
        order = None
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                order = await orders.claim(connection, self._name, self._topic, self._clock())
                if order is None:
                    return False
                outcome, note = await self._obey(connection, order)
                await orders.finish(connection, order, self._clock(), outcome, note)
        except Exception as error:
            if order is None:
                raise
            self._say_that_it_waits(error, order=str(order.id))
            await orders.postpone(self._pool, order, self._clock(), _trouble(error))
        else:
            self._say(order.partition, order.offset, outcome, order=str(order.id))
        return True

    async def _obey(self, connection: Connection, order: Order) -> tuple[Outcome, str | None]:
        """The effect of an order, inside its transaction: the outcome, and a note on it for people."""
        head = await parking.first_open(connection, self._name, self._topic, order.key)
        if head is None or (head.record.partition, head.record.offset) != (order.partition, order.offset):
            state = await parking.state_of(connection, self._name, self._topic, order.partition, order.offset)
            if head is None or state not in ("parked", "held"):
                return "gone", state
            return "failed", f"stands behind {head.record.partition}/{head.record.offset}"
        if order.action == "redrive":
            return await self._again(connection, head.record)
        event_id = self._identity(head.record)
        known = event_id is not None and not await inbox.take(connection, self._name, [event_id])
        outcome: Outcome = "duplicate" if known else "discarded"
        await parking.close(connection, self._name, head.record, outcome)
        return outcome, None

    async def _next_held(self, key: str) -> bool:
        """Handle the oldest open record of a key, if it is held; False when there is none or it heads its key now."""
        async with self._pool.acquire() as connection, connection.transaction():
            head = await parking.first_open(connection, self._name, self._topic, key)
            if head is None or head.state != "held":
                return False
            outcome, _ = await self._again(connection, head.record)
        self._say(head.record.partition, head.record.offset, outcome)
        return outcome != "failed"

    async def _again(self, connection: Connection, record: Record) -> tuple[Outcome, str | None]:
        """Handle a record again and close it, or make it the head of its key with what hinders it."""
        try:
            # A savepoint: whatever goes wrong with the record, its key stays locked until that is written down.
            async with connection.transaction():
                outcome = await self._effect(connection, record)
        except Exception as error:
            if is_passing(error):
                raise
            await parking.make_head(connection, self._name, record, reason_of(error), self._clock())
            return "failed", reason_of(error)
        await parking.close(connection, self._name, record, outcome)
        return outcome, None

    async def _effect(self, connection: Connection, record: Record) -> Outcome:
        """The effect of a record, once. Raises what hinders it."""
        event = self._read(record)
        if isinstance(event, Unwanted) or not await inbox.take(connection, self._name, [event.id]):
            return "duplicate"
        groups = await self.consumer.groups(connection, [(record, event)])
        (done,) = await fold(self.consumer.voice, connection, self.consumer.consumes.into, groups)
        if done.error is not None:
            raise done.error
        return "redriven"

    def _read(self, record: Record) -> Event[Any] | Unwanted:
        return self.consumer.reader.read(record, tuple(self.consumer.consumes.on))

    def _identity(self, record: Record) -> UUID | None:
        """The id under which copies of a record come; None when not even that can be read."""
        with suppress(Park):
            event = self._read(record)
            if isinstance(event, Event):
                return event.id
        with suppress(Park, ValueError):
            return identity(text_headers(record.headers), record.value or b"")
        return None

    async def _count(self, busy: bool) -> None:
        if busy and time.monotonic() < self._counted + _COUNT_SECONDS:
            return
        found = await parking.counts(self._pool, self._name, self._topic) if busy else parking.Counts(0, 0, 0.0)
        self.consumer.metrics.parked_open.labels(self._name, "parked").set(found.heads)
        self.consumer.metrics.parked_open.labels(self._name, "held").set(found.held)
        self.consumer.metrics.oldest_parked.labels(self._name).set(found.oldest_seconds)
        self._counted = time.monotonic() if busy else float("-inf")

    def _say(self, partition: int, offset: int, outcome: Outcome, **more: str) -> None:
        self.consumer.metrics.consumed.labels(self._name, outcome).inc()
        say = log.error if outcome == "failed" else log.info
        place = {"consumer": self._name, "topic": self._topic, "partition": partition, "offset": offset}
        say("parked record", **place, outcome=outcome, **more)

    def _say_that_it_waits(self, error: Exception, **what: str) -> None:
        log.warning("parked record waits", consumer=self._name, reason=_trouble(error), **what)


def _trouble(error: Exception) -> str:
    """Passing trouble in words for operators."""
    return str(error) if isinstance(error, Retry) else type(error).__name__
