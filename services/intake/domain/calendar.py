"""When an agency works: its hours, its days off, and working time counted between moments.

The days that the state gives off or swaps are the chassis' (`working_days.decided`); the hours and an agency's own days
are data (`catalogue/calendars.yaml`), and what operators changed since comes as a mapping.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate, pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from chassis.clock import VIETNAM
from chassis.working_days import CUT_OFF, decided

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SECOND = 1_000_000  # working time is counted in microseconds: whole numbers, as exact as datetime is


def _span(typed: Any) -> Any:
    return tuple(typed.split("-")) if isinstance(typed, str) else typed


Span = Annotated[
    tuple[time, time],
    BeforeValidator(_span),
    PlainSerializer(lambda span: f"{span[0]:%H:%M}-{span[1]:%H:%M}", return_type=str),
]
"""From when to when, written as 07:30-11:30."""
Hours = tuple[Span, ...]


class WorkingTime(BaseModel):
    """The hours of an agency. `hours` are those of Monday to Friday and of each day that is worked in place of another;
    `weekdays` names what differs by weekday, `off` and `worked` the agency's own days.

    What comes at `cut_off` or later counts from the next working morning (NĐ 61/2018 art. 18).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hours: Hours = Field(min_length=1)
    weekdays: dict[Weekday, Hours] = Field(default_factory=dict)
    cut_off: time = CUT_OFF
    off: tuple[date, ...] = ()
    worked: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for hours in (self.hours, *self.weekdays.values()):
            ends = [end for span in hours for end in span]
            if any(earlier >= later for earlier, later in pairwise(ends)):
                raise ValueError(f"{self.name}: hours must follow one another and not overlap")
        if both := set(self.off) & set(self.worked):
            raise ValueError(f"{self.name}: both off and worked: {', '.join(map(str, sorted(both)))}")
        return self

    def on(self, day: date, changes: Mapping[date, bool]) -> Hours:
        """The hours of this day; none on a day off. `changes` (True is worked) go before what else is said of it."""
        own = changes.get(day)
        if own is None:
            own = True if day in self.worked else False if day in self.off else decided(day)
        if own is None:
            return self.weekdays.get(WEEKDAYS[day.weekday()], self.hours if day.weekday() < 5 else ())
        return self.hours if own else ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """An agency's working time over some years, added up once; each question is a look-up or a binary search.

    A day or moment outside of these years raises LookupError.
    """

    first: int
    days: tuple[tuple[tuple[int, int], ...], ...] = field(repr=False)
    worked: tuple[int, ...] = field(repr=False)
    working_days: tuple[int, ...] = field(repr=False)
    cut_off: int

    @classmethod
    def build(cls, plan: WorkingTime, years: range, changes: Mapping[date, bool] | None = None) -> Calendar:
        """The calendar of these years; `changes` are days worked (True) or off that operators entered."""
        first, end = date(years[0], 1, 1).toordinal(), date(years[-1] + 1, 1, 1).toordinal()
        spans: dict[Hours, tuple[tuple[int, int], ...]] = {}  # one tuple for all days that are alike
        days = []
        for ordinal in range(first, end):
            hours = plan.on(date.fromordinal(ordinal), changes or {})
            if hours not in spans:
                spans[hours] = tuple((_microseconds(opens), _microseconds(closes)) for opens, closes in hours)
            days.append(spans[hours])
        lengths = (sum(closes - opens for opens, closes in day) for day in days)
        working = tuple(number for number, day in enumerate(days) if day)
        return cls(first, tuple(days), tuple(accumulate(lengths, initial=0)), working, _microseconds(plan.cut_off))

    @property
    def known(self) -> tuple[date, date]:
        """The first and the last day that it has."""
        return date.fromordinal(self.first), date.fromordinal(self.first + len(self.days) - 1)

    def is_working_day(self, day: date) -> bool:
        """Whether the agency works on this day, if only for an hour."""
        return bool(self.days[self._number(day)])

    def next_working_day(self, day: date, count: int = 1) -> date:
        """The `count`-th working day after `day`."""
        place = bisect_right(self.working_days, self._number(day)) + count - 1
        if place >= len(self.working_days):
            raise LookupError(f"the calendar ends before {count} working days after {day}")
        return date.fromordinal(self.first + self.working_days[place])

    def working_day_from(self, day: date) -> date:
        """This day, or the next working day when it is a day off."""
        return day if self.is_working_day(day) else self.next_working_day(day)

    def previous_working_day(self, day: date) -> date:
        """The last working day before `day`."""
        place = bisect_left(self.working_days, self._number(day)) - 1
        if place < 0:
            raise LookupError(f"the calendar begins with {day}")
        return date.fromordinal(self.first + self.working_days[place])

    def opening(self, day: date) -> datetime:
        """When a working day begins."""
        return self._moment(self._number(day), self.days[self._number(day)][0][0])

    def closing(self, day: date) -> datetime:
        """When a working day ends."""
        return self._moment(self._number(day), self.days[self._number(day)][-1][1])

    def counts_from(self, received: datetime) -> datetime:
        """From when it counts: the moment itself, or the next working morning when it came too late for its day."""
        local = received.astimezone(VIETNAM)
        hours = self.days[self._number(local.date())]
        if hours and _microseconds(local.time()) < min(self.cut_off, hours[-1][1]):
            return local
        return self.opening(self.next_working_day(local.date()))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from one moment to the other; negative when `end` is the earlier one."""
        return timedelta(microseconds=self._until(end) - self._until(start))

    def advance(self, moment: datetime, working: timedelta) -> datetime:
        """The first moment, not before this one and in working time, by which so much of it (≥ 0) has gone by."""
        target = self._until(moment) + working // timedelta(microseconds=1)
        reached = self._first(target)
        return reached if reached >= moment else self._last(target)

    def back(self, moment: datetime, working: timedelta) -> datetime:
        """The last moment, in working time, from which on so much of it (> 0) goes by until this one."""
        return self._last(self._until(moment) - working // timedelta(microseconds=1))

    def _until(self, moment: datetime) -> int:
        local = moment.astimezone(VIETNAM)
        number, clock = self._number(local.date()), _microseconds(local.time())
        return self.worked[number] + sum(
            min(clock, closes) - opens for opens, closes in self.days[number] if opens < clock
        )

    def _first(self, target: int) -> datetime:
        """The first moment by which there was so much working time since the first day: when hours end."""
        number = bisect_left(self.worked, target) - 1
        left = target - self.worked[self._known(number)]
        for opens, closes in self.days[number]:
            if left <= closes - opens:
                break
            left -= closes - opens
        return self._moment(number, opens + left)

    def _last(self, target: int) -> datetime:
        """The last such moment: when hours begin."""
        number = bisect_right(self.worked, target) - 1
        left = target - self.worked[self._known(number)]
        for opens, closes in self.days[number]:
            if left < closes - opens:
                break
            left -= closes - opens
        return self._moment(number, opens + left)

    def _number(self, day: date) -> int:
        return self._known(day.toordinal() - self.first)

    def _known(self, number: int) -> int:
        if not 0 <= number < len(self.days):
            raise LookupError("the calendar does not reach so far")
        return number

    def _moment(self, number: int, microseconds: int) -> datetime:
        midnight = datetime.combine(date.fromordinal(self.first + number), time(), VIETNAM)
        return midnight + timedelta(microseconds=microseconds)


def _microseconds(clock: time) -> int:
    return (clock.hour * 3600 + clock.minute * 60 + clock.second) * _SECOND + clock.microsecond
