"""Working days and due dates, with the days that the government swapped in 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.working_days import CLOSING, due_after, is_working_day, next_working_day


def at(day: int, month: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A moment of 2026 in Vietnam."""
    return datetime(2026, month, day, hour, minute, second, tzinfo=VIETNAM)


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


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        (at(8, 6, 9), 0, at(8, 6, 17)),
        (at(8, 6, 9), 5, at(15, 6, 17)),
        (at(8, 6, 14, 59, 59), 5, at(15, 6, 17)),
        (at(8, 6, 15), 5, at(16, 6, 17)),  # NĐ 61/2018 art. 18: from 15:00 it counts from the next morning
        (at(8, 6, 23, 59), 5, at(16, 6, 17)),
        (at(13, 6, 9), 1, at(16, 6, 17)),  # on a Saturday it counts from Monday
        (at(12, 6, 15), 1, at(16, 6, 17)),  # and so it does late on Friday
        (at(31, 12, 9).replace(year=2025), 1, at(5, 1, 17)),  # over 1 and 2 January
        (at(9, 1, 9), 1, at(10, 1, 17)),  # onto the worked Saturday
        (at(21, 8, 9), 1, at(22, 8, 17)),
        (at(28, 8, 9), 1, at(3, 9, 17)),  # over 31 August to 2 September
        (at(13, 2, 9), 1, at(23, 2, 17)),  # over Tết
        (datetime(2026, 6, 8, 7, 59, tzinfo=UTC), 0, at(8, 6, 17)),  # 14:59 in Vietnam
        (datetime(2026, 6, 8, 8, tzinfo=UTC), 0, at(9, 6, 17)),  # 15:00
        (datetime(2026, 6, 7, 23, tzinfo=UTC), 0, at(8, 6, 17)),  # Monday morning there, Sunday here
    ],
)
def test_due_dates(received: datetime, days: int, due: datetime) -> None:
    assert due_after(received, days) == due


moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.sampled_from([UTC, VIETNAM]))  # noqa: DTZ001
days = st.integers(0, 60)


@given(moments, days)
def test_whatever_is_received_is_due_at_closing_time_of_a_working_day_to_come(received: datetime, count: int) -> None:
    due = due_after(received, count)
    assert is_working_day(due.date())
    assert (due.timetz().replace(tzinfo=None), due.tzinfo) == (CLOSING, VIETNAM)
    assert due > received


@given(moments, days, st.timedeltas(timedelta(0), timedelta(days=10)), st.integers(0, 10))
def test_later_received_or_more_days_is_never_due_earlier(
    received: datetime, count: int, later: timedelta, more: int
) -> None:
    assert due_after(received, count) <= due_after(received + later, count)
    assert due_after(received, count) <= due_after(received, count + more)


@given(moments, days)
def test_the_nth_working_day_is_n_working_days_away(received: datetime, count: int) -> None:
    first, due = due_after(received, 0).date(), due_after(received, count).date()
    between = [first + timedelta(days=number) for number in range(1, (due - first).days + 1)]
    assert sum(map(is_working_day, between)) == count


@given(st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_the_next_working_day_is_the_first_one(day: date) -> None:
    following = next_working_day(day)
    skipped = [day + timedelta(days=number) for number in range(1, (following - day).days)]
    assert is_working_day(following)
    assert not any(map(is_working_day, skipped))
