"""An appointment as a calendar file (RFC 5545)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Alarm, Calendar, Event, vCalAddress
from pydantic import BaseModel

from chassis.clock import VIETNAM


class Meeting(BaseModel):
    """What the citizen's calendar is to show; `told_at` is when the appointment was made."""

    appointment_id: UUID
    dossier_code: str
    purpose: str
    place: str
    address: str
    starts_at: datetime
    ends_at: datetime
    told_at: datetime


def calendar_file(meeting: Meeting, organizer: str, organizer_name: str) -> bytes:
    """One event in Vietnam's time, with an alarm a day before; the same meeting always gives the same bytes."""
    event = Event()
    event.add("uid", f"{meeting.appointment_id}@motcua")
    event.add("sequence", 0)
    event.add("dtstamp", meeting.told_at)
    event.add("dtstart", meeting.starts_at.astimezone(VIETNAM))
    event.add("dtend", meeting.ends_at.astimezone(VIETNAM))
    event.add("summary", meeting.purpose)
    event.add("location", f"{meeting.place}, {meeting.address}")
    event.add("description", f"Hồ sơ {meeting.dossier_code}")
    address = vCalAddress(f"mailto:{organizer}")
    address.params["CN"] = organizer_name
    event["organizer"] = address
    event.add_component(_alarm(meeting.purpose))
    calendar = Calendar()
    calendar.add("prodid", "-//motcua//notifications//VI")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _alarm(text: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", text)
    alarm.add("trigger", timedelta(days=-1))
    return alarm
