"""A consumer on a real database, given records by hand instead of by Kafka."""

from __future__ import annotations

from opentelemetry.trace import NoOpTracer

from chassis.clock import utc_now
from chassis.consumer import Consumer, Fold
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.metrics import Metrics
from chassis.postgres import Pool
from contracts.registry import EVENTS


def consumer_of(fold: Fold, pool: Pool, parking_limit: int = 100) -> Consumer:
    """The consumer that a service would run for this fold."""
    voice = Voice("/motcua/test", NoOpTracer(), utc_now)
    return Consumer(fold, pool, voice, Reader(EVENTS, {}), Metrics(), parking_limit)
