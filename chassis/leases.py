"""Due work under a lease: claimed without blocking others, settled in the transaction of its effect.

Nothing rests on a lease being kept: who comes late finds the row gone and leaves no effect.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.postgres import Connection, Pool

Table = Literal["timer", "call"]


async def claim(pool: Pool, table: Table, now: datetime | None, seconds: float, limit: int) -> list[Any]:
    """Due rows that nobody has leased, leased to us for `seconds`, in the order in which they became due.

    Due by the database's clock when `now` is None. An array, for a planner may run a mere `in (select …)` twice.
    """
    rows = await pool.fetch(
        f"""
        update {table} set leased_until = now() + make_interval(secs => $2)
        where id = any(array(
            select id from {table} where due_at <= coalesce($1, now()) and (leased_until is null or leased_until < now())
            order by due_at limit $3 for update skip locked
        )) returning *""",
        now,
        seconds,
        limit,
    )
    return sorted(rows, key=lambda row: row["due_at"])


async def claim_one(pool: Pool, table: Table, row_id: UUID, seconds: float) -> Any | None:
    """One row by its id, leased to us, due or not; None when it is gone or in somebody's hand."""
    return await pool.fetchrow(
        f"""
        update {table} set leased_until = now() + make_interval(secs => $2)
        where id = $1 and (leased_until is null or leased_until < now()) returning *""",
        row_id,
        seconds,
    )


async def still_there(connection: Connection, table: Table, ids: list[UUID]) -> set[UUID]:
    """Which rows are still to be settled, locked until this transaction ends. Lock the aggregates first."""
    rows = await connection.fetch(f"select id from {table} where id = any($1::uuid[]) order by id for update", ids)
    return {row["id"] for row in rows}


async def settle(connection: Connection, table: Table, ids: list[UUID]) -> None:
    """Their effect is in this transaction: the rows are done."""
    await connection.execute(f"delete from {table} where id = any($1::uuid[])", ids)


async def postpone(connection: Connection | Pool, table: Table, ids: list[UUID], seconds: float) -> None:
    """Not done: due again after `seconds`."""
    await connection.execute(
        f"update {table} set due_at = now() + make_interval(secs => $2), leased_until = null where id = any($1::uuid[])",
        ids,
        seconds,
    )
