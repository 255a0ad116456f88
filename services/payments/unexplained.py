"""What is not explained, as metrics: read from the database by each process, so each says the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.postgres import Pool
from services.payments import store


class Unexplained(Collector):
    """Differences that nobody has explained, by gateway; 0 where there is none. Says nothing before the first reading."""

    def __init__(self, sides: Sequence[str]) -> None:
        self._sides = sides
        self._open: Mapping[str, tuple[int, int]] | None = None
        self._ago: Mapping[str, float] = {}

    async def refresh(self, pool: Pool) -> None:
        self._ago = await store.differences.reconciled_ago(pool)
        self._open = await store.differences.unexplained(pool)

    def collect(self) -> Iterator[Metric]:
        dong = GaugeMetricFamily(
            "motcua_unexplained_dong", "Đồng in differences that nobody has explained; alert on it", labels=["gateway"]
        )
        count = GaugeMetricFamily(
            "motcua_unexplained_differences", "Differences that nobody has explained", labels=["gateway"]
        )
        ago = GaugeMetricFamily(
            "motcua_reconciled_seconds", "Since a gateway was last reconciled; alert on it", labels=["gateway"]
        )
        for name in dict.fromkeys((*self._sides, *(self._open or ()))) if self._open is not None else ():
            count.add_metric([name], self._open.get(name, (0, 0))[0] if self._open else 0)
            dong.add_metric([name], self._open.get(name, (0, 0))[1] if self._open else 0)
        for name, seconds in self._ago.items():
            ago.add_metric([name], seconds)
        yield from (dong, count, ago)
