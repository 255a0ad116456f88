"""Working days, with the days that the government swapped in 2026."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.working_days import is_working_day, next_working_day


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 1, 1), False),
        (date(2026, 1, 2), False),  # swapped: off
        (date(2026, 1, 5), True),
        (date(2026, 1, 10), True),  # a Saturday that was worked in its place
        (date(2026, 1, 11), False),
        (date(2026, 1, 17), False),
        (date(2026, 2, 16), False),  # Tết
        (date(2026, 2, 20), False),
        (date(2026, 4, 30), False),
        (date(2026, 5, 1), False),
        (date(2026, 8, 22), True),  # a Saturday that is worked in place of Monday 31 August
        (date(2026, 8, 31), False),
        (date(2026, 9, 1), False),
        (date(2026, 9, 2), False),
        (date(2026, 9, 3), True),
        (date(2026, 6, 10), True),
    ],
)
def test_public_holidays_and_swapped_days_of_2026(day: date, works: bool) -> None:
    assert is_working_day(day) is works


@given(st.dates(date(2015, 1, 1), date(2040, 1, 1)))
def test_the_next_working_day_is_the_first_one_to_come(day: date) -> None:
    following = next_working_day(day)
    between = [day + timedelta(days=number) for number in range(1, (following - day).days)]
    assert is_working_day(following)
    assert not any(map(is_working_day, between))
