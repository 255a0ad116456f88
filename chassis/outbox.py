"""The outbox: what a transaction has to say, said by the relay after it committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from chassis.errors import Refusal
from chassis.postgres import Connection, Pool

# Below the broker's own limit for a batch (message.max.bytes, 1,048,588) with room for the record's frame.
LARGEST_EVENT_BYTES = 900_000
_CLEARLY_SMALL = LARGEST_EVENT_BYTES // 16  # headers hold the key once, and little else

_COLUMNS = ("id", "aggregatetype", "aggregateid", "type", "payload", "headers")
# The whole unpublished prefix, never a row less: a skipped row would be overtaken by a later one of its key. It ends
# early where it would not fit into memory, and holds one row at least.
_CLAIM = """
select position, aggregatetype, aggregateid, payload, headers, created_at
from (
    select *, sum(size) over (order by position rows unbounded preceding) - size as ahead
    from (select *, coalesce(octet_length(payload), 0) as size
        from outbox where published_at is null order by position limit $1) as prefix
) as claimed where ahead < $2 order by position
"""
_MARK = "update outbox set published_at = clock_timestamp() where published_at is null and position = any($1::bigint[])"
_PRUNE = """
delete from outbox where ctid = any(array(
    select ctid from outbox where published_at < now() - $1::interval
    order by published_at limit $2 for update skip locked
))"""
# Positions are drawn one by one and published from the front: their span is the backlog, but for those rolled back.
_WAITING = """
select coalesce(max(position) - min(position) + 1, 0) as events, coalesce((
    select extract(epoch from clock_timestamp() - created_at) from outbox
    where published_at is null order by position limit 1), 0)::float8 as oldest_seconds
from outbox where published_at is null
"""

CHANNEL = "outbox"
KEPT = timedelta(days=3)


class OutboxRow(NamedTuple):
    """One event to be published: `topic` and `key` say where, `headers` hold envelope and trace context."""

    id: UUID
    topic: str
    key: str
    type: str
    payload: bytes | None
    headers: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        headers = sum(len(name.encode()) + len(value.encode()) for name, value in self.headers.items())
        return len(self.key.encode()) + len(self.payload or b"") + headers


class Waiting(NamedTuple):
    """About how many events Kafka has not acknowledged yet, and how long the first of them has waited."""

    events: int
    oldest_seconds: float


def fitting(row: OutboxRow) -> OutboxRow:
    """The row, when Kafka will take it: refused for ever, it would stand in front of its key for ever.

    Raises Refusal 413 when it is larger than LARGEST_EVENT_BYTES.
    """
    if len(row.payload or b"") < _CLEARLY_SMALL and len(row.key) < _CLEARLY_SMALL:
        return row
    if row.size > LARGEST_EVENT_BYTES:
        raise Refusal(
            "event_too_large",
            f"Nội dung quá lớn: {row.size} byte, tối đa {LARGEST_EVENT_BYTES}.",
            f"Too large: {row.size} bytes, at most {LARGEST_EVENT_BYTES}.",
            413,
        )
    return row


async def insert(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Add rows in their order, after the aggregates' rows were written, and wake the relay at the commit."""
    if not rows:
        return
    records = [(row.id, row.topic, row.key, row.type, row.payload, to_json(row.headers).decode()) for row in rows]
    await connection.copy_records_to_table("outbox", records=records, columns=_COLUMNS)
    await connection.execute(f"notify {CHANNEL}")


async def claim(connection: Connection, limit: int, most_bytes: int) -> list[Any]:
    """The unpublished prefix in the order of positions: at most `limit` rows, about `most_bytes` of payloads."""
    return await connection.fetch(_CLAIM, limit, most_bytes)


async def mark_published(connection: Connection | Pool, positions: Iterable[int]) -> None:
    """Record that Kafka has acknowledged these rows."""
    await connection.execute(_MARK, list(positions))


async def waiting(connection: Connection | Pool) -> Waiting:
    """What Kafka has not acknowledged yet."""
    row: Any = await connection.fetchrow(_WAITING)
    return Waiting(**row)


async def prune(connection: Connection | Pool, limit: int) -> int:
    """Delete at most `limit` rows that were published longer than KEPT ago; answers how many."""
    done = await connection.execute(_PRUNE, KEPT, limit)
    return int(done.rsplit(" ", 1)[1])
