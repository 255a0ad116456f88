"""Working days in Vietnam: public holidays, and the days that the government swaps."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import cache
from typing import Any

import holidays

# Swaps that the `holidays` package does not know: True is a day of work, False a day off.
# 2 January 2026 was off and Saturday 10 January 2026 worked in its place.
OVERRIDES = {date(2026, 1, 2): False, date(2026, 1, 10): True}

CUT_OFF = time(15)  # what comes later counts from the next working morning (NĐ 61/2018 art. 18)


@cache
def decided(day: date) -> bool | None:
    """What the state decided of this day: False is a day off, True a weekend day that is worked, None neither."""
    if day in OVERRIDES:
        return OVERRIDES[day]
    calendar = _calendar(day.year)
    if day in calendar.weekend_workdays:
        return True
    return False if day in calendar else None


def is_working_day(day: date) -> bool:
    """Whether an office that works from Monday to Friday works on this day."""
    works = decided(day)
    return day.weekday() < 5 if works is None else works


def next_working_day(day: date) -> date:
    """The first working day after `day`."""
    following = day + timedelta(days=1)
    while not is_working_day(following):
        following += timedelta(days=1)
    return following


@cache
def _calendar(year: int) -> Any:
    return holidays.country_holidays("VN", years=year)
