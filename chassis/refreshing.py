"""What a process keeps in memory of its database, read at the start and then again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from chassis.postgres import Pool

_EVERY_SECONDS = 1.0

Refresh = Callable[[Pool], Awaitable[None]]

log = structlog.get_logger()


async def keep_fresh(refresh: Refresh, pool: Pool) -> None:
    """Until cancelled: read it anew each second; what was read before counts while the database is away."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await refresh(pool)
        except Exception as error:
            log.warning("not refreshed, the last reading counts", reason=type(error).__name__)
