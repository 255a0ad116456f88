"""Due work under a lease: claimed without blocking others, settled in the transaction of its effect.

Nothing rests on a lease being kept: who comes late finds the row gone and leaves no effect, and frees or puts off only
what is still in its own hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.identifiers import new_id
from chassis.postgres import Connection, Pool

Table = Literal["timer", "call"]

_FREE = "(leased_until is null or leased_until < now())"
# Most of a batch from the oldest, the rest from the newest: what is due just now never waits behind a flood, except
# behind an older one of its aggregate, which may cancel it.
_TIMERS = f"""
array(select id from timer where due_at <= $3 and {_FREE} order by due_at, id limit $4 for update skip locked)
|| array(
    select id from timer where due_at <= $3 and {_FREE} and not exists (
        select from timer as older where older.aggregate = timer.aggregate and older.key = timer.key
        and (older.due_at, older.id) < (timer.due_at, timer.id)
    ) order by due_at desc, id desc limit $5 for update skip locked
)
"""
_NEWEST = 4  # one of so many
_CALLS = f"""
array(
    select due.id from unnest($3::text[], $4::int[]) as asked (kind, free) cross join lateral (
        select id from call where kind = asked.kind and due_at <= now() and {_FREE} and id <> all($5::uuid[])
        order by due_at limit asked.free for update skip locked
    ) as due
)"""
_HELD = "(id, lease) in (select * from unnest($1::uuid[], $2::uuid[]))"


async def due_timers(pool: Pool, now: datetime, seconds: float, limit: int) -> list[Any]:
    """At most `limit` due timers, leased to us for `seconds`, in the order in which they became due."""
    newest = limit // _NEWEST
    return await claim(pool, "timer", _TIMERS, seconds, now, limit - newest, newest)


async def due_calls(pool: Pool, seconds: float, free: Mapping[str, int], own: Sequence[UUID] = ()) -> list[Any]:
    """Due calls, of each kind at most as many as it has `free` places, leased to us for `seconds`; oldest first.

    None of our `own`, which we are still making, whatever became of their leases.
    """
    return await claim(pool, "call", _CALLS, seconds, list(free), list(free.values()), list(own))


async def claim(pool: Pool, table: Table, chosen: str, seconds: float, *arguments: Any) -> list[Any]:
    """The rows whose ids `chosen` makes an array of, under one new lease.

    An array, for a planner may run a mere `in (select …)` twice. Leases run by the database's clock alone.
    """
    rows = await pool.fetch(
        f"""
        update {table} set lease = $1, leased_until = now() + make_interval(secs => $2)
        where id = any({chosen}) returning *""",
        new_id(),
        seconds,
        *arguments,
    )
    return sorted(rows, key=lambda row: row["due_at"])


async def claim_one(pool: Pool, table: Table, row_id: UUID, seconds: float) -> Any | None:
    """One row by its id, leased to us, due or not; None when it is gone or in somebody's hand."""
    return await pool.fetchrow(
        f"""
        update {table} set lease = $1, leased_until = now() + make_interval(secs => $2)
        where id = $3 and {_FREE} returning *""",
        new_id(),
        seconds,
        row_id,
    )


async def renew(pool: Pool, table: Table, held: Sequence[tuple[UUID, UUID]], seconds: float) -> set[tuple[UUID, UUID]]:
    """Hold these (id, lease) for `seconds` from now; answers those that are still ours."""
    rows = await pool.fetch(
        f"update {table} set leased_until = now() + make_interval(secs => $3) where {_HELD} returning id, lease",
        *_columns(held),
        seconds,
    )
    return {(row["id"], row["lease"]) for row in rows}


async def release(pool: Pool, table: Table, held: Sequence[tuple[UUID, UUID]]) -> None:
    """Nobody works on these (id, lease) any more: whoever claims next may have them."""
    await pool.execute(f"update {table} set leased_until = null where {_HELD}", *_columns(held))


async def still_there(connection: Connection, table: Table, ids: list[UUID]) -> set[UUID]:
    """Which rows are still to be settled, locked until this transaction ends. Lock the aggregates first."""
    rows = await connection.fetch(f"select id from {table} where id = any($1::uuid[]) order by id for update", ids)
    return {row["id"] for row in rows}


async def settle(connection: Connection, table: Table, ids: list[UUID]) -> None:
    """Their effect is in this transaction: the rows are done."""
    await connection.execute(f"delete from {table} where id = any($1::uuid[])", ids)


async def postpone(connection: Connection | Pool, table: Table, rows: Sequence[Any], due_at: datetime) -> None:
    """Not done, and due again at `due_at`; those that are in another's hand by now are left to it."""
    await connection.execute(
        f"update {table} set due_at = $3, leased_until = null where {_HELD}", *_columns(held_by(rows)), due_at
    )


def held_by(rows: Sequence[Any]) -> list[tuple[UUID, UUID]]:
    """The (id, lease) of claimed rows."""
    return [(row["id"], row["lease"]) for row in rows]


def _columns(held: Sequence[tuple[UUID, UUID]]) -> tuple[list[UUID], list[UUID]]:
    return [row_id for row_id, _ in held], [lease for _, lease in held]
