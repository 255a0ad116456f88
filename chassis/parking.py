"""Parked records: poison is kept whole, later records of its key are held behind it, the partition flows on.

`parked_key` has a row exactly while its key has an open record. Whoever changes that takes the row's lock first.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeAlias

from aiokafka import ConsumerRecord

from chassis.errors import Retry
from chassis.postgres import Connection, Pool

Record: TypeAlias = ConsumerRecord[Any, Any]

_LONGEST_LANE = 256

_BLOCKED = """
select key from parked_key where consumer = $1 and topic = $2 and key = any($3::text[]) order by key for key share
"""
_BLOCK = """
insert into parked_key (consumer, topic, key) select $1, $2, key from unnest($3::text[]) as key order by key
on conflict do nothing
"""
_STORE = """
insert into parked (consumer, topic, partition, "offset", key, open_key, state, record_key, value, headers, error, traceparent)
select $1, $2, r.partition, r.position, r.key, r.key, r.state, r.record_key, r.value, r.headers, r.error, r.traceparent
from unnest($3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::jsonb[], $10::text[], $11::text[])
    as r(partition, position, key, state, record_key, value, headers, error, traceparent)
on conflict (consumer, topic, partition, "offset") do nothing
"""
_RECENT_HEADS = """
select count(*) from parked where consumer = $1 and state = 'parked' and parked_at > now() - interval '1 minute'
"""
_HELD_HEADS = """
select k.key from parked_key k cross join lateral (
    select state, retry_at from parked p where p.consumer = $1 and p.topic = $2 and p.open_key = k.key
    order by "offset" limit 1
) first
where k.consumer = $1 and k.topic = $2 and first.state = 'held' and (first.retry_at is null or first.retry_at <= $3)
limit $4
"""
_SETTLED = """
select p.partition, p."offset" from parked p
join unnest($3::int[], $4::bigint[]) as r(partition, position) on p.partition = r.partition and p."offset" = r.position
where p.consumer = $1 and p.topic = $2 and p.open_key is null
"""
_LOCK_KEY = "select key from parked_key where consumer = $1 and topic = $2 and key = $3 for update"
_FIRST_OPEN = """
select * from parked where consumer = $1 and topic = $2 and open_key = $3 order by "offset" limit 1
"""
_CLOSE = """
update parked set state = $5, open_key = null, closed_at = now()
where consumer = $1 and topic = $2 and partition = $3 and "offset" = $4
"""
_FREE = """
delete from parked_key k where consumer = $1 and topic = $2 and key = $3
and not exists (select from parked p where p.consumer = $1 and p.topic = $2 and p.open_key = $3)
"""
_MAKE_HEAD = """
update parked set state = 'parked', error = $5, tries = tries + 1,
    retry_at = $6::timestamptz + interval '1 second' * least(60, 2 ^ least(tries, 6))
where consumer = $1 and topic = $2 and partition = $3 and "offset" = $4
"""
_POSTPONE = """
update parked set tries = tries + 1, retry_at = $4::timestamptz + interval '1 second' * least(60, 2 ^ least(tries, 6))
where consumer = $1 and topic = $2 and (partition, "offset") = (
    select partition, "offset" from parked where consumer = $1 and topic = $2 and open_key = $3 order by "offset" limit 1
)
"""
_STATE = 'select state from parked where consumer = $1 and topic = $2 and partition = $3 and "offset" = $4'
_BUSY = """
select exists (select from parked_key where consumer = $1 and topic = $2)
    or exists (select from parked_order where consumer = $1 and topic = $2 and done_at is null)
"""
_COUNTS = """
select (select count(*) from parked where consumer = $1 and state = 'parked') as heads,
    (select count(*) from parked where consumer = $1 and topic = $2 and open_key is not null) as open,
    (select extract(epoch from now() - min(parked_at))::float8 from parked where consumer = $1 and state = 'parked') as age
"""
_PRUNE = """
delete from parked where ctid = any(array(select ctid from parked where closed_at < now() - $1::interval limit $2))
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """An open record as it came from Kafka: `parked` when it heads its key, `held` when it waits behind the head."""

    record: Record
    state: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one consumer: its open heads, what is held behind them, and the age in seconds of the oldest head."""

    heads: int
    held: int
    oldest_seconds: float


class ParkingLimit(Retry):
    """Too much was parked in too short a time: a bad release, more likely than so many bad records."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that goes to the parking place; `error` is None for one that is only held behind its key's head."""

    record: Record
    error: str | None
    traceparent: str | None = None


def lane_of(record: Record) -> str:
    """The key that order is kept for, as text that an index can hold; a record without a key is a lane of its own."""
    if record.key is None:
        return f"no key: partition {record.partition} offset {record.offset}"
    return _lane_of_key(bytes(record.key))


@lru_cache(maxsize=50_000)  # asked for several times a record
def _lane_of_key(key: bytes) -> str:
    text = key.decode(errors="backslashreplace").replace("\x00", "\\x00")
    return text if len(text) <= _LONGEST_LANE else f"{text[:64]}… sha256 {sha256(key).hexdigest()}"


