"""When a desk can receive citizens: working days, opening hours, and how soon after acceptance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from chassis.clock import VIETNAM
from chassis.working_days import CUT_OFF, is_working_day, next_working_day

UNIT = timedelta(minutes=15)
"""What appointments begin at and are rounded up to, so that their times at a seat either meet or do not touch."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Opening hours of a place, the citizens it serves side by side, and how many working days are open for booking."""

    seats: int
    days: int
    hours: tuple[tuple[time, time], ...] = ((time(7, 30), time(11, 30)), (time(13, 30), time(17)))

    def starts(self, not_before: datetime, length: timedelta) -> Iterator[datetime]:
        """Every time at which an appointment of this length can begin, in order."""
        first = not_before.astimezone(VIETNAM)
        for day in self._days(first.date()):
            for opens, closes in self.hours:
                start = datetime.combine(day, opens, VIETNAM)
                while start + length <= datetime.combine(day, closes, VIETNAM):
                    if start >= first:
                        yield start
                    start += UNIT

    def _days(self, first: date) -> Iterator[date]:
        day = first if is_working_day(first) else next_working_day(first)
        for _ in range(self.days):
            yield day
            day = next_working_day(day)


def rounded(minutes: int) -> timedelta:
    """A length in whole units."""
    return -(-timedelta(minutes=minutes) // UNIT) * UNIT


def one_working_day_after(moment: datetime) -> datetime:
    """The same time of day one working day later; what comes after 15:00 counts from the next working morning."""
    local = moment.astimezone(VIETNAM)
    day, at = local.date(), local.time()
    if at >= CUT_OFF or not is_working_day(day):
        day, at = next_working_day(day), time(0)
    return datetime.combine(next_working_day(day), at, VIETNAM)
