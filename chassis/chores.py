"""Periodic chores of a service: each is done by one process at a time, and its trouble stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

import structlog

from chassis.metrics import Metrics
from chassis.postgres import Pool

log = structlog.get_logger()


@dataclass(frozen=True)
class Chore:
    """Something to do every so many seconds, in a bounded amount; done twice, it must do no harm."""

    name: str
    every_seconds: float
    run: Callable[[Pool], Awaitable[None]]


async def keep_doing(chore: Chore, pool: Pool, metrics: Metrics) -> None:
    """Until cancelled: do the chore, at once and then every so often, unless another process is at it."""
    while True:
        try:
            outcome = "done" if await do_alone(chore, pool) else "left to another process"
        except Exception as error:
            outcome = "failed"
            log.warning("chore failed, it is done again later", chore=chore.name, reason=type(error).__name__)
        metrics.chores.labels(chore.name, outcome).inc()
        await asyncio.sleep(chore.every_seconds)


async def do_alone(chore: Chore, pool: Pool) -> bool:
    """Do the chore under its advisory lock; False when another process of this database holds it."""
    lock = int.from_bytes(sha256(f"chore {chore.name}".encode()).digest()[:8], signed=True)
    async with pool.acquire() as connection:
        if not await connection.fetchval("select pg_try_advisory_lock($1)", lock):
            return False
        try:
            await chore.run(pool)
        finally:
            await connection.execute("select pg_advisory_unlock($1)", lock)
    return True
