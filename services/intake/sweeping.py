"""Deletes what no dossier came to use: documents never attached, contents without a document, drafts nobody touched."""

from __future__ import annotations

from datetime import date, timedelta

import structlog

from chassis.clock import Clock
from chassis.postgres import Pool
from services.intake.adapters.objects import Objects
from services.intake.domain import draft
from services.intake.store import documents, drafts

KEPT = timedelta(hours=24)

log = structlog.get_logger()


class Sweeper:
    """Goes through the documents in bounded passes, day by day of the contents, and begins anew behind the last one."""

    def __init__(self, objects: Objects, clock: Clock, most: int = 10_000) -> None:
        self._objects, self._clock, self._most = objects, clock, most
        self._swept = date.min

    async def run(self, pool: Pool) -> None:
        """One pass: delete at most `most` documents and their contents, look at some more than `most` contents at most."""
        before = self._clock() - KEPT
        old = await documents.delete_old(pool, before, self._most)
        await self._objects.delete(old)
        contents, looked_at = 0, 0
        days = [day for day in await self._objects.days() if day <= before.date()]
        for day in [day for day in days if day > self._swept]:
            async for ids in self._objects.of_day(day, before):
                orphans = await documents.without_row(pool, ids)
                await self._objects.delete(orphans)
                contents, looked_at = contents + len(orphans), looked_at + len(ids)
            await self._objects.delete_unfinished(day, before)
            self._swept = day
            if looked_at >= self._most:
                break
        else:
            self._swept = date.min
        if old or contents:
            log.info("documents swept", documents=len(old), contents=contents)


class Forgetter:
    """Deletes drafts that nobody has touched for as long as they are kept."""

    def __init__(self, clock: Clock, most: int = 1_000) -> None:
        self._clock, self._most = clock, most

    async def run(self, pool: Pool) -> None:
        """One pass, some drafts at a time until none is left."""
        before = self._clock() - draft.KEPT
        while await drafts.forget(pool, before, self._most) == self._most:
            pass
