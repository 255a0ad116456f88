"""What is not explained and what waits for people, as metrics: read from the database, so each process says the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.clock import Clock, utc_now
from chassis.postgres import Pool
from services.payments import store
from services.payments.domain.reading import closed_at, last_whole_day

_REFUNDS_SECONDS = 30.0
_STATES = ("ready", "by_hand", "refused")


class Unexplained(Collector):
    """Differences that nobody has explained, by gateway; 0 where there is none. Says nothing before the first reading.

    How long ago each of the `sides` was reconciled: those that are configured here, for one that was taken out is looked at
    no more; where a whole day was to be read and was not, whatever was read since, how long ago that was due. Refunds that
    have not gone yet are counted, too: by hand and refused, an officer must pay them out.
    """

    def __init__(self, sides: Sequence[str], clock: Clock = utc_now) -> None:
        self._sides, self._clock = sides, clock
        self._open: Mapping[str, tuple[int, int]] | None = None
        self._ago: Mapping[str, float] = {}
        self._late: Mapping[str, datetime] = {}
        self._refunds: Mapping[str, tuple[int, float]] = {}
        self._counted, self._began = float("-inf"), time.monotonic()

    async def refresh(self, pool: Pool) -> None:
        self._ago = await store.differences.reconciled_ago(pool, self._sides)
        if time.monotonic() - self._counted > _REFUNDS_SECONDS:
            self._refunds = await store.books.refunds_waiting(pool)
            now = self._clock()
            missed = await store.days.missed(pool, self._sides, last_whole_day(now), now)
            # The oldest of each: they come in their order.
            self._late = {each.gateway: closed_at(each.day) for each in reversed(missed) if each.is_late}
            self._counted = time.monotonic()
        self._open = await store.differences.unexplained(pool)

    def collect(self) -> Iterator[Metric]:
        dong = GaugeMetricFamily(
            "motcua_unexplained_dong", "Đồng in differences that nobody has explained; alert on it", labels=["gateway"]
        )
        count = GaugeMetricFamily(
            "motcua_unexplained_differences", "Differences that nobody has explained", labels=["gateway"]
        )
        ago = GaugeMetricFamily(
            "motcua_reconciled_seconds",
            "Since a gateway was last reconciled; where it never was, or a day was left out, since it should have been; "
            "alert on it",
            labels=["gateway"],
        )
        waiting = GaugeMetricFamily(
            "motcua_refunds_waiting",
            "Refunds that have not gone yet; by_hand and refused: for officers",
            labels=["state"],
        )
        oldest = GaugeMetricFamily(
            "motcua_oldest_refund_seconds", "How long the longest waiting one waits; alert on it", labels=["state"]
        )
        if self._open is None:
            return
        for name in dict.fromkeys((*self._sides, *self._open)):
            number, amount = self._open.get(name, (0, 0))
            count.add_metric([name], number)
            dong.add_metric([name], amount)
        for name in self._sides:
            ago.add_metric([name], self._reconciled_ago(name))
        for state in _STATES:
            number, age = self._refunds.get(state, (0, 0.0))
            waiting.add_metric([state], number)
            oldest.add_metric([state], age)
        yield from (dong, count, ago, waiting, oldest)

    def _reconciled_ago(self, side: str) -> float:
        ago = self._ago.get(side, time.monotonic() - self._began)
        late = self._late.get(side)
        return max(ago, (self._clock() - late).total_seconds()) if late else ago
