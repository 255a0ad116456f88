"""The relay: publishes the outbox in order, one relay per database, taken over within seconds.

Order rests on claiming the whole prefix and on one unacknowledged batch per partition; the advisory lock saves work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from opentelemetry.trace import Span, SpanKind, Tracer

from chassis import outbox
from chassis.errors import Retry, is_passing
from chassis.health import Health
from chassis.kafka import REQUEST_TIMEOUT_MS, Kafka
from chassis.metrics import Metrics
from chassis.postgres import Connection, use_json
from chassis.tasks import all_or_none, seen_off
from chassis.telemetry import SUBJECT, context_of, is_left_out, traceparent_of

_LOCK = 0x6F_7574_626F_78
_CLAIM_ROWS, _CLAIM_BYTES = 4_000, 8_000_000
# A frozen holder's place is taken within 2 s: its session ends, and who stands by looks for the lock this often.
_SESSION_MS, _TOUCH_SECONDS, _STANDBY_SECONDS = 1_500, 0.4, 0.25
_POLL_SECONDS = 0.5  # behind NOTIFY
_AGAIN_SECONDS = 0.5
_HAND_SECONDS = 10.0  # a hand older than this may have been claimed by another relay meanwhile
_SEND_SECONDS = 20.0

log = structlog.get_logger()


class Relay:
    """Publishes one database's outbox; run `forever()` as a task."""

    def __init__(
        self, database_url: str, kafka: Kafka, name: str, tracer: Tracer, metrics: Metrics, health: Health
    ) -> None:
        self._url, self._kafka, self._name = database_url, kafka, name
        self._tracer, self._metrics, self._health = tracer, metrics, health

    async def forever(self) -> None:
        """Publish until cancelled; whatever goes wrong, begin anew from the database."""
        while True:
            try:
                async with self._session() as session:
                    while not await session.take_lock():
                        self._health.well("relay")  # another one publishes
                        await asyncio.sleep(_STANDBY_SECONDS)
                    async with session.kept():
                        await self._publish_all(session)
            except Exception as error:
                if not (is_passing(error) or isinstance(error, KafkaError | asyncpg.PostgresError)):
                    raise
                self._metrics.relay_rebuilt.inc()
                reason = str(error) if isinstance(error, Retry) else f"{type(error).__name__}: {error}"
                self._health.waits("relay", reason)
                log.warning("relay begins anew", reason=reason)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _publish_all(self, session: _Session) -> None:
        await self._kafka.preflight()
        async with _producer(self._kafka, self._name) as producer:
            log.info("relay publishes", database=self._name)
            self._health.well("relay")
            while True:
                claimed_at = time.monotonic()
                rows = await session.run(lambda connection: outbox.claim(connection, _CLAIM_ROWS, _CLAIM_BYTES))
                if rows:
                    await self._publish(producer, session, rows, claimed_at)
                if not rows:
                    await session.woken(_POLL_SECONDS)

    async def _publish(
        self, producer: AIOKafkaProducer, session: _Session, rows: Sequence[Any], claimed_at: float
    ) -> None:
        lanes: dict[tuple[str, int], list[Any]] = {}
        partitions: dict[str, list[int]] = {}
        for row in rows:
            topic = row["aggregatetype"]
            if topic not in partitions:
                partitions[topic] = sorted(await producer.partitions_for(topic))
            lanes.setdefault((topic, _partition(row["aggregateid"], partitions[topic])), []).append(row)
        await all_or_none(
            [
                self._send(producer, session, topic, partition, lane, claimed_at)
                for (topic, partition), lane in lanes.items()
            ]
        )

    async def _send(
        self,
        producer: AIOKafkaProducer,
        session: _Session,
        topic: str,
        partition: int,
        lane: Sequence[Any],
        claimed_at: float,
    ) -> None:
        """Send one partition's rows in order: the next batch only after the acknowledgment of the one before."""
        first = 0
        while first < len(lane):
            if time.monotonic() - claimed_at > _HAND_SECONDS:
                raise TimeoutError("the hand is too old: another relay may have it")
            batch, spans, after = producer.create_batch(), list[Span](), first
            for row in islice(lane, first, None):
                headers, span = self._headers(topic, row)
                key = row["aggregateid"].encode()
                if batch.append(key=key, value=row["payload"], timestamp=None, headers=headers) is None:
                    break
                after += 1
                if span is not None:
                    spans.append(span)
            async with asyncio.timeout(_SEND_SECONDS):
                await (await producer.send_batch(batch, topic, partition=partition))
            sent = [row["position"] for row in lane[first:after]]
            await session.run(lambda connection, sent=sent: outbox.mark_published(connection, sent))
            self._metrics.published.labels(topic).inc(len(sent))
            oldest = lane[first]["created_at"]
            self._metrics.outbox_seconds.observe((datetime.now(UTC) - oldest).total_seconds())
            for span in spans:
                span.end()
            first = after

    def _headers(self, topic: str, row: Any) -> tuple[list[tuple[str, bytes]], Span | None]:
        """The record's headers; where its trace is recorded, they name a span that ends with the acknowledgment."""
        headers: dict[str, str] = row["headers"]
        traceparent, span = headers.get("traceparent"), None
        if traceparent is not None and not is_left_out(traceparent):
            span = self._tracer.start_span(
                f"publish {topic}",
                context=context_of(traceparent),
                kind=SpanKind.PRODUCER,
                start_time=int(row["created_at"].timestamp() * 1e9),
                attributes={
                    "messaging.system": "kafka",
                    "messaging.destination.name": topic,
                    SUBJECT: row["aggregateid"],
                },
            )
            headers["traceparent"] = traceparent_of(span) or traceparent
        return [(name, value.encode()) for name, value in headers.items()], span

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Session]:
        connection = await asyncpg.connect(
            self._url,
            timeout=5,
            command_timeout=10,
            # A frozen holder loses the session, and with it the lock.
            server_settings={
                "idle_session_timeout": f"{_SESSION_MS}ms",
                # Frozen in the middle of a statement it is not idle: while its answer is under way, or its work.
                "tcp_user_timeout": f"{_SESSION_MS}ms",
                "transaction_timeout": "5s",
                "application_name": f"{self._name}-relay",
                "timezone": "UTC",
            },
        )
        try:
            await use_json(connection)
            yield _Session(connection)
        finally:
            with suppress(Exception):
                await connection.close(timeout=1)


