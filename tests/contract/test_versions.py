"""Versions of one event side by side: whoever wants the newest is given the older ones as the newest, told whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chassis.envelope import Event, Reader, Unwanted
from chassis.errors import Park
from chassis.service import Service
from contracts.event import Data, Older, events, registry, versions_of
from contracts.registry import EVENTS
from deploy.kafka import documents
from tests.contract.compose import told
from tests.contract.examples import CERTIFICATES
from tests.contract.test_compose import OURS, settings_class
from tests.records import record


class PaidV1(Data):
    """In đồng."""

    amount: int


class PaidV2(Data):
    """With its currency."""

    amount: int
    currency: Literal["VND", "USD"]


class Paid(Data):
    """With its currency, and how."""

    amount: int
    currency: str
    by: str


def with_currency(old: PaidV1) -> PaidV2:
    return PaidV2.model_validate({**old.model_dump(), "currency": "VND"})


def with_means(old: PaidV2) -> Paid:
    if old.amount < 0:
        raise KeyError("only what was paid was paid by something")
    return Paid.model_validate({**old.model_dump(), "by": "unknown"})


NEWEST = events(
    "versions.v1",
    "vn.motcua.test",
    {"paid": Paid},
    {Paid: Older(PaidV2, with_means), PaidV2: Older(PaidV1, with_currency)},
)
READER = Reader(registry(NEWEST), {})


def older_versions() -> set[type[Data]]:
    return {data.OLDER.data for data in EVENTS.values() if data.OLDER is not None}


def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    for name in OURS:
        with monkeypatch.context() as patch:
            for variable, value in told(name).items():
                patch.setenv(variable, value)
            yield getattr(import_module(f"services.{name}.main"), name)(settings_class(name)())


def test_versions_are_counted_from_the_oldest_and_all_are_known() -> None:
    assert (Paid,) == NEWEST
    assert [(data.__name__, data.TYPE, data.TOPIC) for data in versions_of(Paid)] == [
        ("Paid", "vn.motcua.test.paid.v3", "versions.v1"),
        ("PaidV2", "vn.motcua.test.paid.v2", "versions.v1"),
        ("PaidV1", "vn.motcua.test.paid.v1", "versions.v1"),
    ]
    assert set(registry(NEWEST)) == {f"vn.motcua.test.paid.v{number}" for number in (1, 2, 3)}


def test_versions_that_lead_in_a_circle_or_nowhere_are_refused() -> None:
    class One(Data):
        """A version."""

    class Two(Data):
        """Another."""

    with pytest.raises(ValueError, match="One is older than itself"):
        events("t.v1", "vn.motcua.test", {"x": One}, {One: Older(Two, with_means), Two: Older(One, with_means)})
    with pytest.raises(ValueError, match="not named: Two"):
        events("t.v1", "vn.motcua.test", {"x": One}, {Two: Older(One, with_means)})
    again = (*events("t.v1", "vn.motcua.test", {"x": Two}), *events("t.v1", "vn.motcua.test", {"x": One}))
    with pytest.raises(ValueError, match=r"vn\.motcua\.test\.x\.v1 is claimed by Two and One"):
        registry(again)


@given(amount=st.integers(0), more=st.dictionaries(st.text("xyz_", min_size=4), st.integers() | st.text()))
def test_each_version_is_read_as_the_newest_and_no_field_is_lost(amount: int, more: dict[str, Any]) -> None:
    for old in (PaidV1(amount=amount, **more), PaidV2(amount=amount, currency="VND", **more)):
        event = READER.read(record(old, 0), (Paid,))
        assert isinstance(event, Event)
        assert event.data == Paid(amount=amount, currency="VND", by="unknown", **more)
        assert event.type == "vn.motcua.test.paid.v3"


def test_what_an_older_version_never_said_means_nothing_even_under_the_newest_name() -> None:
    event = READER.read(record(PaidV1.model_validate({"amount": 1, "by": 5, "currency": ""}), 0), (Paid,))
    assert isinstance(event, Event)
    assert event.data == Paid(amount=1, currency="VND", by="unknown")


def test_whoever_wants_a_version_in_between_is_given_that_one() -> None:
    event = READER.read(record(PaidV1(amount=1), 0), (PaidV2,))
    assert isinstance(event, Event)
    assert event.data == PaidV2(amount=1, currency="VND")
    assert event.type == PaidV2.TYPE


def test_a_version_newer_than_the_wanted_one_is_set_aside_and_never_ignored() -> None:
    """A service that was forgotten in an upgrade stands still at the new version; nothing passes it by."""
    for new in (PaidV2(amount=1, currency="VND"), Paid(amount=1, currency="VND", by="card")):
        with pytest.raises(Park, match=f"{new.TYPE} is newer than what is understood here"):
            READER.read(record(new, 0), (PaidV1,))


def test_a_version_of_what_nobody_wants_is_no_poison() -> None:
    for data in (PaidV1(amount=1), Paid(amount=1, currency="VND", by="card")):
        assert READER.read(record(data, 0), ()) == Unwanted(data.TYPE)


def test_what_cannot_become_newer_is_set_aside_without_its_values() -> None:
    with pytest.raises(Park) as parked:
        READER.read(record(PaidV1(amount=-123_456), 0), (Paid,))
    assert str(parked.value) == "does not become vn.motcua.test.paid.v3: KeyError"


def test_an_older_version_that_does_not_fit_its_own_class_is_set_aside_as_that_version() -> None:
    broken = replace(record(PaidV1(amount=1), 0), value=b'{"amount": "much"}')
    with pytest.raises(Park, match=r"not the data of vn\.motcua\.test\.paid\.v1: amount"):
        READER.read(broken, (Paid,))


def test_every_example_of_an_older_version_becomes_a_newest_one_that_fits_its_schema() -> None:
    older = older_versions()
    newest = {data: each for each in EVENTS.values() if each not in older for data in versions_of(each)}
    reader = Reader(EVENTS, {})
    for event in (event for certificate in CERTIFICATES for event in certificate.events):
        wanted = newest[EVENTS[event.type]]
        for example in event.examples:
            read = reader.read(record(EVENTS[event.type].model_validate(example), 0), (wanted,))
            assert isinstance(read, Event)
            Draft202012Validator(documents.schema(wanted.TYPE, wanted)).validate(
                json.loads(read.data.model_dump_json())
            )


def test_every_service_answers_the_newest_versions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = {data for service in services(monkeypatch) for fold in service.consumes for data in fold.on}
    assert answered & set(EVENTS.values())
    assert not answered & older_versions()
