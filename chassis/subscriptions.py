"""Kafka consumers as FastStream batch subscribers: fetched in batches, acknowledged by hand after the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from chassis.consumer import Consumer
from chassis.errors import Retry
from chassis.fetching import Fetching, end
from chassis.health import Health
from chassis.kafka import REQUEST_TIMEOUT_MS, Kafka
from chassis.metrics import Metrics
from chassis.parking import ParkingLimit, Record
from chassis.tasks import all_or_none, seen_off
from chassis.watchdog import Watchdog

_BATCH = 1_000
_PAUSE_SECONDS = 30.0
_MOST_SECONDS = 5.0
_STOP_SECONDS, _END_SECONDS = 7.5, 1.0  # together within the time that a process has to drain
_JOIN_SECONDS = 90.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Pace:
    """Time limits of group membership, in milliseconds, and of the watchdog, in seconds.

    Who is silent for `session_ms`, or handles one batch for longer than `poll_ms`, loses its partitions. The watchdog
    looks every `look_seconds` and restarts a consumer that has stalled for `stall_seconds`; a batch that cannot be
    read is tried again every `standing_seconds`.
    """

    session_ms: int = 12_000
    poll_ms: int = 300_000
    look_seconds: float = 5.0
    stall_seconds: float = 30.0
    standing_seconds: float = 30.0


class Subscriptions:
    """All consumers of a process, on one broker connection; run `forever()` as a task."""

    def __init__(
        self,
        consumers: Sequence[Consumer],
        kafka: Kafka,
        instance: str,
        metrics: Metrics,
        health: Health,
        pace: Pace = Pace(),
    ) -> None:
        self._consumers, self._kafka, self._instance = consumers, kafka, instance
        self._metrics, self._health, self._pace = metrics, health, pace
        self._joined: list[_Joined] = []
        self._subscribers: dict[str, Any] = {}
        self._fetchings: dict[str, Fetching] = {}

    async def forever(self) -> None:
        """Consume until cancelled. While Kafka is away: wait, not ready, with the reason."""
        self._health.waits("kafka", "not connected yet")
        while True:
            broker = self._broker()
            try:
                await self._kafka.preflight()
                await broker.connect()
                made = broker.config.broker_config
                made.builder = self._fetching_with(made.builder)
                async with asyncio.timeout(_JOIN_SECONDS):
                    await broker.start()
                await all_or_none([self._watch(), self._watchdog().forever()])
            except (Retry, KafkaError, OSError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                self._health.waits("kafka", reason)
                log.warning("consumers wait", reason=reason)
                await asyncio.sleep(1)
            finally:
                await seen_off(broker.stop(), _STOP_SECONDS)
                left = (seen_off(end(each.consumer), _END_SECONDS) for each in self._fetchings.values())
                await asyncio.gather(*left)
                self._fetchings.clear()

    def _broker(self) -> KafkaBroker:
        broker = KafkaBroker(
            self._kafka.bootstrap,
            security=self._kafka.security(),
            client_id=self._instance,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=None,
            graceful_timeout=6.0,
        )
        self._joined = [self._subscribe(broker, consumer) for consumer in self._consumers]
        return broker

    def _fetching_with(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """A maker of Kafka consumers like `make`, each under its Fetching; a group's id is its consumer's name."""

        def made(**options: Any) -> Any:
            name = options["group_id"]
            self._fetchings[name] = Fetching(make(**options), name, self._pace.standing_seconds)
            return self._fetchings[name].consumer

        return made

    def _watchdog(self) -> Watchdog:
        pace = self._pace
        return Watchdog(
            self._fetchings, self._restart, self._metrics, self._health, pace.look_seconds, pace.stall_seconds
        )

    async def _restart(self, name: str) -> None:
        """One consumer anew, the others undisturbed. What it raises while joining propagates."""
        await seen_off(self._subscribers[name].stop(), _STOP_SECONDS)
        await seen_off(end(self._fetchings[name].consumer), _END_SECONDS)
        async with asyncio.timeout(_JOIN_SECONDS):
            await self._subscribers[name].start()

    def _subscribe(self, broker: KafkaBroker, consumer: Consumer) -> _Joined:
        joined = _Joined()
        subscriber = broker.subscriber(
            consumer.consumes.topic,
            batch=True,
            group_id=consumer.consumes.name,
            group_instance_id=f"{self._instance}.{consumer.consumes.name}",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            max_records=_BATCH,
            session_timeout_ms=self._pace.session_ms,
            heartbeat_interval_ms=self._pace.session_ms // 5,
            max_poll_interval_ms=self._pace.poll_ms,
            rebalance_timeout_ms=60_000,
            fetch_max_wait_ms=1_000,  # an answer comes at the first record all the same
            batch_timeout_ms=1_000,
            listener=joined,
            parser=_unparsed,
            decoder=_undecoded,
        )

        async def handle(message: Any) -> None:
            records: tuple[Record, ...] = message
            fetching = self._fetchings[consumer.consumes.name]
            await self._take(consumer, records)
            # Only what the database has; an offset that lags costs duplicates, which the inbox knows.
            try:
                await fetching.consumer.commit(fetching.behind())
            except KafkaError as error:
                log.warning("offsets wait", consumer=consumer.consumes.name, reason=type(error).__name__)

        subscriber(handle)
        self._subscribers[consumer.consumes.name] = subscriber
        return joined

    async def _take(self, consumer: Consumer, records: Sequence[Record]) -> None:
        """Repeat until the batch is committed: whatever is wrong, no offset passes it and no record is dropped."""
        name, started, pause = consumer.consumes.name, time.monotonic(), 0.05
        while True:
            try:
                await consumer.take(records)
            except ParkingLimit as error:
                self._metrics.paused.labels(name).set(1)
                await self._wait(name, error, _PAUSE_SECONDS)
            except Exception as error:
                await self._wait(name, error, pause)
                pause = min(pause * 2, _MOST_SECONDS)
            else:
                self._metrics.paused.labels(name).set(0)
                self._metrics.batch_seconds.labels(name).observe(time.monotonic() - started)
                self._health.well(name)
                return

    async def _wait(self, name: str, error: Exception, seconds: float) -> None:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, Retry) else type(error).__name__
        self._metrics.retries.labels(name).inc()
        self._health.waits(name, reason)
        log.warning("batch waits and is done again", consumer=name, reason=reason, seconds=seconds)
        await asyncio.sleep(seconds)

    async def _watch(self) -> None:
        """Tell readiness the truth about Kafka while the consumers run."""
        while True:
            joined = all(each.yes for each in self._joined)
            if joined:
                await self._kafka_is_there()
            await asyncio.sleep(2 if joined else 0.1)

    async def _kafka_is_there(self) -> None:
        try:
            await self._kafka.reachable()
            self._health.well("kafka")
        except Retry as error:
            self._health.waits("kafka", str(error))


class _Joined(ConsumerRebalanceListener):  # type: ignore[misc]
    """Whether a consumer has its place in the group: with more processes than partitions that is a place without any."""

    yes = False

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Its place is kept: the next assignment follows by itself."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        self.yes = True


async def _unparsed(records: Any) -> KafkaMessage:
    """A batch as it came: headers that are not text and values that are not JSON are our business, not the library's."""
    return KafkaMessage(body=b"", raw_message=records, headers={}, consumer=None)  # type: ignore[arg-type]


async def _undecoded(message: Any) -> Any:
    return message.raw_message
