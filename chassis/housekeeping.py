"""What a process does every second beside its work: readiness, gauges, small tables."""

from __future__ import annotations

import asyncio

from chassis import inbox, outbox, parking
from chassis.backlog import Backlog
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.postgres import Pool
from chassis.work import PRUNE

_SECONDS, _PRUNE_TURNS = 1.0, 300
_PRUNED = 10_000  # rows at once

_OLDEST_CALL = "select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from call"


async def keep_house(pool: Pool, backlog: Backlog, metrics: Metrics, health: Health) -> None:
    """Until cancelled: keep readiness true about the database, know the backlog, prune in bounded batches."""
    turn = 0
    while True:
        try:
            async with asyncio.timeout(3):
                backlog.waiting = await outbox.waiting(pool)
                metrics.outbox_waiting.set(backlog.waiting)
                metrics.oldest_call.set(await pool.fetchval(_OLDEST_CALL))
            health.well("database")
            if turn % _PRUNE_TURNS == _PRUNE_TURNS - 1:
                await _prune(pool)
        except Exception as error:
            health.waits("database", f"away ({type(error).__name__})")
        turn += 1
        await asyncio.sleep(_SECONDS)


async def _prune(pool: Pool) -> None:
    """The inbox and closed parked records are kept equally long: copies of both may come as late."""
    while await inbox.prune(pool, _PRUNED) == _PRUNED:
        pass
    while await parking.prune(pool, inbox.KEPT, _PRUNED) == _PRUNED:
        pass
    await pool.execute(PRUNE)
