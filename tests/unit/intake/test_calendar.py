"""Working time of an agency: which days, which hours, and counting it between moments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis.clock import VIETNAM
from chassis.working_days import is_working_day
from services.intake.domain import calendars
from services.intake.domain.calendar import Calendar, WorkingTime

YEARS = range(2024, 2029)
PLANS = calendars.load()
OFFICE = Calendar.build(PLANS["default"], YEARS)
SATURDAYS = Calendar.build(PLANS["saturday-mornings"], YEARS)
FIRST = datetime(2025, 1, 1, tzinfo=VIETNAM)

moments = st.integers(0, 2 * 365 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
lengths = st.integers(0, 60 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
of_any = st.sampled_from([OFFICE, SATURDAYS])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def works(calendar: Calendar, moment: datetime) -> bool:
    """Whether it is working time, opening and closing times included; by the hours, without sums."""
    local = moment.astimezone(VIETNAM)
    midnight = datetime.combine(local.date(), time(), VIETNAM)
    clock = (local - midnight) // timedelta(microseconds=1)
    hours = calendar.days[local.date().toordinal() - calendar.first]
    return any(opens <= clock <= closes for opens, closes in hours)


def test_an_office_works_on_the_days_that_the_state_says() -> None:
    day = date(YEARS[0], 1, 1)
    while day.year in YEARS:
        assert OFFICE.is_working_day(day) is is_working_day(day)
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-06-12", 7.5),
        ("2026-06-13", 4),  # a Saturday morning
        ("2026-06-14", 0),
        ("2026-01-10", 7.5),  # a Saturday worked whole in place of Friday 2 January
        ("2026-01-02", 0),
        ("2026-08-22", 7.5),
        ("2026-08-31", 0),
        ("2028-01-29", 0),  # Tết on a Saturday
    ],
)
def test_a_commune_that_works_on_saturday_mornings(day: str, hours: float) -> None:
    midnight = at(day)
    assert SATURDAYS.between(midnight, midnight + timedelta(days=1)) == timedelta(hours=hours)


def test_an_agencys_own_days_and_what_operators_changed_since() -> None:
    own = PLANS["default"].model_copy(update={"off": (date(2026, 6, 11),), "worked": (date(2026, 6, 13),)})
    changes = {date(2026, 6, 12): False, date(2026, 6, 14): True, date(2026, 6, 13): False}
    before, after = Calendar.build(own, YEARS), Calendar.build(own, YEARS, changes)
    days = [date(2026, 6, day) for day in range(10, 16)]
    assert [before.is_working_day(day) for day in days] == [True, False, True, True, False, True]
    assert [after.is_working_day(day) for day in days] == [True, False, False, False, True, True]


@pytest.mark.parametrize(
    ("received", "counts_from"),
    [
        ("2026-06-12T06:00", "2026-06-12T06:00"),
        ("2026-06-12T12:00", "2026-06-12T12:00"),
        ("2026-06-12T14:59:59.999999", "2026-06-12T14:59:59.999999"),
        ("2026-06-12T15:00", "2026-06-15T07:30"),  # Friday afternoon
        ("2026-06-14T09:00", "2026-06-15T07:30"),
        ("2025-12-31T15:00", "2026-01-05T07:30"),
        ("2026-01-10T14:59", "2026-01-10T14:59"),
    ],
)
def test_what_comes_after_the_cut_off_counts_from_the_next_working_morning(received: str, counts_from: str) -> None:
    assert OFFICE.counts_from(at(received)) == at(counts_from)


def test_what_comes_after_a_short_days_end_counts_from_the_next_working_morning() -> None:
    assert SATURDAYS.counts_from(at("2026-06-13T11:29")) == at("2026-06-13T11:29")
    assert SATURDAYS.counts_from(at("2026-06-13T11:30")) == at("2026-06-15T07:30")
    assert SATURDAYS.counts_from(at("2026-06-12T16:00")) == at("2026-06-13T07:30")


@pytest.mark.parametrize(
    ("moment", "minutes", "reached"),
    [
        ("2026-06-12T09:00", 0, "2026-06-12T09:00"),
        ("2026-06-12T12:00", 0, "2026-06-12T13:30"),
        ("2026-06-12T17:00", 0, "2026-06-12T17:00"),
        ("2026-06-12T17:01", 0, "2026-06-15T07:30"),
        ("2026-06-12T09:00", 150, "2026-06-12T11:30"),
        ("2026-06-12T09:00", 151, "2026-06-12T13:31"),
        ("2026-06-12T09:00", 360, "2026-06-12T17:00"),
        ("2026-06-12T09:00", 361, "2026-06-15T07:31"),
    ],
)
def test_advancing_by_working_time(moment: str, minutes: int, reached: str) -> None:
    assert OFFICE.advance(at(moment), timedelta(minutes=minutes)) == at(reached)


@given(of_any, moments, lengths)
def test_advancing_ends_in_working_time_after_just_so_much_of_it(
    calendar: Calendar, moment: datetime, length: timedelta
) -> None:
    reached = calendar.advance(moment, length)
    assert reached >= moment
    assert works(calendar, reached)
    assert calendar.between(moment, reached) == length


@given(of_any, moments, lengths)
def test_going_back_undoes_advancing(calendar: Calendar, moment: datetime, length: timedelta) -> None:
    start = calendar.back(calendar.advance(moment, length), length + timedelta(seconds=1))
    assert works(calendar, start)
    assert calendar.between(start, moment) == timedelta(seconds=1)


@given(of_any, moments, moments, moments)
def test_working_time_adds_up(calendar: Calendar, first: datetime, second: datetime, third: datetime) -> None:
    assert calendar.between(first, third) == calendar.between(first, second) + calendar.between(second, third)


@given(of_any, moments, st.integers(0, 3 * 86_400))
def test_working_time_is_what_a_count_second_by_second_in_steps_says(
    calendar: Calendar, moment: datetime, seconds: int
) -> None:
    start = moment.replace(second=0)
    minutes = range(seconds // 60)
    counted = sum(works(calendar, start + timedelta(minutes=minute, seconds=30)) for minute in minutes)
    assert calendar.between(start, start + timedelta(minutes=len(minutes))) == timedelta(minutes=counted)


@given(of_any, st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.integers(1, 60))
def test_the_nth_working_day_has_n_working_days_up_to_it(calendar: Calendar, day: date, count: int) -> None:
    reached = calendar.next_working_day(day, count)
    between = [day + timedelta(days=number) for number in range(1, (reached - day).days + 1)]
    assert sum(map(calendar.is_working_day, between)) == count
    assert calendar.is_working_day(reached)
    assert calendar.previous_working_day(reached + timedelta(days=1)) == reached
    assert calendar.working_day_from(reached) == reached


@pytest.mark.parametrize("day", [date(2023, 12, 31), date(2029, 1, 1)])
def test_a_calendar_says_that_it_does_not_reach_so_far(day: date) -> None:
    for ask in (OFFICE.is_working_day, OFFICE.next_working_day, OFFICE.previous_working_day):
        with pytest.raises(LookupError):
            ask(day)
    with pytest.raises(LookupError):
        OFFICE.advance(at("2028-12-01"), timedelta(days=365))
    with pytest.raises(LookupError):
        OFFICE.next_working_day(date(2028, 12, 1), 365)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": []},
        {"hours": ["07:30"]},
        {"hours": ["11:30-07:30"]},
        {"hours": ["07:30-11:30", "11:00-17:00"]},
        {"hours": ["07:30-11:30"], "weekdays": {"caturday": []}},
        {"hours": ["07:30-11:30"], "off": ["2026-06-11"], "worked": ["2026-06-11"]},
        {"hours": ["07:30-11:30"], "lunch": "long"},
    ],
)
def test_wrong_hours_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WorkingTime.model_validate({"name": "x", **wrong})


def test_working_hours_are_written_as_they_are_read() -> None:
    for plan in PLANS.values():
        assert WorkingTime.model_validate_json(plan.model_dump_json()) == plan


def test_the_calendars_of_all_agencies_reach_years_back_and_ahead() -> None:
    built = calendars.build(PLANS, date(2026, 6, 9), {"default": {date(2026, 6, 9): False}})
    assert built.keys() == PLANS.keys()
    assert not built["default"].is_working_day(date(2026, 6, 9))
    assert built["saturday-mornings"].is_working_day(date(2026, 6, 9))
    for calendar in built.values():
        calendar.is_working_day(date(2016, 1, 1))
        calendar.is_working_day(date(2031, 12, 31))
