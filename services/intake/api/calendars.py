"""Calendars of agencies: for anybody to read, for operators to change; promised dates follow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, CodeOf, WorkOf, allowed
from chassis.identifiers import new_id
from services.intake import store
from services.intake.domain.calendar_changes import SetDay
from services.intake.open_calendars import OpenCalendars


class Day(BaseModel):
    """A day made a working day (true), a day off (false), or what the data file says again (null)."""

    model_config = ConfigDict(extra="forbid")

    worked: bool | None


class WorkingDays(BaseModel):
    """The working days of an agency in a period; days that operators changed stand in `changes`."""

    agency: str
    calendar: str
    days: list[date]
    changes: dict[date, bool] = Field(default_factory=dict)


def routes_of(calendars: OpenCalendars) -> APIRouter:
    """Working days."""
    routes = APIRouter(tags=["calendars"])

    @routes.get("/agencies/{agency}/working-days", response_model=WorkingDays)
    async def working_days(
        agency: CodeOf,
        work: WorkOf,
        since: Annotated[date, Query(alias="from")],
        days: Annotated[int, Query(ge=1, le=366)] = 31,
    ) -> WorkingDays:
        """When an agency works. Raises Refusal 422 for days outside of the years that the calendar has."""
        if agency not in calendars.keys:
            raise NotFound(f"Không có cơ quan {agency}.", f"There is no agency {agency}.")
        calendar, key = calendars.of(agency), calendars.keys[agency]
        changes = (await store.calendars.changes(work.pool)).get(key, {})
        first, last = calendar.known
        if since < first or (last - since).days < days - 1:
            raise Refusal(
                "outside_calendar",
                f"Lịch làm việc chỉ có từ năm {first.year} đến năm {last.year}; hãy chọn ngày trong khoảng này.",
                f"The calendar has the years {first.year} to {last.year} only; choose days among them.",
                422,
            )
        every = [since + timedelta(number) for number in range(days)]
        return WorkingDays(
            agency=agency, calendar=key, days=[day for day in every if calendar.is_working_day(day)], changes=changes
        )

    @routes.put("/calendars/{key}/days/{day}", status_code=202)
    async def set_day(key: CodeOf, day: date, body: Day, caller: CallerOf, work: WorkOf) -> dict[str, str]:
        """Change a day. All promised dates that hang on it are counted anew within seconds."""
        allowed(caller, "operator")
        if key not in calendars.keys.values():
            raise NotFound(f"Không có lịch {key}.", f"There is no calendar {key}.")
        message = SetDay(key=key, day=day, worked=body.worked, change_id=new_id())
        await store.audit.looked(
            work.pool, caller, "calendar changed", None, {"key": key, "day": day, "worked": body.worked}
        )
        await work.send(store.calendars.aggregate, key, message)
        return {"status": "counting"}

    return routes
