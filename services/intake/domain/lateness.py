"""How late what is open is: its deadline, the earlier one of the step's and the promised date, against the clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple

from chassis.clock import VIETNAM
from services.intake.domain.calendar import Calendar

Lateness = Literal["late", "today", "soon", "on_time"]

_SOON_DAYS = 2
_MOMENT = timedelta(microseconds=1)


class Horizon(NamedTuple):
    """What the clock says: before `now` is late, until the end of `today` is today's, until the end of `soon` is near."""

    now: datetime
    today: datetime
    soon: datetime

    @classmethod
    def at(cls, now: datetime, calendar: Calendar) -> Horizon:
        """Soon is within the two working days after today."""
        day = now.astimezone(VIETNAM).date()
        ends = [
            datetime.combine(last + timedelta(days=1), time(), VIETNAM) - _MOMENT
            for last in (day, calendar.next_working_day(day, _SOON_DAYS))
        ]
        return cls(now, *ends)

    def of(self, due: datetime | None, result_due: datetime | None) -> Lateness:
        """How late something open is; what has no deadline is on time."""
        deadline = min(filter(None, (due, result_due)), default=None)
        if deadline is None or deadline > self.soon:
            return "on_time"
        if deadline < self.now:
            return "late"
        return "today" if deadline <= self.today else "soon"

    def span(self, lateness: Lateness) -> tuple[datetime | None, datetime | None]:
        """The first and the last deadline of these, as far as there is one."""
        return {
            "late": (None, self.now - _MOMENT),
            "today": (self.now, self.today),
            "soon": (self.today + _MOMENT, self.soon),
            "on_time": (self.soon + _MOMENT, None),
        }[lateness]
