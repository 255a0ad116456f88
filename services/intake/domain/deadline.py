"""The clock of a dossier: what was promised, what held it, and when it is due by the calendar of its agency.

A limit of n working days ends at closing time of the n-th working day after the day it counts from (NĐ 61/2018 art. 18);
nought is the same day. A limit of working hours ends when so much working time has gone by. The clock stands still
while it is held (art. 19.4): that working time is added, and what ends at closing time still does.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chassis.clock import VIETNAM
from chassis.errors import Refusal
from services.intake.domain.calendar import Calendar

_LONGEST_DELAY = timedelta(days=365)


class Pause(BaseModel):
    """Time in which the clock stood still; `until` is None while it does. `why` tells pauses at one time apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: AwareDatetime
    until: AwareDatetime | None = None
    why: str


class Rescheduled(BaseModel):
    """A new date that an apology promised, and when it did: pauses from then on are added to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: date
    at: AwareDatetime


class Deadline(BaseModel):
    """What was promised: so much working time from the moment of receipt, or since an apology a new date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: int = Field(ge=0, le=400)
    unit: Literal["working_days", "working_hours"] = "working_days"
    started: AwareDatetime
    pauses: tuple[Pause, ...] = ()
    rescheduled: Rescheduled | None = None


class Warnings(NamedTuple):
    """When to warn: `soon` it is due; `apology` is the last moment at which an apology may still be sent."""

    soon: datetime
    apology: datetime


def due(deadline: Deadline, calendar: Calendar) -> datetime | None:
    """When it must be done, in Vietnam's time; None while the clock is held."""
    return None if is_paused(deadline) else _due(deadline, calendar)


def is_paused(deadline: Deadline) -> bool:
    """Whether something holds the clock."""
    return any(pause.until is None for pause in deadline.pauses)


def paused(deadline: Deadline, now: datetime, why: str) -> Deadline:
    """The clock held from now on for this reason; nothing changes when it is held for it already."""
    if any(pause.until is None and pause.why == why for pause in deadline.pauses):
        return deadline
    return deadline.model_copy(update={"pauses": (*deadline.pauses, Pause(since=now, why=why))})


def resumed(deadline: Deadline, now: datetime, why: str | None = None) -> Deadline:
    """This reason, or each when none is named, holds the clock no longer."""
    pauses = tuple(
        pause.model_copy(update={"until": max(now, pause.since)})
        if pause.until is None and why in (None, pause.why)
        else pause
        for pause in deadline.pauses
    )
    return deadline.model_copy(update={"pauses": pauses})


def rescheduled(deadline: Deadline, to: date, now: datetime, calendar: Calendar) -> Deadline:
    """With the new date of an apology: due at closing time of that day.

    Raises Refusal: there is one apology, sent at least a day before the limit ends (NĐ 61/2018 art. 19.9), for a later
    working day, and not while the clock is held.
    """
    last = warnings(deadline, calendar)
    expires = due(deadline, calendar)
    if last is None or expires is None:
        raise Refusal(
            "clock_held",
            "Hồ sơ đang tạm dừng tính thời hạn nên chưa thể hẹn lại.",
            "The clock of this dossier is held: it cannot be put off now.",
        )
    if deadline.rescheduled is not None:
        raise Refusal(
            "rescheduled_before",
            "Hồ sơ đã được xin lỗi và hẹn lại một lần; không được hẹn lại lần nữa.",
            "An apology has put this dossier off once; it cannot be put off again.",
        )
    if now > last.apology:
        raise Refusal(
            "apology_too_late",
            "Phiếu xin lỗi phải được gửi chậm nhất một ngày trước khi hết hạn. Hãy giải quyết hồ sơ và nêu lý do quá hạn.",
            "An apology must be sent at least a day before the limit ends. Decide the dossier and say why it is late.",
        )
    first = calendar.next_working_day(expires.date())
    if not first <= to <= first + _LONGEST_DELAY or not calendar.is_working_day(to):
        raise Refusal(
            "not_a_new_date",
            f"Ngày hẹn lại phải là ngày làm việc từ {first:%d/%m/%Y}, trong vòng một năm.",
            f"The new date must be a working day from {first:%d/%m/%Y} on, within a year.",
            422,
        )
    return deadline.model_copy(update={"rescheduled": Rescheduled(to=to, at=now)})


def remaining(deadline: Deadline, now: datetime, calendar: Calendar) -> timedelta:
    """The working time that is left; what was left when the clock stopped while it is held; negative when late."""
    moment, expires = _running_out(deadline, now, calendar)
    return calendar.between(moment, expires)


def late(deadline: Deadline, now: datetime, calendar: Calendar) -> bool:
    """Whether the limit has ended: before now, or before the clock was stopped."""
    moment, expires = _running_out(deadline, now, calendar)
    return moment > expires


def warnings(deadline: Deadline, calendar: Calendar) -> Warnings | None:
    """When to warn of the limit; None while the clock is held.

    An apology may be sent until closing time of the last working day before the one on which the limit ends; where the
    time is too short for that, until the limit ends. Soon is the morning of that working day, so that there is a day to
    decide or to apologise; when less than half of the time has gone by then, it is at half of the time.
    """
    expires = due(deadline, calendar)
    if expires is None:
        return None
    start = _counts_from(deadline, calendar)
    whole = calendar.between(start, expires) - _held(deadline, calendar)
    yesterday = calendar.previous_working_day(expires.date())
    closed = calendar.closing(yesterday)
    halfway = min(expires, calendar.back(expires, whole / 2))
    return Warnings(max(calendar.opening(yesterday), halfway), closed if closed >= start else expires)


def _due(deadline: Deadline, calendar: Calendar) -> datetime:
    """When it is due by the pauses that have ended."""
    held = _held(deadline, calendar)
    if deadline.rescheduled is not None:
        day = calendar.working_day_from(deadline.rescheduled.to)  # which may have become a day off since
    else:
        start = calendar.counts_from(deadline.started)
        if deadline.unit == "working_hours":
            return calendar.advance(start, timedelta(hours=deadline.amount) + held)
        day = calendar.next_working_day(start.date(), deadline.amount) if deadline.amount else start.date()
    ends = calendar.closing(day)
    return calendar.closing(calendar.advance(ends, held).date()) if held else ends


def _counts_from(deadline: Deadline, calendar: Calendar) -> datetime:
    new = deadline.rescheduled
    return calendar.counts_from(deadline.started) if new is None else new.at.astimezone(VIETNAM)


def _held(deadline: Deadline, calendar: Calendar) -> timedelta:
    """The working time in which ended pauses held the clock, counted once where they overlap."""
    held = timedelta(0)
    if not deadline.pauses:
        return held
    reached = _counts_from(deadline, calendar)
    for since, until in sorted((pause.since, pause.until) for pause in deadline.pauses if pause.until is not None):
        if until > reached:
            held += calendar.between(max(since, reached), until)
            reached = until
    return held


def _running_out(deadline: Deadline, now: datetime, calendar: Calendar) -> tuple[datetime, datetime]:
    """The moment at which the clock stands, and when it would have been due had nothing held it since."""
    if not is_paused(deadline):
        return now, _due(deadline, calendar)
    stopped = min(pause.since for pause in deadline.pauses if pause.until is None)
    for pause in sorted(deadline.pauses, key=lambda pause: pause.since, reverse=True):
        if pause.until is not None and pause.since < stopped <= pause.until:
            stopped = pause.since
    before = tuple(pause for pause in deadline.pauses if pause.until is not None and pause.since < stopped)
    return stopped, _due(deadline.model_copy(update={"pauses": before}), calendar)
