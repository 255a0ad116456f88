"""Sessions as services get them: whoever freezes in a transaction loses it before its partitions."""

from __future__ import annotations

from datetime import UTC, datetime

from chassis.subscriptions import Pace
from tests.counters import Desk


async def test_every_time_out_is_shorter_than_the_consumer_groups_session(desk: Desk) -> None:
    """A successor of a frozen process must not wait for its locks."""
    names = ("idle_in_transaction_session_timeout", "transaction_timeout", "lock_timeout", "statement_timeout")
    for name in names:
        milliseconds = await desk.pool.fetchval("select setting::int from pg_settings where name = $1", name)
        assert 0 < milliseconds < Pace().session_ms, name


async def test_times_and_json_come_back_as_they_went(desk: Desk) -> None:
    row = await desk.pool.fetchrow(
        "select $1::jsonb as document, $2::timestamptz as at", '{"tên": [1, null]}', datetime(2026, 6, 9, tzinfo=UTC)
    )
    assert row is not None
    assert tuple(row) == ({"tên": [1, None]}, datetime(2026, 6, 9, tzinfo=UTC))