async def blocked(connection: Connection, consumer: str, topic: str, keys: Sequence[str]) -> set[str]:
    """Which keys have an open record; the answer holds until this transaction ends."""
    rows = await connection.fetch(_BLOCKED, consumer, topic, sorted(set(keys)))
    return {row["key"] for row in rows}


async def settled(connection: Connection, consumer: str, topic: str, records: Sequence[Record]) -> set[tuple[int, int]]:
    """Partition and offset of those that were parked once and are closed: copies of them have no effect any more."""
    places = [record.partition for record in records], [record.offset for record in records]
    return {(row["partition"], row["offset"]) for row in await connection.fetch(_SETTLED, consumer, topic, *places)}


async def park(connection: Connection, consumer: str, topic: str, refused: Sequence[Refused], limit: int) -> None:
    """Keep records with bytes, headers, place, error and trace.

    Raises ParkingLimit when `limit` heads were parked within a minute; then nothing of the batch may be committed.
    """
    if not refused:
        return
    heads = sorted({lane_of(each.record) for each in refused if each.error is not None})
    if heads:
        if await connection.fetchval(_RECENT_HEADS, consumer) + len(heads) > limit:
            raise ParkingLimit(f"{consumer} parked {limit} records within a minute and waits: is this release broken?")
        await connection.execute(_BLOCK, consumer, topic, heads)
    await connection.execute(
        _STORE,
        consumer,
        topic,
        [each.record.partition for each in refused],
        [each.record.offset for each in refused],
        [lane_of(each.record) for each in refused],
        ["held" if each.error is None else "parked" for each in refused],
        [each.record.key for each in refused],
        [each.record.value for each in refused],
        [_as_json(each.record.headers) for each in refused],
        [each.error for each in refused],
        [each.traceparent for each in refused],
    )


async def drainable(
    connection: Connection | Pool, consumer: str, topic: str, now: datetime, limit: int = 100
) -> list[str]:
    """Keys whose first open record is held behind nothing any more, and does not back off."""
    return [row["key"] for row in await connection.fetch(_HELD_HEADS, consumer, topic, now, limit)]


async def first_open(connection: Connection, consumer: str, topic: str, key: str) -> Parked | None:
    """The oldest open record of a key, with the key locked against everybody else."""
    if await connection.fetchrow(_LOCK_KEY, consumer, topic, key) is None:
        return None
    row = await connection.fetchrow(_FIRST_OPEN, consumer, topic, key)
    return None if row is None else Parked(_record(row), row["state"])


async def state_of(connection: Connection, consumer: str, topic: str, partition: int, offset: int) -> str:
    """What a record that was parked once is now: an open state, or the one it was closed in."""
    return str(await connection.fetchval(_STATE, consumer, topic, partition, offset))


async def close(connection: Connection, consumer: str, record: Record, state: str) -> None:
    """Close an open record as `redriven`, `duplicate` or `discarded`, and free its key when it was the last."""
    await connection.execute(_CLOSE, consumer, record.topic, record.partition, record.offset, state)
    await connection.execute(_FREE, consumer, record.topic, lane_of(record))


async def make_head(connection: Connection, consumer: str, record: Record, error: str, now: datetime) -> None:
    """A record that failed again, or a held one that failed for the first time, heads its key and backs off."""
    await connection.execute(_MAKE_HEAD, consumer, record.topic, record.partition, record.offset, error, now)


async def postpone(connection: Connection | Pool, consumer: str, topic: str, key: str, now: datetime) -> None:
    """Passing trouble with the oldest open record of a key: it backs off, from a second to a minute."""
    await connection.execute(_POSTPONE, consumer, topic, key, now)


async def is_busy(connection: Connection | Pool, consumer: str, topic: str) -> bool:
    """Whether any record is open, or any order is to be carried out."""
    return bool(await connection.fetchval(_BUSY, consumer, topic))


async def counts(connection: Connection | Pool, consumer: str, topic: str) -> Counts:
    """How much is open, counted in indexes alone."""
    row: Any = await connection.fetchrow(_COUNTS, consumer, topic)
    return Counts(row["heads"], row["open"] - row["heads"], row["age"] or 0.0)


async def prune(connection: Connection | Pool, kept: timedelta, limit: int) -> int:
    """Delete at most `limit` records that were closed longer ago than `kept`, and their orders; answers how many."""
    done = await connection.execute(_PRUNE, kept, limit)
    return int(done.rsplit(" ", 1)[1])


def _as_json(headers: Sequence[tuple[str, bytes | None]]) -> str:
    """Names as text with escapes, for jsonb holds no null byte; values as base64."""
    coded = [(name, None if value is None else base64.b64encode(value).decode()) for name, value in headers]
    return json.dumps([[name.encode("unicode_escape").decode(), value] for name, value in coded])


def _record(row: Any) -> Record:
    headers = tuple(
        (name.encode().decode("unicode_escape"), None if value is None else base64.b64decode(value))
        for name, value in row["headers"]
    )
    return ConsumerRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        timestamp=int(row["parked_at"].timestamp() * 1000),
        timestamp_type=0,
        key=row["record_key"],
        value=row["value"],
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=headers,
    )
