"""Periodic chores of a service: each is done by one process at a time, and its trouble stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.postgres import Pool

log = structlog.get_logger()

_TURN = timedelta(seconds=12)
_TAKE = """
insert into chore_turn as turn (chore, holder, until) values ($1, $2, now() + $3)
on conflict (chore) do update set holder = excluded.holder, until = excluded.until where turn.until <= now()
returning true"""
_KEEP = "update chore_turn set until = now() + $3 where chore = $1 and holder = $2"
_GIVE_BACK = "update chore_turn set until = now() where chore = $1 and holder = $2"


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
    """Do the chore unless it is another process' turn: then False.

    The turn is a lease, not a lock of a connection: none is held while a chore waits for an outside system, and a process
    that stands still loses its turn. When it goes on, the chore may be done twice.
    """
    holder = new_id()
    if not await pool.fetchval(_TAKE, chore.name, holder, _TURN):
        return False
    keeping = asyncio.create_task(_keep(chore, holder, pool))
    try:
        await chore.run(pool)
    finally:
        keeping.cancel()
        with suppress(Exception):  # it ends by itself
            await pool.execute(_GIVE_BACK, chore.name, holder)
    return True


async def _keep(chore: Chore, holder: UUID, pool: Pool) -> None:
    while True:
        await asyncio.sleep(_TURN.total_seconds() / 4)
        with suppress(Exception):  # said again in time, or the turn is lost
            await pool.execute(_KEEP, chore.name, holder, _TURN)