@lru_cache(maxsize=50_000)
def _hash_of(key: str) -> int:
    return int(murmur2(key.encode())) & 0x7FFFFFFF


def _partition(key: str, partitions: Sequence[int]) -> int:
    """Where every Kafka client puts this key: events of one key come close together, so its hash is remembered."""
    return partitions[_hash_of(key) % len(partitions)]


class _Session:
    """The connection that holds the lock: one statement at a time, and never idle for long."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._turn, self._wake = connection, asyncio.Lock(), asyncio.Event()

    async def run(self, work: Any) -> Any:
        async with self._turn:
            return await work(self._connection)

    async def woken(self, seconds: float) -> None:
        """Return at the next NOTIFY, or after `seconds`."""
        # Not `wait_for`: on Python 3.11 it swallows a cancellation that comes together with the wake.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def take_lock(self) -> bool:
        """Whether the relay's lock is ours now; it is given back by the session's end alone."""
        return bool(await self.run(lambda connection: connection.fetchval("select pg_try_advisory_lock($1)", _LOCK)))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Listen, and keep the session from falling idle, while inside."""
        await self.run(lambda connection: connection.add_listener(outbox.CHANNEL, lambda *_: self._wake.set()))
        touching = asyncio.create_task(self._touch())
        try:
            yield
        finally:
            touching.cancel()
            # A touch that failed ends the session; whoever uses the session next is told, so this must not shout.
            await asyncio.gather(touching, return_exceptions=True)

    async def _touch(self) -> None:
        while True:
            await asyncio.sleep(_TOUCH_SECONDS)
            await self.run(lambda connection: connection.execute("select 1"))


@asynccontextmanager
async def _producer(kafka: Kafka, name: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **kafka.options(),
        client_id=f"{name}-relay",
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        max_batch_size=900_000,
        linger_ms=0,
    )
    try:
        await producer.start()
        yield producer
    finally:
        if not await seen_off(producer.stop(), 3):
            # An idempotent producer without a broker never stops by itself: end its sender and its connections.
            await seen_off(producer._sender.close(), 2)
            await seen_off(producer.client.close(), 2)
