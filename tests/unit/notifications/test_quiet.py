"""Quiet hours: from 22:00 until before 07:00 in Vietnam, wherever the clock stands."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from services.notifications.domain.quiet import Quiet

NIGHT = Quiet(time(22), time(7))
SECONDS = st.integers(0, 365 * 24 * 60 * 60)
MOMENTS = SECONDS.map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
TIMES = st.times().map(lambda each: each.replace(microsecond=0))


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-06-09T21:59:59", None),
        ("2026-06-09T22:00:00", "2026-06-10T07:00:00"),
        ("2026-06-09T23:59:59", "2026-06-10T07:00:00"),
        ("2026-06-10T00:00:00", "2026-06-10T07:00:00"),
        ("2026-06-10T06:59:59.999", "2026-06-10T07:00:00"),
        ("2026-06-10T07:00:00", None),
        ("2026-06-10T12:00:00", None),
    ],
)
def test_the_night_begins_at_ten_and_ends_at_seven(at: str, until: str | None) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=VIETNAM)
    expected = datetime.fromisoformat(until).replace(tzinfo=VIETNAM) if until else None
    assert NIGHT.until(moment) == expected
    assert NIGHT.until(moment.astimezone(UTC)) == expected


@given(TIMES, TIMES, MOMENTS)
def test_when_the_quiet_ends_it_is_not_quiet_and_that_is_within_a_day(
    begins: time, ends: time, moment: datetime
) -> None:
    quiet = Quiet(begins, ends)
    until = quiet.until(moment)
    if until is not None:
        assert timedelta() < until - moment <= timedelta(days=1)
        assert quiet.until(until) is None
        assert until.astimezone(VIETNAM).time() == ends


@given(TIMES, MOMENTS)
def test_equal_times_mean_no_quiet_at_all(at: time, moment: datetime) -> None:
    assert Quiet(at, at).until(moment) is None


@given(st.times(), MOMENTS)
def test_a_time_that_is_quiet_in_one_half_of_the_day_is_not_in_the_other(at: time, moment: datetime) -> None:
    other = time((at.hour + 5) % 24, at.minute)
    one, rest = Quiet(time(at.hour, at.minute), other), Quiet(other, time(at.hour, at.minute))
    assert (one.until(moment) is None) != (rest.until(moment) is None)
