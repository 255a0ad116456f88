"""A person's particulars: the latest are kept, and others hear of them only when the person is reached differently."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.identifiers import new_id
from contracts import contacts
from services.intake.domain.applicant import Applicant
from services.intake.domain.person import Person, Remember, remember
from tests.records import NOON

ID = new_id()
ANH: dict[str, Any] = {
    "name": "Nguyễn Thị Ánh",
    "citizen_id": "019190012345",
    "birth_date": date(1990, 3, 8),
    "sex": "nữ",
    "phone": "+84912345678",
    "email": "anh@example.vn",
    "language": "vi",
}


def told(person: Person | None, **changes: Any) -> tuple[Person | None, list[dict[str, Any]]]:
    """The person as they are kept now, and what was said of it."""
    decision = remember(person, Remember(person_id=ID, applicant=Applicant(**ANH | changes)), NOON)
    if decision is None:
        return person, []
    return decision.state, [event.model_dump() for event in decision.events]


def test_a_new_person_is_made_known() -> None:
    person, events = told(None)
    assert person is not None
    assert (person.person_id, person.citizen_id) == (ID, "019190012345")
    contact = {"name": "Nguyễn Thị Ánh", "phone": "+84912345678", "email": "anh@example.vn", "language": "vi"}
    assert events == [contact]


def test_the_same_particulars_again_change_nothing() -> None:
    person, _ = told(None)
    assert remember(person, Remember(person_id=ID, applicant=Applicant(**ANH)), NOON) is None


@pytest.mark.parametrize(
    "change",
    [{"name": "Nguyễn Ánh"}, {"phone": "+84987654321"}, {"phone": None}, {"email": "moi@example.vn"}, {"email": None}, {"language": "en"}],
    ids=str,
)  # fmt: skip
def test_another_way_to_be_reached_is_told_once(change: dict[str, Any]) -> None:
    person, _ = told(None)
    changed, events = told(person, **change)
    assert len(events) == 1
    assert change.items() <= events[0].items()
    assert told(changed, **change)[1] == []


def test_a_corrected_citizen_id_is_kept_and_not_told() -> None:
    person, _ = told(None)
    changed, events = told(person, citizen_id="019190054321")
    assert changed is not None
    assert (changed.citizen_id, events) == ("019190054321", [])


def test_what_the_chassis_keeps_is_left_alone() -> None:
    person, _ = told(None)
    assert person is not None
    written = person.model_copy(update={"version": 4, "sequence": 2, "traceparent": "00-a-b-01"})
    changed, _ = told(written, phone="+84987654321")
    assert changed is not None
    assert (changed.version, changed.sequence, changed.traceparent) == (4, 2, "00-a-b-01")


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "phone": st.sampled_from([None, "+84912345678", "+84987654321"]),
                "email": st.sampled_from([None, "anh@example.vn"]),
                "citizen_id": st.sampled_from(["019190012345", "019190054321"]),
            }
        ),
        min_size=1,
        max_size=12,
    )
)
def test_who_hears_every_event_always_knows_the_latest_contact(forms: list[dict[str, Any]]) -> None:
    person, heard = None, list[dict[str, Any]]()
    for form in forms:
        person, events = told(person, **form)
        heard += events
        assert person is not None
        assert heard[-1] == person.contact().model_dump()
    assert all(one != other for one, other in pairwise(heard)), "nothing is said twice"


def test_the_citizen_id_is_no_part_of_a_contact() -> None:
    assert "citizen_id" not in contacts.Updated.model_fields
    person, _ = told(None)
    assert person is not None
    assert "019190012345" not in person.contact().model_dump_json()
