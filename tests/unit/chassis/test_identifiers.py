"""Identifiers: UUIDv7 all of them, and derived ones that replaying gives again."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chassis.identifiers import derived_id, new_id


def milliseconds(identifier: UUID) -> int:
    """RFC 9562, 5.7: the first 48 bits."""
    return identifier.int >> 80


def test_new_ids_are_version_7_and_ordered_by_time() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert list(map(milliseconds, ids)) == sorted(map(milliseconds, ids))


@given(st.uuids(), st.text())
def test_a_derived_id_is_version_7_keeps_its_parents_time_and_is_always_the_same(parent: UUID, name: str) -> None:
    derived = derived_id(parent, name)
    assert (derived.version, derived.variant) == (7, "specified in RFC 4122")
    assert milliseconds(derived) == milliseconds(parent)
    assert derived_id(UUID(str(parent)), name) == derived


@given(st.uuids(), st.uuids(), st.text(), st.text())
def test_other_parents_and_other_names_give_other_ids(one: UUID, other: UUID, name: str, another: str) -> None:
    if name != another:
        assert derived_id(one, name) != derived_id(one, another)
    if one != other:
        assert derived_id(one, name) != derived_id(other, name)


def test_what_was_derived_once_is_derived_for_ever() -> None:
    """Ids of calls and refunds outlive a release: the key that the other side knows must not change."""
    parent = UUID("019ea9f2-7a08-7b11-9c22-0d33e44f5501")
    assert str(derived_id(parent, "refund")) == "019ea9f2-7a08-78b5-bc2e-0fee41bae031"
