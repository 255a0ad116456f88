"""An appointment's life, and the calendar file and contact beside it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from chassis.clock import VIETNAM
from chassis.decider import Decision
from chassis.envelope import Event, Tombstone
from chassis.errors import NotFound, Refusal
from chassis.identifiers import new_id
from contracts import appointments, contacts, dossiers
from services.notifications.domain import appointment, contact
from services.notifications.domain.appointment import TRANSITIONS, Attend, FindSlot, Miss, SlotFound
from services.notifications.domain.calendar_file import Meeting, calendar_file
from tests.records import CODE, NOON, event, example

ACCEPTED = event(example(dossiers.Accepted))
REFUSED = event(example(dossiers.Refused), 2)
STOPPED = event(example(dossiers.Stopped), 3)
FOUND = SlotFound(starts_at=NOON + timedelta(days=2), ends_at=NOON + timedelta(days=2, minutes=15))
LATER = NOON + timedelta(days=3)

DECIDERS: dict[type, Any] = {
    dossiers.Accepted: appointment.ask,
    dossiers.Refused: appointment.cancel,
    dossiers.Stopped: appointment.cancel,
    SlotFound: appointment.book,
    Attend: appointment.attend,
    Miss: appointment.miss,
}


def kind(message: Any) -> type:
    return type(message.data) if isinstance(message, Event) else type(message)


def after(*messages: Any, now: datetime = LATER) -> Any:
    state = None
    for message in messages:
        decision = DECIDERS[kind(message)](state, message, now)
        state = decision.state if decision else state
    return state


def test_acceptance_looks_for_a_slot_a_working_day_later() -> None:
    decision = appointment.ask(None, ACCEPTED, NOON)
    assert decision is not None
    (call,) = decision.calls
    assert isinstance(call.request, FindSlot)
    assert call.id == call.request.appointment_id == decision.state.appointment_id
    assert call.request.not_before == NOON + timedelta(days=1)
    assert decision == appointment.ask(None, ACCEPTED, NOON)


def test_a_late_acceptance_is_booked_from_when_it_is_heard_of() -> None:
    decision = appointment.ask(None, ACCEPTED, NOON + timedelta(days=7))
    assert decision is not None
    assert isinstance(decision.calls[0].request, FindSlot)
    assert decision.calls[0].request.not_before == NOON + timedelta(days=8)


def test_the_slot_is_told_once() -> None:
    searching = after(ACCEPTED)
    decision = appointment.book(searching, FOUND, NOON)
    assert decision is not None
    (booked,) = decision.events
    assert isinstance(booked, appointments.Booked)
    assert (booked.starts_at, booked.ends_at) == (FOUND.starts_at, FOUND.ends_at)
    assert appointment.book(decision.state, FOUND, NOON) is None


def test_a_refusal_before_the_slot_is_found_cancels_without_a_word_and_keeps_it_cancelled() -> None:
    decision = appointment.cancel(after(ACCEPTED), REFUSED, NOON)
    assert decision is not None
    assert (decision.state.state, decision.events) == ("cancelled", ())
    # Saved again, so that the slot found meanwhile is given back.
    assert appointment.book(decision.state, FOUND, NOON) == Decision(decision.state)


def test_a_stopped_or_withdrawn_dossier_calls_its_appointment_off_and_says_why() -> None:
    decision = appointment.cancel(after(ACCEPTED, FOUND), STOPPED, NOON)
    assert decision is not None
    (told,) = decision.events
    assert isinstance(told, appointments.Cancelled)
    assert (decision.state.state, told.reason) == ("cancelled", "dossier-stopped")
    assert appointment.cancel(after(ACCEPTED, FOUND, Attend()), STOPPED, NOON) is None


MESSAGES = st.sampled_from([ACCEPTED, REFUSED, STOPPED, FOUND, Attend(), Miss()])


@given(st.lists(MESSAGES, max_size=10), st.sampled_from([NOON, LATER]))
def test_every_move_is_in_the_table_and_says_what_the_table_says(messages: list[Any], now: datetime) -> None:
    state = None
    for message in messages:
        if state is None and kind(message) is SlotFound:
            continue  # an answer has an aggregate that asked
        try:
            decision = DECIDERS[kind(message)](state, message, now)
        except Refusal:
            continue
        if decision is None:
            continue
        source = state.state if state else None
        if decision.state.state != source:
            (move,) = [
                move
                for move in TRANSITIONS.moves
                if (move.source, move.message, move.target) == (source, kind(message), decision.state.state)
            ]
            assert [type(told) for told in decision.events] == ([move.event] if move.event else [])
        else:
            assert decision.events == ()
        state = decision.state


def test_only_a_booked_appointment_is_attended_or_missed_and_missed_only_after_its_time() -> None:
    booked = after(ACCEPTED, FOUND)
    for message in (Attend(), Miss()):
        decide = DECIDERS[type(message)]
        with pytest.raises(NotFound):
            decide(None, message, NOON)
        with pytest.raises(Refusal, match="not_booked"):
            decide(after(ACCEPTED), message, NOON)
    with pytest.raises(Refusal, match="too_early"):
        appointment.miss(booked, Miss(), FOUND.starts_at - timedelta(seconds=1))
    assert after(ACCEPTED, FOUND, Miss(), Miss()).state == "missed"
    assert after(ACCEPTED, FOUND, Attend(), Attend()).state == "attended"


def test_the_calendar_file_has_place_time_organizer_and_an_alarm_a_day_before() -> None:
    meeting = Meeting(
        appointment_id=new_id(),
        dossier_code=CODE,
        purpose="Chụp ảnh giấy phép lái xe",
        place="Trung tâm Phục vụ hành chính công",
        address="Số 17, đường Đội Cấn; tầng 2",
        starts_at=datetime.fromisoformat("2026-06-11T01:30:00Z"),
        ends_at=datetime.fromisoformat("2026-06-11T01:45:00Z"),
        told_at=NOON,
    )
    written = calendar_file(meeting, "khong-tra-loi@motcua.example", "Một cửa")
    assert written == calendar_file(meeting, "khong-tra-loi@motcua.example", "Một cửa")
    assert all(len(line) <= 75 for line in written.split(b"\r\n"))
    calendar = Calendar.from_ical(written.decode())
    (found,) = calendar.walk("VEVENT")
    assert str(found["UID"]) == f"{meeting.appointment_id}@motcua"
    assert found.decoded("DTSTART") == datetime(2026, 6, 11, 8, 30, tzinfo=VIETNAM)
    assert found.decoded("DTSTART").tzinfo == ZoneInfo("Asia/Ho_Chi_Minh")
    assert found.decoded("DTEND") - found.decoded("DTSTART") == timedelta(minutes=15)
    assert str(found["LOCATION"]) == f"{meeting.place}, {meeting.address}"
    assert str(found["ORGANIZER"]) == "mailto:khong-tra-loi@motcua.example"
    (alarm,) = found.walk("VALARM")
    assert alarm.decoded("TRIGGER") == timedelta(days=-1)
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Asia/Ho_Chi_Minh"]


def test_a_tombstone_leaves_only_the_id_and_a_person_may_come_back() -> None:
    person = str(new_id())
    update = event(contacts.Updated(name="Nguye\u0302\u0303n", phone="+84590000001", email="a@b.vn"), subject=person)
    known = contact.update(None, update, NOON).state
    assert known.name == "Nguyễn"
    forget = Event(new_id(), "tombstone", "intake", person, 0, NOON, Tombstone())
    for state in (known, None):
        erased = contact.erase(state, forget, NOON).state
        assert (erased.name, erased.phone, erased.email, erased.erased_at) == (None, None, None, NOON)
        assert contact.update(erased, update, NOON).state.erased_at is None
