"""The calendars of one process: working hours of the data file, with the days that operators changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date

from chassis.calls import Calling
from chassis.clock import VIETNAM, Clock
from chassis.postgres import Pool
from services.intake import store
from services.intake.domain import calendars, deadline
from services.intake.domain.agency import Agency
from services.intake.domain.calendar import Calendar, WorkingTime
from services.intake.domain.calendar_changes import Count, Counted
from services.intake.domain.commands import Recalculate

_READ = 1_000
_MOST = 4_000
_TOGETHER = 250
_REASON = "Lịch làm việc của cơ quan thay đổi"


class OpenCalendars:
    """Keeps the calendars in memory; `refresh` reads what was changed, and builds them anew on another day's years."""

    def __init__(self, plans: Mapping[str, WorkingTime], agencies: Mapping[str, Agency], clock: Clock) -> None:
        self._plans, self._clock = plans, clock
        self.keys = {code: agency.calendar for code, agency in agencies.items()}
        self._known: tuple[date, tuple[tuple[str, int], ...]] | None = None
        self._reading = asyncio.Lock()
        self._calendars = calendars.build(plans, self._today(), {})

    def of(self, agency: str) -> Calendar:
        """The calendar of an agency, by its code; the default one for an agency that the data file no longer has."""
        return self._calendars[self.keys.get(agency, "default")]

    async def refresh(self, pool: Pool) -> None:
        """Read what was changed, if anything was; one reading at a time, so that an older one never ends last."""
        async with self._reading:
            known = (self._today().replace(month=1, day=1), await store.calendars.versions(pool))
            if known != self._known:
                self._calendars = calendars.build(self._plans, self._today(), await store.calendars.changes(pool))
                self._known = known

    async def count(self, request: Count, calling: Calling) -> Counted:
        """Count the promised dates of the next dossiers anew, and tell those whose date moves; the answer names the last.

        Counting costs some microseconds a dossier, telling some hundred: a change that moves few is done at once.
        """
        await self.refresh(calling.pool)
        agencies = sorted(code for code, key in self.keys.items() if key == request.key)
        after, told = request.after, 0
        while told < _MOST:
            found = await store.calendars.promised(calling.pool, agencies, after, _READ)
            moved = [each.code for each in found if deadline.due(each.clock, self.of(each.agency)) != each.due]
            await self._tell(moved, calling)
            told += len(moved)
            if len(found) < _READ:
                return Counted(change_id=request.change_id, after=None)
            after = found[-1].code
        return Counted(change_id=request.change_id, after=after)

    async def _tell(self, codes: Sequence[str], calling: Calling) -> None:
        """Side by side: while the database writes some, others are decided."""
        message = Recalculate(reason=_REASON)
        parts = [codes[begin : begin + _TOGETHER] for begin in range(0, len(codes), _TOGETHER)]
        await asyncio.gather(
            *(calling.answering.many(store.dossiers.aggregate, [(code, message) for code in part]) for part in parts)
        )

    def _today(self) -> date:
        return self._clock().astimezone(VIETNAM).date()
