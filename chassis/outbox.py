"""The outbox: what a transaction has to say, said by the relay after it committed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.errors import Refusal
from chassis.postgres import Connection

# Below the broker's own limit for a batch (message.max.bytes, 1,048,588) with room for the record's frame.
LARGEST_EVENT_BYTES = 900_000

_INSERT = """
insert into outbox (id, aggregatetype, aggregateid, type, payload, headers)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[])
"""
# The whole unpublished prefix, never a row less: a skipped row would be overtaken by a later one of its key.
_CLAIM = """
select id, aggregatetype, aggregateid, payload, headers, created_at
from outbox where published_at is null order by position limit $1
"""
_MARK = "update outbox set published_at = clock_timestamp() where id = any($1::uuid[])"
_PRUNE = """
delete from outbox where id in (
    select id from outbox where published_at < now() - $1::interval order by published_at limit $2
)"""

CHANNEL = "outbox"


@dataclass(frozen=True, slots=True)
class OutboxRow:
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


def fitting(row: OutboxRow) -> OutboxRow:
    """The row, when Kafka will take it: refused for ever, it would stand in front of its key for ever.

    Raises Refusal 413 when it is larger than LARGEST_EVENT_BYTES.
    """
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
    await connection.execute(
        _INSERT,
        [row.id for row in rows],
        [row.topic for row in rows],
        [row.key for row in rows],
        [row.type for row in rows],
        [row.payload for row in rows],
        [json.dumps(dict(row.headers)) for row in rows],
    )
    await connection.execute(f"notify {CHANNEL}")


async def claim(connection: Connection, limit: int) -> list[Any]:
    """The unpublished prefix in the order of positions."""
    return await connection.fetch(_CLAIM, limit)


async def mark_published(connection: Connection, ids: Iterable[UUID]) -> None:
    """Record that Kafka has acknowledged these rows."""
    await connection.execute(_MARK, list(ids))


async def prune(connection: Connection, age: timedelta, limit: int) -> int:
    """Delete at most `limit` rows that were published longer than `age` ago; answers how many."""
    done = await connection.execute(_PRUNE, age, limit)
    return int(done.rsplit(" ", 1)[1])
