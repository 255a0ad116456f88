"""What is measured of webhooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import Counter, Gauge
from prometheus_client.registry import Collector

from chassis.postgres import Pool
from services.payments import store


class RingMetrics:
    """Webhooks at the door and as they are worked off, and how long they wait."""

    def __init__(self) -> None:
        labels = ("gateway", "outcome")
        self.heard = Counter(
            "motcua_rings_heard_total",
            "Webhooks at the door: new, copy, refused; alert where all are",
            labels,
            registry=None,
        )
        self.worked_off = Counter(
            "motcua_rings_worked_off_total",
            "Webhooks, by what became of them; kept: alert on it",
            labels,
            registry=None,
        )
        self.waiting = Gauge("motcua_rings_waiting", "Webhooks that are not worked off yet", registry=None)
        self.oldest = Gauge(
            "motcua_oldest_ring_seconds", "How long the longest waiting webhook waits; alert on it", registry=None
        )

    @property
    def collectors(self) -> Sequence[Collector]:
        return (self.heard, self.worked_off, self.waiting, self.oldest)

    def hears(self, gateways: Iterable[str]) -> None:
        """Show zeros for these: what a counter has grown by is seen from its first count on."""
        for name in gateways:
            for outcome in ("new", "copy", "refused"):
                self.heard.labels(name, outcome)

    async def refresh(self, pool: Pool) -> None:
        """Look how many wait."""
        waiting, oldest = await store.rings.waiting(pool)
        self.waiting.set(waiting)
        self.oldest.set(oldest)
