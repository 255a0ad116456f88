"""The form encoding with brackets: what is written is read again, and nonsense is refused."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.gateway.form import FormError, Tree, as_list, decode
from tests.unit.sandbox.gateway_client import encode

NAMES = st.text(st.characters(exclude_characters="[]", codec="utf-8"), min_size=1).filter(
    lambda name: not name.isdigit()
)
TREES = st.recursive(
    st.text(st.characters(codec="utf-8")),
    lambda below: st.lists(below, min_size=1, max_size=4) | st.dictionaries(NAMES, below, min_size=1, max_size=4),
    max_leaves=12,
)


def as_read(value: Any) -> Any:
    """What is read of what was written: a list written with indexes is a hash of them."""
    if isinstance(value, list):
        return {str(index): as_read(item) for index, item in enumerate(value)}
    return {name: as_read(item) for name, item in value.items()} if isinstance(value, dict) else value


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_every_form_that_is_written_is_read_again(values: dict[str, Any]) -> None:
    assert decode(encode(values)) == as_read(values)


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=12))
def test_a_list_is_the_same_written_with_and_without_indexes(items: list[str]) -> None:
    bare, indexed = decode(urlencode([("a[]", item) for item in items])), decode(encode({"a": items}))
    assert as_list(bare["a"]) == as_list(indexed["a"]) == items


@given(st.text())
def test_any_text_is_read_or_refused_never_more(text: str) -> None:
    with contextlib.suppress(FormError):
        assert isinstance(decode(text), dict)


def test_a_list_of_hashes_starts_the_next_hash_where_a_member_comes_again() -> None:
    form = decode("a[][x]=1&a[][y]=2&a[][x]=3&a[][y]=4")
    assert form == {"a": [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]}


def test_indexes_give_the_order_of_a_list_not_the_places_in_the_form() -> None:
    assert as_list(decode("a[10]=last&a[2]=first")["a"]) == ["first", "last"]


def test_a_name_given_twice_keeps_its_last_value_and_an_empty_value_is_kept() -> None:
    assert decode("a=1&a=2&b=") == {"a": "2", "b": ""}


@pytest.mark.parametrize(
    "text",
    [
        "a=1&a[b]=2",
        "a[b]=2&a=1",
        "a[]=1&a[b]=2",
        "a[b=1",
        "a]=1",
        "[a]=1",
        "a[][]=1",
        "a%FF=1",
        "a" + "[b]" * 20 + "=1",
    ],
)
def test_a_form_that_means_two_things_or_nothing_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        decode(text)


@pytest.mark.parametrize("tree", ["text", {"a": "1"}])
def test_what_is_no_list_is_refused_where_a_list_is_wanted(tree: Tree) -> None:
    with pytest.raises(FormError, match="Invalid array"):
        as_list(tree)
