"""Leases that are held for as long as the work takes, and end soon after the process that does it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog

from chassis import leases
from chassis.leases import Table
from chassis.postgres import Pool

# A dead process's work is taken up after this. Renewed five times meanwhile: one late answer of the database ends nothing.
LEASE_SECONDS = 10.0
_RENEW_SECONDS = 2.0

log = structlog.get_logger()


class Holding:
    """The leases that this process holds in one table, renewed together by one task while there are any."""

    def __init__(self, pool: Pool, table: Table) -> None:
        self._pool, self._table = pool, table
        self._held: set[tuple[UUID, UUID]] = set()
        self._renewing: asyncio.Task[None] | None = None

    @contextmanager
    def holding(self, row: Any) -> Iterator[None]:
        """Keep this claimed row's lease until the block is left. A lease that is lost all the same stops nothing."""
        (held,) = leases.held_by([row])
        self._held.add(held)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            self._held.discard(held)
            if not self._held and self._renewing is not None:
                self._renewing.cancel()
                self._renewing = None

    async def release(self, rows: Sequence[Any]) -> None:
        """Leave these to whoever claims next; when the database is away, to the end of their leases."""
        try:
            async with asyncio.timeout(_RENEW_SECONDS):
                await leases.release(self._pool, self._table, leases.held_by(rows))
        except Exception as error:
            log.info("leases are left to their end", table=self._table, reason=type(error).__name__)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            held = list(self._held)
            try:
                async with asyncio.timeout(LEASE_SECONDS / 2):
                    ours = await leases.renew(self._pool, self._table, held, LEASE_SECONDS)
            except Exception as error:
                log.warning("leases are not renewed", table=self._table, reason=type(error).__name__)
                continue
            for row_id, lease in set(held) & self._held - ours:
                log.info("a lease ended before its work", table=self._table, row=str(row_id))
                self._held.discard((row_id, lease))
