"""Orders about parked records: chosen, written in one transaction, and followed until the service has carried them out."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from chassis import orders
from chassis.orders import Action, Place
from chassis.postgres import Connection
from motcua.parked_records import OPEN, Filters, Misuse, heads, records

_OPEN_ORDERS = """
select o.id, o.action from parked_order o
join unnest($1::text[], $2::text[], $3::int[], $4::bigint[]) as r(consumer, topic, partition, position)
    on (o.consumer, o.topic, o.partition, o."offset") = (r.consumer, r.topic, r.partition, r.position)
where o.done_at is null
"""
_LOOK = """
select id, consumer, topic, partition, "offset", action, outcome, note, due_at <= now() as due from parked_order
where id = any($1::uuid[]) order by due_at, id
"""
# Keys of finished orders in which records are still held behind nothing, and all that is still open in those keys.
_LEFT = """
with lanes as (
    select distinct p.consumer, p.topic, p.key
    from parked_order o join parked p using (consumer, topic, partition, "offset") where o.id = any($1::uuid[])
)
select coalesce(sum(open.records), 0)::bigint as open, count(*) filter (where first.state = 'held') as draining
from lanes l
cross join lateral (
    select count(*) as records from parked p where (p.consumer, p.topic, p.open_key) = (l.consumer, l.topic, l.key)
) open
left join lateral (
    select state from parked p where (p.consumer, p.topic, p.open_key) = (l.consumer, l.topic, l.key)
    order by "offset" limit 1
) first on true
"""
_LOOK_SECONDS = 0.3

_GOOD = {"redrive": {"redriven", "duplicate"}, "discard": {"discarded", "duplicate"}}


@dataclass(frozen=True)
class Written:
    """Orders to follow; `known` of them were there before, and `contrary` records wait for another order than this."""

    ids: list[UUID]
    known: int
    contrary: int


@dataclass(frozen=True)
class Progress:
    """How far the orders are: `open` records are left in their keys, `draining` of the keys are being worked off."""

    rows: Sequence[Any]
    open: int = 0
    draining: int = 0
    timed_out: bool = False
    outcomes: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcomes", Counter(row["outcome"] for row in self.rows if row["outcome"]))

    @property
    def done(self) -> int:
        return self.outcomes.total()

    @property
    def complete(self) -> bool:
        return self.done == len(self.rows) and not self.draining

    @property
    def otherwise(self) -> list[Any]:
        """Orders that ended, but not as whoever gave them wished."""
        return [row for row in self.rows if row["outcome"] and not _as_wished(row)]


async def chosen(connection: Connection, action: Action, filters: Filters, limit: int | None) -> list[Any]:
    """The records that an order would be about: heads of their keys. Raises Misuse when only held ones match a discard."""
    if not set(filters.states) <= set(OPEN):
        raise Misuse("Chỉ làm lại hoặc bỏ được bản ghi còn mở · only open records can be redriven or discarded")
    if action == "redrive":
        return await heads(connection, filters, limit)
    failing = (
        await records(connection, replace(filters, states=("parked",)), limit) if "parked" in filters.states else []
    )
    if not failing and await records(connection, replace(filters, states=("held",)), 1):
        raise Misuse(
            "Bản ghi này chỉ chờ sau bản ghi lỗi cùng khóa: bỏ bản ghi lỗi (xem `motcua parked show`), nó sẽ tự đi tiếp · "
            "what matches is only held: discard the head of its key (see `motcua parked show`), then it follows by itself"
        )
    return failing


async def order(
    connection: Connection, action: Action, rows: Sequence[Any], by: str, reason: str, per_second: float | None
) -> Written:
    """Write the orders; a record that has an open order keeps it."""
    places = [Place(row["consumer"], row["topic"], row["partition"], row["offset"]) for row in rows]
    async with connection.transaction():
        now = await connection.fetchval("select now()")
        new = await orders.place(connection, action, places, by, reason, now, per_second)
        open_ones = await connection.fetch(
            _OPEN_ORDERS,
            [place.consumer for place in places],
            [place.topic for place in places],
            [place.partition for place in places],
            [place.offset for place in places],
        )
    same = [row["id"] for row in open_ones if row["action"] == action]
    return Written(same, len(same) - len(new), len(places) - len(same))


async def look(connection: Connection, ids: Sequence[UUID]) -> Progress:
    """What has become of orders until now."""
    rows = await connection.fetch(_LOOK, list(ids))
    left: Any = await connection.fetchrow(_LEFT, list(ids)) if all(row["outcome"] for row in rows) else None
    return Progress(rows, left["open"], left["draining"]) if left else Progress(rows)


async def follow(
    connection: Connection, ids: Sequence[UUID], patience: float, tell: Callable[[Progress], None]
) -> Progress:
    """Look until the orders are carried out and what was held behind them is worked off.

    Gives up, with `timed_out` set, when something is due and nothing moves for `patience` seconds.
    """
    before, moved = None, time.monotonic()
    while True:
        seen = await look(connection, ids)
        tell(seen)
        if seen.complete:
            return seen
        due = seen.draining or any(row["due"] for row in seen.rows if not row["outcome"])
        if (now := (seen.done, seen.open, seen.draining)) != before or not due:
            before, moved = now, time.monotonic()
        if time.monotonic() - moved > patience:
            return Progress(seen.rows, seen.open, seen.draining, timed_out=True)
        await asyncio.sleep(_LOOK_SECONDS)


def _as_wished(row: Any) -> bool:
    good = _GOOD[row["action"]]
    return row["outcome"] in good or (row["outcome"] == "gone" and row["note"] in good)
