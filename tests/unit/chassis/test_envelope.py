"""Envelopes: what was sent is read, and what nobody can read is set aside with its reason, never with a crash."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.envelope import Event, Reader, Tombstone, Unwanted, headers_of, text_headers
from chassis.errors import Park
from chassis.identifiers import new_id
from chassis.parking import Record
from chassis.sealing import Sealer
from contracts import contacts, payments
from contracts.registry import EVENTS
from tests.records import NOON, example, raw, record

READER = Reader(EVENTS, {})
WANTED = (payments.Started, payments.Opened)
SEALER = Sealer(base64.urlsafe_b64encode(b"k" * 32).decode())
GOOD = record(example(payments.Started), 0)

times = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-720, 840).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)


@dataclass(frozen=True)
class With:
    """A record like the good one, but for these headers; None takes one away."""

    headers: dict[str, bytes | None]

    def record(self, value: bytes | None = GOOD.value) -> Record:
        headers: list[tuple[str, bytes | None]] = [
            (name, self.headers.get(name, was)) for name, was in GOOD.headers if self.headers.get(name, was) != b"gone"
        ]
        return raw(GOOD.topic, 0, GOOD.key, value, headers)


@given(st.uuids(), words, words, st.integers(1, 2**63 - 1), times)
def test_what_was_sent_is_read(event_id: UUID, source: str, subject: str, sequence: int, time: datetime) -> None:
    data = example(payments.Started)
    parent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    source = f"/motcua/{source}"
    headers = headers_of(event_id, data.TYPE, source, subject, sequence, time, parent, False)
    coded = [(name, value.encode()) for name, value in headers.items()]
    sent = raw(payments.TOPIC, 0, subject.encode(), data.model_dump_json().encode(), coded)
    assert READER.read(sent, WANTED) == Event(event_id, data.TYPE, source, subject, sequence, time, data, parent)


def _of_a_stranger(**headers: bytes | None) -> Event[Any]:
    event = READER.read(With({"ce_source": b"https://one.example", **headers}).record(), WANTED)
    assert isinstance(event, Event)
    return event


def test_a_strangers_event_is_known_by_all_that_it_says() -> None:
    """The same record is the same event; an id that another stranger gave, or that stands over other words, is another."""
    one = _of_a_stranger()
    assert one.id == _of_a_stranger().id
    (known,) = (value for name, value in GOOD.headers if name == "ce_id")
    assert str(one.id) != (known or b"").decode()
    assert one.id != _of_a_stranger(ce_source=b"https://other.example").id
    assert one.id != _of_a_stranger(ce_subject=b"another").id
    more = With({"ce_source": b"https://one.example"}).record((GOOD.value or b"") + b" ")
    said = READER.read(more, WANTED)
    assert isinstance(said, Event)
    assert one.id != said.id


def test_a_strangers_event_keeps_what_was_sent_and_not_its_trace() -> None:
    """What it is signed over is there as it came; whether and where our traces are kept is not a stranger's to say."""
    event = _of_a_stranger(traceparent=b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")
    assert event.traceparent is None
    assert event.sent is not None
    assert (event.sent.value, event.sent.headers["ce_source"]) == (GOOD.value, "https://one.example")


def test_fields_of_a_newer_version_are_kept() -> None:
    """An older reader passes a newer event on whole."""
    value = GOOD.value[:-1] + b',"bank":{"name":"VCB"}}'
    event = READER.read(raw(GOOD.topic, 0, GOOD.key, value, list(GOOD.headers)), WANTED)
    assert isinstance(event, Event)
    assert event.data.model_dump()["bank"] == {"name": "VCB"}


def test_a_known_type_that_nobody_here_wants_is_no_poison() -> None:
    assert READER.read(record(example(payments.Failed), 0), WANTED) == Unwanted("vn.motcua.payment.failed.v1")
    broken = replace(record(example(payments.Failed), 0), value=b"\xff")
    assert isinstance(READER.read(broken, WANTED), Unwanted), "what it says is not looked at"


@pytest.mark.parametrize(
    ("strange", "reason"),
    [
        (raw("payments.v1", 0, b"k", b"{}", []), "header ce_type is missing or unreadable"),
        (raw("payments.v1", 0, b"k", None, list(GOOD.headers)), "no value"),
        (With({"ce_type": b"vn.motcua.payment.started.v2"}).record(), "unknown type or version: .*started.v2"),
        (With({"ce_type": b"\xff"}).record(), "header ce_type is missing or unreadable"),
        (With({"ce_id": b"\xff\xfe"}).record(), "header ce_id is missing or unreadable"),
        (With({"ce_id": None}).record(), "header ce_id is missing or unreadable"),
        (With({"ce_id": b""}).record(), "header ce_id is missing or unreadable"),
        (With({"ce_id": b"42"}).record(), "bad header"),
        (With({"ce_subject": b"a\x00b"}).record(), "header ce_subject is missing or unreadable"),
        (With({"ce_source": b"gone"}).record(), "header ce_source is missing or unreadable"),
        (With({"ce_sequence": b"first"}).record(), "bad header"),
        (With({"ce_sequence": b"0"}).record(), "ce_sequence counts from 1"),
        (With({"ce_sequence": b"9223372036854775808"}).record(), "in 64 bits"),
        (With({"ce_sequence": b"9" * 5_000}).record(), "bad header"),
        (With({"ce_time": b"2026-06-09T05:00:00"}).record(), "ce_time has no offset"),
        (With({"ce_time": b"yesterday"}).record(), "bad header"),
        (With({}).record(b"{"), "not the data of vn.motcua.payment.started.v1: value"),
        (With({}).record(b""), "not the data of"),
        (With({}).record(b"\xff\xfe"), "not the data of"),
        (With({}).record(b"[" * 100_000), "not the data of"),
        (With({}).record(b"{}"), "not the data of .*: bill_id, attempt_id, gateway"),
    ],
)
def test_what_cannot_be_understood_is_set_aside_with_its_reason(strange: Record, reason: str) -> None:
    with pytest.raises(Park, match=reason):
        READER.read(strange, WANTED)


def test_the_reason_names_places_and_repeats_no_value() -> None:
    value = b'{"bill_id": "Nguyen Thi Anh", "attempt_id": "+84900000001", "gateway": "stripe"}'
    with pytest.raises(Park) as parked:
        READER.read(With({}).record(value), WANTED)
    assert str(parked.value) == "not the data of vn.motcua.payment.started.v1: bill_id, attempt_id"


def test_headers_that_are_no_text_hide_no_others() -> None:
    strange: list[tuple[str, bytes | None]] = [("x", b"\xff"), ("y", None), ("z", b"a\x00"), ("a", b"1"), ("a", b"2")]
    assert text_headers(strange) == {"a": "2"}
    assert isinstance(READER.read(raw(GOOD.topic, 0, b"k", GOOD.value, [*strange, *GOOD.headers]), WANTED), Event)


def _contact(value: bytes | None, **more: Any) -> Record:
    kind, subject = contacts.Updated.TYPE, "019ea9f2-7a08-7b11-9c22-0d33e44f5501"
    headers = headers_of(new_id(), kind, "/motcua/intake", subject, 1, NOON, None, True)
    coded = [(name, value.encode()) for name, value in headers.items()]
    return replace(raw(contacts.TOPIC, 7, subject.encode(), value, coded, 3), **more)


def test_a_sealed_topic_is_read_by_who_has_the_key() -> None:
    data = contacts.Updated(name="Nguyễn Thị Ánh", phone="+84900000001")
    sent = _contact(SEALER.seal(data.model_dump_json().encode()))
    event = Reader(EVENTS, {contacts.TOPIC: SEALER}).read(sent, (contacts.Updated,))
    assert isinstance(event, Event)
    assert event.data == data
    other = Sealer(base64.urlsafe_b64encode(b"o" * 32).decode())
    for unable in (READER, Reader(EVENTS, {contacts.TOPIC: other})):
        with pytest.raises(Park) as parked:
            unable.read(sent, (contacts.Updated,))
        assert "Ánh" not in str(parked.value)


def test_a_tombstone_is_an_event_about_its_key() -> None:
    wanted = (contacts.Updated, Tombstone)
    event = READER.read(_contact(None), wanted)
    assert isinstance(event, Event)
    assert (event.subject, event.data) == ("019ea9f2-7a08-7b11-9c22-0d33e44f5501", Tombstone())
    bare = raw(contacts.TOPIC, 7, b"k", None, [], 3)
    one, again = READER.read(bare, wanted), READER.read(bare, wanted)
    assert one == again, "without an id of its own it is known by its place"
    assert isinstance(one, Event)
    assert one.id != READER.read(replace(bare, offset=8), wanted).id  # type: ignore[union-attr]
    assert one.time == NOON


@pytest.mark.parametrize("strange", [{"key": b"\xff"}, {"timestamp": 2**62}, {"timestamp": -(2**62)}])
def test_a_strange_tombstone_is_set_aside(strange: dict[str, Any]) -> None:
    with pytest.raises(Park, match="bad tombstone"):
        READER.read(_contact(None, **strange), (Tombstone,))


@given(
    key=st.none() | st.binary(),
    value=st.none() | st.binary() | st.just(GOOD.value),
    headers=st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in GOOD.headers]) | st.text(),
            st.none() | st.binary() | st.sampled_from([value for _, value in GOOD.headers]),
        )
    ),
    sealed=st.booleans(),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_is_an_event_or_unwanted_or_set_aside(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], sealed: bool, timestamp: int
) -> None:
    sent = replace(raw(payments.TOPIC, 0, key, value, [*GOOD.headers, *headers]), timestamp=timestamp)
    reader = Reader(EVENTS, {payments.TOPIC: SEALER} if sealed else {})
    try:
        assert isinstance(reader.read(sent, (*WANTED, Tombstone)), Event | Unwanted)
    except Park:
        return


def test_the_headers_are_those_of_cloudevents_in_binary_mode() -> None:
    headers = headers_of(UUID(int=1), "vn.x.v1", "/s", "đơn", 2, datetime(2026, 6, 9, tzinfo=UTC), None, False)
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": "00000000-0000-0000-0000-000000000001",
        "ce_type": "vn.x.v1",
        "ce_source": "/s",
        "ce_subject": "đơn",
        "ce_sequence": "2",
        "ce_time": "2026-06-09T00:00:00+00:00",
        "ce_dataschema": "urn:motcua:schema:vn.x.v1",
        "content-type": "application/json",
    }
