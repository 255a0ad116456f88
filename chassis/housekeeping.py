"""What a process does beside its work: true readiness and gauges every second, small tables every minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from chassis import inbox, once, outbox, parking
from chassis.backlog import Backlog
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.postgres import Pool

_SECONDS, _PRUNE_SECONDS = 1.0, 60.0
_PRUNED = 5_000  # rows at once

_OLDEST_CALL = "select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from call"

# The inbox and closed parked records are kept equally long: copies of both may come as late.
_TABLES: Mapping[str, Callable[[Pool, int], Awaitable[int]]] = {
    "outbox": outbox.prune,
    "inbox": inbox.prune,
    "parked": lambda pool, limit: parking.prune(pool, inbox.KEPT, limit),
    "idempotency": once.prune,
}

log = structlog.get_logger()


async def keep_house(pool: Pool, backlog: Backlog, metrics: Metrics, health: Health) -> None:
    """Until cancelled: keep readiness true about the database, and know how much waits."""
    while True:
        try:
            async with asyncio.timeout(3):
                backlog.waiting, oldest_seconds = await outbox.waiting(pool)
                metrics.outbox_waiting.set(backlog.waiting)
                metrics.oldest_outbox.set(oldest_seconds)
                metrics.oldest_call.set(await pool.fetchval(_OLDEST_CALL))
            health.well("database")
        except Exception as error:
            health.waits("database", f"away ({type(error).__name__})")
        await asyncio.sleep(_SECONDS)


async def prune_tables(pool: Pool) -> None:
    """Until cancelled: delete what is past its time, in bounded batches; trouble with one table stops no other."""
    while True:
        for name, prune in _TABLES.items():
            try:
                deleted = _PRUNED
                while deleted == _PRUNED:
                    deleted = await prune(pool, _PRUNED)
            except Exception as error:
                log.warning("pruning waits", table=name, reason=type(error).__name__)
        await asyncio.sleep(_PRUNE_SECONDS)
