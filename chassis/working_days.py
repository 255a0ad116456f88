"""Working days in Vietnam: public holidays, and the days that the government swaps."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

import holidays

from chassis.clock import VIETNAM

# Swaps that the `holidays` package does not know: True is a day of work, False a day off.
# 2 January 2026 was off and Saturday 10 January 2026 worked in its place.
OVERRIDES = {date(2026, 1, 2): False, date(2026, 1, 10): True}

CUT_OFF = time(15)  # what comes later counts from the next working morning (NĐ 61/2018 art. 18)
CLOSING = time(17)


@cache
def is_working_day(day: date) -> bool:
    """Whether public offices work on this day."""
    if day in OVERRIDES:
        return OVERRIDES[day]
    return bool(_calendar(day.year).is_working_day(day))


def next_working_day(day: date) -> date:
    """The first working day after `day`."""
    following = day + timedelta(days=1)
    while not is_working_day(following):
        following += timedelta(days=1)
    return following


def due_after(received: datetime, working_days: int) -> datetime:
    """When work received at this moment must be done: closing time of the n-th working day after the day it counts from."""
    local = received.astimezone(VIETNAM)
    day = local.date()
    if local.time() >= CUT_OFF or not is_working_day(day):
        day = next_working_day(day)
    for _ in range(working_days):
        day = next_working_day(day)
    return datetime.combine(day, CLOSING, VIETNAM)


@cache
def _calendar(year: int) -> Any:
    return holidays.country_holidays("VN", years=year)
