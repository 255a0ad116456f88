"""Slots: in opening hours of working days, at least a working day after acceptance."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.working_days import is_working_day, next_working_day
from services.notifications.domain.desk import UNIT, Desk, one_working_day_after, rounded

DESK = Desk(seats=2, days=3)
MOMENTS = st.integers(0, 420 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=VIETNAM) + timedelta(minutes=minutes)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("accepted", "first"),
    [
        ("2026-06-09T10:00", "2026-06-10T10:00"),
        ("2026-06-09T14:59", "2026-06-10T14:59"),
        ("2026-06-09T15:00", "2026-06-11T00:00"),
        ("2026-06-12T09:00", "2026-06-15T09:00"),  # Friday: Monday
        ("2026-06-13T09:00", "2026-06-16T00:00"),  # Saturday counts as Monday morning
        ("2026-08-21T09:00", "2026-08-22T09:00"),  # this Saturday is worked instead of 31 August
        ("2026-08-28T09:00", "2026-09-03T09:00"),  # 31 August to 2 September are off
        ("2025-12-31T09:00", "2026-01-05T09:00"),  # 1 January is a holiday and 2 January was swapped
        ("2026-01-09T09:00", "2026-01-10T09:00"),  # for this Saturday
        ("2026-02-13T16:00", "2026-02-24T00:00"),  # Tết
    ],
)
def test_the_first_slot_is_a_working_day_after_acceptance(accepted: str, first: str) -> None:
    assert one_working_day_after(at(accepted)) == at(first)


@given(MOMENTS)
def test_between_acceptance_and_the_first_slot_lies_a_working_day(accepted: datetime) -> None:
    first = one_working_day_after(accepted)
    assert is_working_day(first.date())
    assert first.date() >= next_working_day(accepted.date())
    assert first - accepted >= timedelta(days=1) or first.time() == time(0)


@given(MOMENTS, st.integers(5, 240))
def test_every_slot_fits_into_the_opening_hours_of_a_working_day(moment: datetime, minutes: int) -> None:
    length = rounded(minutes)
    starts = list(DESK.starts(moment, length))
    assert starts == sorted(set(starts))
    for start in starts:
        assert start >= moment
        assert is_working_day(start.date())
        assert any(
            datetime.combine(start.date(), opens, VIETNAM) <= start
            and start + length <= datetime.combine(start.date(), closes, VIETNAM)
            for opens, closes in DESK.hours
        )


def test_a_day_of_quarters() -> None:
    thursday = list(Desk(seats=1, days=1).starts(at("2026-06-11T00:00"), UNIT))
    assert len(thursday) == 16 + 14
    assert thursday[0] == at("2026-06-11T07:30")
    assert thursday[15:17] == [at("2026-06-11T11:15"), at("2026-06-11T13:30")]
    assert thursday[-1] == at("2026-06-11T16:45")


def test_a_weekend_is_stepped_over() -> None:
    first = next(iter(DESK.starts(at("2026-06-12T17:00"), UNIT)))
    assert first == at("2026-06-15T07:30")
    saturday = {start.date() for start in islice(DESK.starts(at("2026-06-13T08:00"), UNIT), 200)}
    assert saturday == {date(2026, 6, 15), date(2026, 6, 16), date(2026, 6, 17)}


@pytest.mark.parametrize(("minutes", "whole"), [(5, 15), (15, 15), (16, 30), (20, 30), (480, 480)])
def test_lengths_are_rounded_up_to_quarters(minutes: int, whole: int) -> None:
    assert rounded(minutes) == timedelta(minutes=whole)
