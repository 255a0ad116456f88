"""The watchdog: a consumer for which records wait and to which nothing comes is restarted, alone, and counted.

Kafka clients have been seen to stop silently (aiokafka's issues 625 and 1037). What is waited for openly is no such
case: a batch in hand that is done again (Retry, the parking limit), a partition that stands still, Kafka away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis.fetching import Fetching
from chassis.health import Health
from chassis.metrics import Metrics

_ANSWER_SECONDS = 5.0
_JOIN_FACTOR = 4  # joining a group takes as long as its slowest member

log = structlog.get_logger()


@dataclass(frozen=True)
class Seen:
    """One look at a consumer.

    `positions` are the next offsets that will be handed out, None while it joins its group; `ends` are those of the
    log, None when nobody could tell them; `buffered` partitions have records here that wait for their turn.
    """

    positions: Mapping[TopicPartition, int] | None
    ends: Mapping[TopicPartition, int] | None = field(default_factory=dict)
    buffered: Collection[TopicPartition] = ()
    standing: Collection[TopicPartition] = ()
    idle_seconds: float = 0.0


@dataclass
class Progress:
    """Since when records of each partition wait at the same place, for one consumer; times are monotonic seconds."""

    stall_seconds: float
    _since: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)
    _joining_since: float | None = None
    _silent_since: float | None = None

    def excuse(self) -> None:
        """Begin to count anew: what happened till now has its known reason."""
        self._since.clear()
        self._joining_since = self._silent_since = None

    def trouble(self, now: float, seen: Seen) -> str | None:
        """Why this consumer has to be restarted, if it has to."""
        if seen.positions is None:
            self._since.clear()
            self._joining_since = now if self._joining_since is None else self._joining_since
            long = now - self._joining_since >= _JOIN_FACTOR * self.stall_seconds
            return "it joins its group and comes to no end" if long else None
        self._joining_since = None
        if seen.ends is None:
            self._silent_since = now if self._silent_since is None else self._silent_since
            long = now - self._silent_since >= self.stall_seconds
            return "Kafka is there, but does not answer it" if long else None
        self._silent_since = None
        waiting = {each: position for each, position in seen.positions.items() if seen.ends.get(each, 0) > position}
        self._note(now, waiting)
        for partition, (position, since) in self._since.items():
            comes = partition in seen.buffered and seen.idle_seconds < self.stall_seconds
            excused = comes or partition in seen.standing
            if not excused and now - since >= self.stall_seconds:
                return f"partition {partition.partition} stands at {position} of {seen.ends[partition]}"
        return None

    def _note(self, now: float, waiting: Mapping[TopicPartition, int]) -> None:
        before = self._since
        self._since = {
            partition: before[partition] if before.get(partition, (None,))[0] == position else (position, now)
            for partition, position in waiting.items()
        }


class Watchdog:
    """Looks at every consumer of a process from time to time; run `forever()` as a task."""

    def __init__(
        self,
        fetchings: Mapping[str, Fetching],
        restart: Callable[[str], Awaitable[None]],
        metrics: Metrics,
        health: Health,
        look_seconds: float,
        stall_seconds: float,
    ) -> None:
        self._fetchings, self._restart = fetchings, restart
        self._metrics, self._health = metrics, health
        self._look_seconds = look_seconds
        self._progress = {name: Progress(stall_seconds) for name in fetchings}
        self._shown: dict[str, set[TopicPartition]] = {name: set() for name in fetchings}

    async def forever(self) -> None:
        """Look until cancelled. What a restart raises propagates: then all consumers begin anew."""
        try:
            while True:
                for name in self._progress:
                    await self._look(name)
                await asyncio.sleep(self._look_seconds)
        finally:
            for name in self._progress:
                self._show_lag(name, {})
                self._show_standing(name, {})

    async def _look(self, name: str) -> None:
        fetching, progress = self._fetchings[name], self._progress[name]
        fetching.go_on_where_it_stood()
        self._show_standing(name, {each.partition: at.offset for each, at in fetching.standing.items()})
        ends = await _ends(fetching)
        positions = fetching.positions()
        if positions is not None and ends is not None:
            untaken = fetching.untaken(positions)
            self._show_lag(name, {each: ends[each] - untaken[each] for each in untaken if each in ends})
        seen = Seen(positions, ends, fetching.buffered(), fetching.standing, fetching.idle_seconds())
        if "kafka" in self._health.reasons:  # it is away, for everybody
            progress.excuse()
        elif reason := progress.trouble(time.monotonic(), seen):
            log.error("consumer is restarted", consumer=name, reason=reason)
            self._metrics.restarts.labels(name).inc()
            progress.excuse()
            await self._restart(name)

    def _show_lag(self, name: str, lags: Mapping[TopicPartition, int]) -> None:
        for partition, lag in lags.items():
            self._metrics.lag.labels(name, partition.partition).set(max(0, lag))
        for gone in self._shown[name] - lags.keys():
            self._metrics.lag.remove(name, gone.partition)
        self._shown[name] = set(lags)

    def _show_standing(self, name: str, standing: Mapping[int, int]) -> None:
        self._metrics.standing.labels(name).set(len(standing))
        part = f"{name} partitions"
        if standing:
            places = ", ".join(f"{partition} at offset {offset}" for partition, offset in sorted(standing.items()))
            self._health.waits(part, f"cannot read and stand still: {places}")
        else:
            self._health.well(part)


async def _ends(fetching: Fetching) -> Mapping[TopicPartition, int] | None:
    positions = fetching.positions()
    if not positions:
        return {}
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            ends: Mapping[TopicPartition, int] = await fetching.consumer.end_offsets(list(positions))
            return ends
    except (KafkaError, TimeoutError):
        return None
