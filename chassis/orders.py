"""Orders about parked records: operators write them, the service carries them out, and they are kept as the audit.

A record has at most one order that is not done. `due_at` says not before when: that is how a rate is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from chassis.identifiers import new_id
from chassis.postgres import Connection, Pool

Action = Literal["redrive", "discard"]
Outcome = Literal["redriven", "duplicate", "discarded", "failed", "gone", "withdrawn"]

_PLACE = """
insert into parked_order (id, consumer, topic, partition, "offset", action, ordered_by, reason, due_at)
select r.id, r.consumer, r.topic, r.partition, r.position, $6, $7, $8, r.due_at
from unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::bigint[], $9::timestamptz[])
    as r(id, consumer, topic, partition, position, due_at)
on conflict (consumer, topic, partition, "offset") where done_at is null do nothing
returning id
"""
_CLAIM = """
select o.id, o.action, o.partition, o."offset", p.key
from parked_order o join parked p using (consumer, topic, partition, "offset")
where consumer = $1 and topic = $2 and o.done_at is null and o.due_at <= $3
    and (o.action = 'discard' or p.open_key is null or p.retry_at is null or p.retry_at <= $3)
order by o.due_at, o.id limit 1 for update of o skip locked
"""
_FINISH = "update parked_order set done_at = $2, outcome = $3, note = $4 where id = $1"
_POSTPONE = """
update parked_order set tries = tries + 1, note = $3, due_at = $2::timestamptz + interval '1 second' * least(60, 2 ^ least(tries, 6))
where id = $1 and done_at is null
"""
_WITHDRAW = """
update parked_order set done_at = now(), outcome = 'withdrawn', note = $2 where id = any($1::uuid[]) and done_at is null
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a consumer found a record: what names it for good."""

    consumer: str
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order that is due; `key` is the lane of its record."""

    id: UUID
    action: Action
    partition: int
    offset: int
    key: str


async def place(
    connection: Connection,
    action: Action,
    places: Sequence[Place],
    by: str,
    reason: str,
    first: datetime,
    per_second: float | None = None,
) -> list[UUID]:
    """Order the same for several records, `per_second` of them a second from `first` on, or all at once.

    Answers the ids of the orders that were written: a record with an open order keeps that one and gets no second.
    """
    rows = await connection.fetch(
        _PLACE,
        [new_id() for _ in places],
        [each.consumer for each in places],
        [each.topic for each in places],
        [each.partition for each in places],
        [each.offset for each in places],
        action,
        by,
        reason,
        [first + timedelta(seconds=number / per_second if per_second else 0) for number in range(len(places))],
    )
    return [row["id"] for row in rows]


async def claim(connection: Connection, consumer: str, topic: str, now: datetime) -> Order | None:
    """The next due order, locked until this transaction ends; None when none is due or all are in others' hands.

    A redrive waits while its record backs off after a failure.
    """
    row: Any = await connection.fetchrow(_CLAIM, consumer, topic, now)
    return None if row is None else Order(row["id"], row["action"], row["partition"], row["offset"], row["key"])


async def finish(connection: Connection, order: Order, now: datetime, outcome: Outcome, note: str | None) -> None:
    """Write what became of an order, in the transaction of its effect."""
    await connection.execute(_FINISH, order.id, now, outcome, note)


async def postpone(connection: Connection | Pool, order: Order, now: datetime, note: str) -> None:
    """Passing trouble: the order stays, due again after a pause that doubles from a second to a minute."""
    await connection.execute(_POSTPONE, order.id, now, note)


async def withdraw(connection: Connection, ids: Sequence[UUID], note: str) -> int:
    """End orders that were not carried out yet; answers how many those were."""
    done = await connection.execute(_WITHDRAW, list(ids), note)
    return int(done.rsplit(" ", 1)[1])
