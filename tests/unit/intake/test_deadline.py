"""The clock of a dossier: when it is due, what holds it, when to warn, and one apology."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.errors import Refusal
from services.intake.domain import calendars, deadline
from services.intake.domain.calendar import Calendar
from services.intake.domain.deadline import Deadline, Pause, Warnings

PLANS = calendars.load()
OFFICE = Calendar.build(PLANS["default"], range(2024, 2031))
SATURDAYS = Calendar.build(PLANS["saturday-mornings"], range(2024, 2031))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def days(amount: int, started: str, *pauses: tuple[str, str | None]) -> Deadline:
    held = tuple(Pause(since=at(since), until=at(until) if until else None, why="x") for since, until in pauses)
    return Deadline(amount=amount, started=at(started), pauses=held)


def hours(amount: int, started: str, *pauses: tuple[str, str | None]) -> Deadline:
    return days(amount, started, *pauses).model_copy(update={"unit": "working_hours"})


@pytest.mark.parametrize(
    ("promised", "due"),
    [
        (days(0, "2026-06-08T09:00"), "2026-06-08T17:00"),
        (days(5, "2026-06-08T09:00"), "2026-06-15T17:00"),
        (days(5, "2026-06-08T14:59:59"), "2026-06-15T17:00"),
        (days(5, "2026-06-08T15:00"), "2026-06-16T17:00"),
        (days(5, "2026-06-08T23:59"), "2026-06-16T17:00"),
        (days(0, "2026-06-12T15:00"), "2026-06-15T17:00"),  # Friday afternoon
        (days(1, "2026-06-14T09:00"), "2026-06-16T17:00"),  # on a Sunday
        (days(1, "2025-12-31T09:00"), "2026-01-05T17:00"),  # over 1 and 2 January
        (days(1, "2026-01-09T09:00"), "2026-01-10T17:00"),  # onto the Saturday worked for 2 January
        (days(1, "2026-08-21T09:00"), "2026-08-22T17:00"),  # onto the Saturday worked for 31 August
        (days(1, "2026-08-28T09:00"), "2026-09-03T17:00"),
        (days(1, "2026-02-13T09:00"), "2026-02-23T17:00"),  # over Tết
        (hours(8, "2026-06-08T07:30"), "2026-06-09T08:00"),
        (hours(8, "2026-06-08T14:59:59"), "2026-06-09T15:29:59"),
        (hours(8, "2026-06-08T15:00"), "2026-06-10T08:00"),
        (hours(8, "2026-06-12T10:15"), "2026-06-15T10:45"),
        (hours(8, "2026-02-13T10:15"), "2026-02-23T10:45"),
        (hours(0, "2026-06-14T09:00"), "2026-06-15T07:30"),
        (hours(4, "2026-06-12T13:00"), "2026-06-15T08:00"),
    ],
)
def test_due_dates(promised: Deadline, due: str) -> None:
    assert deadline.due(promised, OFFICE) == at(due)


@pytest.mark.parametrize(
    ("promised", "due"),
    [
        (days(1, "2026-06-12T09:00"), "2026-06-13T11:30"),
        (days(2, "2026-06-12T09:00"), "2026-06-15T17:00"),
        (days(0, "2026-06-13T11:30"), "2026-06-15T17:00"),
        (hours(8, "2026-06-12T13:30"), "2026-06-15T08:00"),
    ],
)
def test_due_dates_of_a_commune_that_works_on_saturday_mornings(promised: Deadline, due: str) -> None:
    assert deadline.due(promised, SATURDAYS) == at(due)


def test_moments_are_understood_in_any_time_zone() -> None:
    night = Deadline(amount=0, started=datetime(2026, 6, 7, 23, tzinfo=UTC))  # Monday morning in Vietnam
    assert deadline.due(night, OFFICE) == at("2026-06-08T17:00")


@pytest.mark.parametrize(
    ("pauses", "due"),
    [
        ([("2026-06-09T09:00", "2026-06-09T09:00")], "2026-06-15T17:00"),
        ([("2026-06-09T09:00", "2026-06-10T09:00")], "2026-06-16T17:00"),  # just a working day
        ([("2026-06-09T09:00", "2026-06-09T09:30")], "2026-06-16T17:00"),  # rounded up to closing time
        ([("2026-06-09T09:00", "2026-06-10T10:00")], "2026-06-17T17:00"),
        ([("2026-06-12T17:00", "2026-06-15T07:30")], "2026-06-15T17:00"),  # a weekend holds no clock
        ([("2026-06-09T09:00", "2026-06-10T09:00"), ("2026-06-09T14:00", "2026-06-10T08:00")], "2026-06-16T17:00"),
        ([("2026-06-09T09:00", "2026-06-09T15:00"), ("2026-06-09T14:00", "2026-06-10T09:00")], "2026-06-16T17:00"),
        ([("2026-06-07T09:00", "2026-06-08T08:00")], "2026-06-15T17:00"),  # before the clock started
    ],
)
def test_a_pause_adds_the_working_time_that_it_held_the_clock(pauses: list[tuple[str, str]], due: str) -> None:
    assert deadline.due(days(5, "2026-06-08T09:00", *pauses), OFFICE) == at(due)


def test_a_pause_adds_to_working_hours_to_the_minute() -> None:
    promised = hours(8, "2026-06-08T07:30", ("2026-06-08T11:00", "2026-06-08T14:10"))
    assert deadline.due(promised, OFFICE) == at("2026-06-09T09:10")


def test_nothing_is_due_while_something_holds_the_clock() -> None:
    running = days(5, "2026-06-08T09:00")
    asked = deadline.paused(running, at("2026-06-09T09:00"), "supplement")
    unpaid = deadline.paused(asked, at("2026-06-09T10:00"), "fees")
    assert deadline.paused(unpaid, at("2026-06-09T11:00"), "fees") == unpaid
    paid = deadline.resumed(unpaid, at("2026-06-10T09:00"), "fees")
    for held in (asked, unpaid, paid):
        assert deadline.is_paused(held)
        assert deadline.due(held, OFFICE) is None
        assert deadline.warnings(held, OFFICE) is None
    supplemented = deadline.resumed(paid, at("2026-06-11T09:00"), "supplement")
    assert supplemented == deadline.resumed(unpaid, at("2026-06-11T09:00")).model_copy(
        update={"pauses": supplemented.pauses}
    )
    assert not deadline.is_paused(supplemented)
    assert deadline.due(supplemented, OFFICE) == at("2026-06-17T17:00")


def test_what_is_left_stands_still_while_the_clock_is_held() -> None:
    running = days(5, "2026-06-08T09:00", ("2026-06-08T10:00", "2026-06-09T10:00"))
    held = deadline.paused(running, at("2026-06-10T09:00"), "supplement")
    twice = deadline.paused(held, at("2026-06-11T09:00"), "fees")
    left = deadline.remaining(running, at("2026-06-10T09:00"), OFFICE)
    assert left == OFFICE.between(at("2026-06-10T09:00"), at("2026-06-16T17:00"))
    for now in ("2026-06-11T09:00", "2026-06-12T12:00", "2026-12-24T09:00"):
        assert deadline.remaining(held, at(now), OFFICE) == left
        assert deadline.remaining(twice, at(now), OFFICE) == left
        assert deadline.remaining(deadline.resumed(twice, at(now), "supplement"), at(now), OFFICE) == left
        assert not deadline.late(twice, at(now), OFFICE)


def test_it_is_late_after_the_limit_and_stays_so_through_a_pause() -> None:
    running = days(5, "2026-06-08T09:00")
    assert not deadline.late(running, at("2026-06-15T17:00"), OFFICE)
    assert deadline.late(running, at("2026-06-15T17:00:01"), OFFICE)
    held = deadline.paused(running, at("2026-06-17T17:00"), "supplement")
    assert deadline.late(held, at("2026-07-17T17:00"), OFFICE)
    assert deadline.remaining(held, at("2026-07-17T17:00"), OFFICE) == timedelta(hours=-15)
    assert deadline.late(deadline.resumed(held, at("2026-07-17T17:00")), at("2026-07-17T17:00"), OFFICE)


@pytest.mark.parametrize(
    ("promised", "soon", "apology"),
    [
        (days(5, "2026-06-08T09:00"), "2026-06-12T07:30", "2026-06-12T17:00"),  # due on Monday the 15th
        (days(2, "2026-06-08T09:00"), "2026-06-09T14:00", "2026-06-09T17:00"),
        (days(1, "2026-06-08T09:00"), "2026-06-09T08:15", "2026-06-08T17:00"),
        (days(0, "2026-06-08T08:00"), "2026-06-08T13:30", "2026-06-08T17:00"),  # 7 hours: half of them
        (hours(8, "2026-06-08T09:00"), "2026-06-08T15:00", "2026-06-08T17:00"),
        (hours(16, "2026-06-08T09:00"), "2026-06-09T09:30", "2026-06-09T17:00"),
        (days(3, "2026-08-28T09:00"), "2026-09-04T08:15", "2026-09-04T17:00"),
    ],
)
def test_warnings_come_in_the_morning_of_the_working_day_before_or_at_half_of_a_short_time(
    promised: Deadline, soon: str, apology: str
) -> None:
    assert deadline.warnings(promised, OFFICE) == Warnings(at(soon), at(apology))


def test_one_apology_puts_the_date_off() -> None:
    promised = days(5, "2026-06-08T09:00", ("2026-06-08T10:00", "2026-06-09T10:00"))
    put_off = deadline.rescheduled(promised, date(2026, 6, 24), at("2026-06-12T09:00"), OFFICE)
    assert deadline.due(put_off, OFFICE) == at("2026-06-24T17:00")
    held = deadline.resumed(deadline.paused(put_off, at("2026-06-15T09:00"), "fees"), at("2026-06-16T09:00"))
    assert deadline.due(held, OFFICE) == at("2026-06-25T17:00")
    with pytest.raises(Refusal, match="rescheduled_before"):
        deadline.rescheduled(put_off, date(2026, 6, 30), at("2026-06-12T10:00"), OFFICE)


@pytest.mark.parametrize(
    ("to", "now", "code"),
    [
        ("2026-06-15", "2026-06-12T09:00", "not_a_new_date"),
        ("2026-06-20", "2026-06-12T09:00", "not_a_new_date"),  # a Saturday
        ("2027-06-20", "2026-06-12T09:00", "not_a_new_date"),
        ("9999-12-31", "2026-06-12T09:00", "not_a_new_date"),
        ("2026-06-24", "2026-06-12T17:00:01", "apology_too_late"),
        ("2026-06-24", "2026-06-15T09:00", "apology_too_late"),
    ],
)
def test_an_apology_comes_in_time_and_names_a_later_working_day(to: str, now: str, code: str) -> None:
    promised = days(5, "2026-06-08T09:00")  # due on Monday the 15th
    with pytest.raises(Refusal, match=code):
        deadline.rescheduled(promised, date.fromisoformat(to), at(now), OFFICE)


def test_a_held_clock_is_not_put_off() -> None:
    held = days(5, "2026-06-08T09:00", ("2026-06-09T09:00", None))
    with pytest.raises(Refusal, match="clock_held"):
        deadline.rescheduled(held, date(2026, 6, 24), at("2026-06-10T09:00"), OFFICE)


def test_a_promised_day_that_became_a_day_off_moves_to_the_next_working_day() -> None:
    promised = deadline.rescheduled(days(5, "2026-06-08T09:00"), date(2026, 6, 24), at("2026-06-12T09:00"), OFFICE)
    changed = Calendar.build(PLANS["default"], range(2024, 2031), {date(2026, 6, 24): False})
    assert deadline.due(promised, changed) == at("2026-06-25T17:00")


FIRST = datetime(2025, 1, 1, tzinfo=VIETNAM)
moments = st.integers(0, 700 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
lengths = st.integers(0, 40 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
of_any = st.sampled_from([OFFICE, SATURDAYS])


@st.composite
def pauses(draw: st.DrawFn, after: datetime, at_least: int = 0) -> tuple[Pause, ...]:
    offsets = draw(st.lists(st.tuples(lengths, lengths), min_size=at_least, max_size=5))
    return tuple(Pause(since=after + wait, until=after + wait + held, why="x") for wait, held in offsets)


@st.composite
def deadlines(draw: st.DrawFn, at_least: int = 0) -> Deadline:
    unit, started = draw(st.sampled_from(["working_days", "working_hours"])), draw(moments)
    promised = Deadline(
        amount=draw(st.integers(0, 60)), unit=unit, started=started, pauses=draw(pauses(started, at_least))
    )
    if draw(st.booleans()):
        return promised
    new = {"to": (started + draw(lengths)).date(), "at": started}
    return Deadline.model_validate({**promised.model_dump(), "rescheduled": new})


def due(promised: Deadline, calendar: Calendar) -> datetime:
    """When it is due; the clock runs."""
    moment = deadline.due(promised, calendar)
    assert moment is not None
    return moment


@given(of_any, deadlines())
def test_due_dates_fall_in_working_time_of_working_days(calendar: Calendar, promised: Deadline) -> None:
    moment = due(promised, calendar)
    assert calendar.is_working_day(moment.date())
    assert calendar.opening(moment.date()) <= moment <= calendar.closing(moment.date())
    assert moment.tzinfo is VIETNAM
    if promised.unit == "working_days" or promised.rescheduled:
        assert moment == calendar.closing(moment.date())


@given(of_any, deadlines(at_least=1))
def test_pausing_never_shortens(calendar: Calendar, promised: Deadline) -> None:
    fewer = promised.model_copy(update={"pauses": promised.pauses[:-1]})
    assert due(fewer, calendar) <= due(promised, calendar)
    last = promised.pauses[-1]
    assert last.until is not None
    longer = last.model_copy(update={"until": last.until + timedelta(hours=5)})
    assert due(promised, calendar) <= due(
        promised.model_copy(update={"pauses": (*promised.pauses[:-1], longer)}), calendar
    )


@given(of_any, deadlines(at_least=2), st.randoms(use_true_random=False))
def test_the_order_of_pauses_does_not_matter(calendar: Calendar, promised: Deadline, random: Random) -> None:
    shuffled = list(promised.pauses)
    random.shuffle(shuffled)
    assert due(promised.model_copy(update={"pauses": tuple(shuffled)}), calendar) == due(promised, calendar)


@given(of_any, deadlines(), moments)
def test_a_pause_of_no_length_and_a_pause_twice_change_nothing(
    calendar: Calendar, promised: Deadline, moment: datetime
) -> None:
    nothing = deadline.resumed(deadline.paused(promised, moment, "y"), moment)
    assert due(nothing, calendar) == due(promised, calendar)
    twice = promised.model_copy(update={"pauses": promised.pauses * 2})
    assert due(twice, calendar) == due(promised, calendar)


@given(of_any, deadlines(), lengths, st.integers(0, 20), st.data())
def test_later_started_or_more_is_never_due_earlier(
    calendar: Calendar, promised: Deadline, later: timedelta, more: int, data: st.DataObject
) -> None:
    held = data.draw(pauses(promised.started + later))
    first = Deadline(amount=promised.amount, unit=promised.unit, started=promised.started, pauses=held)
    assert due(first, calendar) <= due(first.model_copy(update={"started": promised.started + later}), calendar)
    assert due(first, calendar) <= due(first.model_copy(update={"amount": promised.amount + more}), calendar)


@given(of_any, deadlines(), lengths, lengths)
def test_what_is_left_does_not_change_while_held_and_is_never_less_after(
    calendar: Calendar, promised: Deadline, wait: timedelta, held: timedelta
) -> None:
    promised = Deadline(amount=promised.amount, unit=promised.unit, started=promised.started)
    stopped = promised.started + wait
    paused = deadline.paused(promised, stopped, "supplement")
    left = deadline.remaining(promised, stopped, calendar)
    assert deadline.remaining(paused, stopped + held, calendar) == left
    after = deadline.remaining(deadline.resumed(paused, stopped + held), stopped + held, calendar)
    if stopped >= calendar.counts_from(promised.started):
        assert after >= left
    if promised.unit == "working_hours" and stopped >= calendar.counts_from(promised.started):
        assert after == left


@given(of_any, deadlines())
def test_warnings_come_between_the_start_and_the_end(calendar: Calendar, promised: Deadline) -> None:
    start = promised.started if promised.rescheduled else calendar.counts_from(promised.started)
    expires = due(promised, calendar)
    warned = deadline.warnings(promised, calendar)
    assert warned is not None
    if expires >= start:  # a made-up new date may lie before its apology
        assert start <= warned.soon <= expires
        assert start <= warned.apology <= expires
        assert warned.apology.date() < expires.date() or warned.apology == expires


@given(deadlines())
def test_a_deadline_is_kept_as_it_is(promised: Deadline) -> None:
    assert Deadline.model_validate_json(promised.model_dump_json()) == promised
