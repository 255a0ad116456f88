"""A consumer on a real database, given records by hand instead of by Kafka, and orders about what it parked."""

from __future__ import annotations

from opentelemetry.trace import NoOpTracer

from chassis import orders
from chassis.clock import Clock, utc_now
from chassis.consumer import Consumer, Fold
from chassis.drainer import Drainer
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.metrics import Metrics
from chassis.orders import Action, Place
from chassis.postgres import Pool
from contracts.registry import EVENTS


def consumer_of(fold: Fold, pool: Pool, parking_limit: int = 100, clock: Clock = utc_now) -> Consumer:
    """The consumer that a service would run for this fold."""
    voice = Voice("/motcua/test", NoOpTracer(), clock)
    return Consumer(fold, pool, voice, Reader(EVENTS, {}), Metrics(), parking_limit)


def drainer_of(fold: Fold, pool: Pool, clock: Clock = utc_now) -> Drainer:
    """Whoever would work off what was parked for this fold."""
    return Drainer(consumer_of(fold, pool, clock=clock))


async def obeyed(drainer: Drainer, action: Action, offset: int, partition: int = 0) -> str:
    """Order something about a parked record, have that one order carried out, and answer its outcome."""
    consumes, pool = drainer.consumer.consumes, drainer.consumer.pool
    now = drainer.consumer.voice.clock()
    # Whoever failed before may be tried again at once.
    await pool.execute("update parked set retry_at = null")
    async with pool.acquire() as connection:
        place = Place(consumes.name, consumes.topic, partition, offset)
        (order,) = await orders.place(connection, action, [place], "test", "a test", now)
    assert await drainer.carry_out()
    return str(await pool.fetchval("select outcome from parked_order where id = $1", order))
