"""What stands in a service's parking place, as operators ask for it: only read here, never changed."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.clock import VIETNAM, utc_now
from chassis.postgres import Connection

OPEN, CLOSED = ("parked", "held"), ("redriven", "duplicate", "discarded")
STATES = {"open": OPEN, "closed": CLOSED, "all": OPEN + CLOSED, **{state: (state,) for state in OPEN + CLOSED}}

_PLACE = re.compile(r"(\d{1,9})/(\d{1,18})", re.ASCII)
_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

# The same conditions everywhere: what is null is not asked for. An id is an event's, or that of an order.
_MATCHING = """
matching as not materialized (
    select p.*, case when state = 'held' then null else error end as reason from parked p
    where ($1::text is null or consumer = $1) and ($2::text is null or topic = $2) and ($3::text is null or key = $3)
    and ($4::text is null or (state <> 'held' and strpos(lower(error), lower($4)) > 0)) and state = any($5::text[])
    and ($6::timestamptz is null or parked_at >= $6) and ($7::timestamptz is null or parked_at < $7)
    and ($8::int is null or partition = $8) and ($9::bigint is null or "offset" = $9)
    and ($10::uuid is null
        or headers @> jsonb_build_array(jsonb_build_array('ce_id', encode(convert_to($10::text, 'UTF8'), 'base64')))
        or exists (select from parked_order o where o.id = $10 and (o.consumer, o.topic, o.partition, o."offset")
            = (p.consumer, p.topic, p.partition, p."offset")))
)
"""
_COUNTS = f"""
with {_MATCHING} select consumer, topic, state, reason as error, count(*) as records, min(parked_at) as oldest,
    max(parked_at) as newest
from matching group by consumer, topic, state, reason order by state = 'held', count(*) desc, consumer, topic, state, reason
"""
_RECORDS = f"""
with {_MATCHING} select *, 0 as behind from matching
order by parked_at, consumer, topic, partition, "offset" limit $11
"""
# A redrive begins with the oldest open record of each key that matches.
_HEADS = f"""
with {_MATCHING}, lanes as (select distinct consumer, topic, open_key from matching)
select h.*, (
    select count(*) from parked b where (b.consumer, b.topic, b.open_key) = (h.consumer, h.topic, h.open_key)
) - 1 as behind
from lanes l cross join lateral (
    select * from parked p where (p.consumer, p.topic, p.open_key) = (l.consumer, l.topic, l.open_key)
    order by "offset" limit 1
) h
order by h.parked_at, h.consumer, h.topic, h.partition, h."offset" limit $11
"""
_BEHIND = """
select partition, "offset", parked_at from parked
where consumer = $1 and topic = $2 and open_key = $3 and "offset" > $4 order by "offset"
"""
_ORDERS = """
select * from parked_order where consumer = $1 and topic = $2 and partition = $3 and "offset" = $4 order by ordered_at, id
"""


class Misuse(Exception):
    """What was asked for makes no sense; the text says why and what to do."""


@dataclass(frozen=True)
class Filters:
    """Which records are meant; what is None is not asked for. `until` is exclusive."""

    consumer: str | None = None
    topic: str | None = None
    key: str | None = None
    error: str | None = None
    states: Sequence[str] = OPEN
    since: datetime | None = None
    until: datetime | None = None
    partition: int | None = None
    offset: int | None = None
    identity: UUID | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether every record of these states is meant."""
        return self == Filters(states=self.states)

    def parameters(self) -> tuple[Any, ...]:
        return (
            *(self.consumer, self.topic, self.key, self.error, list(self.states)),
            *(self.since, self.until, self.partition, self.offset, self.identity),
        )


@dataclass(frozen=True)
class Shown:
    """One record with everything around it."""

    row: Any
    behind: list[Any] = field(default_factory=list)
    orders: list[Any] = field(default_factory=list)


async def counts(connection: Connection, filters: Filters) -> list[Any]:
    """How many records by consumer, topic, state and error: the most first, but what is only held last."""
    return list(await connection.fetch(_COUNTS, *filters.parameters()))


async def records(connection: Connection, filters: Filters, limit: int | None) -> list[Any]:
    """At most `limit` matching records, the oldest first."""
    return list(await connection.fetch(_RECORDS, *filters.parameters(), limit))


async def heads(connection: Connection, filters: Filters, limit: int | None) -> list[Any]:
    """For each key with a matching open record: its oldest open one, and as `behind` how many follow it."""
    return list(await connection.fetch(_HEADS, *filters.parameters(), limit))


async def everything_about(connection: Connection, filters: Filters, limit: int) -> list[Shown]:
    """Matching records with what is held behind each and what was ordered about it."""
    found = []
    for row in await records(connection, filters, limit):
        place = row["consumer"], row["topic"]
        behind = await connection.fetch(_BEHIND, *place, row["open_key"], row["offset"]) if row["open_key"] else []
        orders = await connection.fetch(_ORDERS, *place, row["partition"], row["offset"])
        found.append(Shown(row, list(behind), list(orders)))
    return found


def place_or_id(text: str | None) -> tuple[int | None, int | None, UUID | None]:
    """PARTITION/OFFSET, or the id of an event or an order. Raises Misuse."""
    if text is None:
        return None, None, None
    if place := _PLACE.fullmatch(text):
        return int(place[1]), int(place[2]), None
    try:
        return None, None, UUID(text)
    except ValueError:
        raise Misuse(
            f"{text!r} không phải PHÂN_VÙNG/VỊ_TRÍ (ví dụ 3/120) hay mã sự kiện · "
            "is neither PARTITION/OFFSET (as 3/120) nor the id of an event or an order"
        ) from None


def moment(text: str | None) -> datetime | None:
    """`2h` (ago), or ISO 8601; without an offset it is Vietnam's time. Raises Misuse."""
    if text is None:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            return utc_now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        told = datetime.fromisoformat(text)
        # Times at the ends of the calendar have no UTC, and PostgreSQL could not be asked.
        return (told if told.tzinfo else told.replace(tzinfo=VIETNAM)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misuse(
            f"{text!r} không phải thời điểm: viết 30m, 2h, 1d hoặc 2026-06-09T14:00 · "
            "is no time: write 30m, 2h, 1d (ago) or 2026-06-09T14:00"
        ) from None


def headers_of(row: Any) -> list[tuple[str, bytes | None]]:
    """A record's headers; names stay escaped as they are stored."""
    return [(name, None if value is None else base64.b64decode(value)) for name, value in row["headers"]]


def header(row: Any, name: str) -> str | None:
    """One header as text, or None when there is none that can be read."""
    found = dict(headers_of(row)).get(name)
    try:
        return None if found is None else found.decode()
    except UnicodeDecodeError:
        return None


def trace_id(row: Any) -> str | None:
    """The trace that a record belongs to (W3C Trace Context: the second part of traceparent)."""
    parts = (row["traceparent"] or "").split("-")
    return parts[1] if len(parts) == 4 else None
