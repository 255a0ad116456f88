"""Cursors: what was given comes back, and what was not is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.errors import Refusal
from chassis.pages import cursor_of, position_of

moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.sampled_from([UTC, VIETNAM]))  # noqa: DTZ001
keys = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40)


@given(moments, keys)
@example(datetime(1975, 6, 12, 23, tzinfo=VIETNAM), "")
def test_a_cursor_stands_for_its_row(moment: datetime, key: str) -> None:
    """Also in an hour that came twice, whose local time equals none in another zone (PEP 495): it is the instant that counts."""
    assert position_of(cursor_of(moment, key)) == (moment.astimezone(UTC), key)


def test_without_a_cursor_it_is_the_first_page() -> None:
    assert position_of(None) is None


def coded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "không phải",
        "\x00",
        *map(coded, (5, None, [], {}, ["2026-06-09T05:00:00+07:00"], ["x", "y"], [5, "k"], [None, None])),
        coded(["2026-06-09T05:00:00", "k"]),
        coded(["2026-06-09T05:00:00+07:00", "a\x00b"]),
        coded(["2026-06-09T05:00:00+07:00", "\ud800"]),
        coded(["0001-01-01T00:00:00+14:00", "before the calendar begins"]),
        coded(["9999-12-31T23:59:59-12:00", "after its end"]),
        base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("="),
    ],
)
def test_a_cursor_that_we_did_not_give_is_a_bad_request(cursor: str) -> None:
    with pytest.raises(Refusal) as refused:
        position_of(cursor)
    assert (refused.value.status, refused.value.code) == (400, "bad_cursor")


@given(st.one_of(st.text(), st.binary().map(lambda value: base64.urlsafe_b64encode(value).decode())))
def test_any_text_is_a_position_or_a_bad_request(cursor: str) -> None:
    try:
        position = position_of(cursor)
    except Refusal:
        return
    assert position is not None
    assert position[0].utcoffset() is not None
