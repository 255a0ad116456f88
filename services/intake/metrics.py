"""intake's own metrics, beside those that every service has."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.clock import VIETNAM, Clock
from services.intake.domain.ending import ending_bases
from services.intake.open_catalogue import OpenCatalogue


class LegalBasesEnding(Collector):
    """Counts the legal bases that end within 60 days; says nothing in a process that has no catalogue."""

    def __init__(self, opened: OpenCatalogue, clock: Clock) -> None:
        self._opened, self._clock = opened, clock

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "motcua_legal_bases_ending", "Legal bases that open procedures stand on and that end within 60 days"
        )
        if self._opened.latest is not None:
            today = self._clock().astimezone(VIETNAM).date()
            gauge.add_metric([], len(ending_bases(self._opened.latest, today)))
        yield gauge
