"""The catalogue of one process: what the database says of procedures, with what the data files say of all else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from chassis.postgres import Pool
from chassis.work import Work
from services.intake import store
from services.intake.domain.catalogue import Catalogue, Offered
from services.intake.domain.files import Files
from services.intake.domain.publication import Ship

_LOOK_SECONDS = 1.0

log = structlog.get_logger()


class OpenCatalogue:
    """Keeps the catalogue in memory and looks at most once a second whether it was changed."""

    def __init__(self, read: Files, seconds: Callable[[], float] = time.monotonic) -> None:
        if read.guide is None:
            raise ValueError("there is no guide")
        self._files, self._seconds, self.guide = read, seconds, read.guide
        self._turn = asyncio.Lock()
        self._writes, self._looked = -1, float("-inf")
        self._changes, self._seen = 0, 0
        self.latest: Catalogue | None = None

    async def current(self, pool: Pool) -> Catalogue:
        """As it was a second ago or later; while somebody looks, the others go on with the one that they know.

        What this process changed itself is there at once.
        """
        if self.latest is not None and self._has_our_changes() and (self._turn.locked() or self._is_fresh()):
            return self.latest
        async with self._turn:
            if self.latest is not None and self._has_our_changes() and self._is_fresh():
                return self.latest
            changes, looked, writes = self._changes, self._seconds(), await store.procedures.writes(pool)
            if self.latest is None or writes != self._writes:
                self.latest, self._writes = await self._read(pool), writes
            self._seen, self._looked = changes, looked
            return self.latest

    async def refresh(self, pool: Pool) -> None:
        """For a process that nobody asks: its metrics tell of what others opened."""
        await self.current(pool)

    def look_again(self) -> None:
        """The next look is made at once, whoever is looking now: this process has changed a procedure."""
        self._changes += 1

    async def ship(self, work: Work) -> None:
        """Open what comes with the release and was never open here; the database has the last word on all that was."""
        there = {publication.code: publication for publication in await store.procedures.everything(work.pool)}
        for procedure in sorted(self._files.procedures, key=lambda each: (each.code, each.version)):
            known = there[procedure.code].numbered(procedure.version) if procedure.code in there else None
            if known is None or not known.was_open:
                await work.send(store.procedures.aggregate, procedure.code, Ship(procedure=procedure))
            elif known.body != procedure:
                log.error(
                    "the data file differs from the version that was opened: make a new version",
                    procedure=procedure.code,
                    version=procedure.version,
                )
        self.look_again()
        await self.current(work.pool)

    def _has_our_changes(self) -> bool:
        return self._seen == self._changes

    def _is_fresh(self) -> bool:
        return self._seconds() - self._looked < _LOOK_SECONDS

    async def _read(self, pool: Pool) -> Catalogue:
        # Between two looks a procedure may be written twice: what is read here is as new as the count, or newer.
        found = await store.procedures.everything(pool)
        return Catalogue.of(
            self._files,
            (Offered(procedure, is_open) for each in found for procedure, is_open in each.opened()),
        )
