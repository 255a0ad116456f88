"""The inbox: which events a consumer has already taken effect of. An id is in it for an effect, never for a parked record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from chassis.postgres import Connection, Pool

_TAKE = """
insert into inbox (consumer, event_id) select $1, id from unnest($2::uuid[]) as id order by id
on conflict do nothing returning event_id
"""
_GIVE_BACK = "delete from inbox where consumer = $1 and event_id = any($2::uuid[])"
_PRUNE = """
delete from inbox where ctid = any(array(
    select ctid from inbox where received_at < now() - $1::interval order by received_at limit $2 for update skip locked
))
"""

# Longer than any topic that is not compacted keeps its records (90 days) plus the time in which parked ones may be redriven.
KEPT = timedelta(days=130)


async def take(connection: Connection, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
    """Enter ids; answers those that were not there. Waits for another transaction that is entering the same."""
    rows = await connection.fetch(_TAKE, consumer, sorted(set(ids)))
    return {row["event_id"] for row in rows}


async def give_back(connection: Connection, consumer: str, ids: Iterable[UUID]) -> None:
    """Remove ids that this transaction entered and that had no effect after all."""
    await connection.execute(_GIVE_BACK, consumer, list(ids))


async def prune(connection: Connection | Pool, limit: int) -> int:
    """Delete at most `limit` rows past their time; answers how many."""
    done = await connection.execute(_PRUNE, KEPT, limit)
    return int(done.rsplit(" ", 1)[1])
