"""Webhooks in the database: kept before they are answered, claimed under a lease, settled with their effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from chassis.identifiers import new_id
from chassis.postgres import Connection, Pool
from services.payments.domain.tidings import Ring, Tiding

# Longer than any gateway rings again; what is older than its signature's tolerance is refused before it comes here.
KEPT = timedelta(days=35)
CHANNEL = "rings"
_PRUNED = 5_000  # rows at once

# In the order of their keys: two processes that keep the same rings do not wait for each other in a circle.
_KEEP = """
with heard as (
    select *, row_number() over (partition by gateway, event_id order by place) = 1 as is_first
    from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[])
        with ordinality as heard (gateway, event_id, kind, body, attempt_id, place)
), kept as (
    insert into ring (gateway, event_id, kind, body)
    select gateway, event_id, kind, body from heard where is_first order by gateway, event_id
    on conflict do nothing returning gateway, event_id, pg_notify('rings', '')
)
select is_first and kept.event_id is not null as is_new,
    (select amount from attempt where attempt.attempt_id = heard.attempt_id) as asked_for,
    exists (select from ledger_entry where transaction_id = heard.attempt_id) as is_taken
from heard left join kept using (gateway, event_id) order by place
"""
# An array, for a planner may run a mere `in (select …)` twice. Leases run by the database's clock alone.
_CLAIM = """
update ring set lease = $1, leased_until = now() + make_interval(secs => $2)
where ctid = any(array(
    select ctid from ring
    where done_at is null and due_at <= now() and (leased_until is null or leased_until < now())
    order by due_at limit $3 for update skip locked))
returning gateway, event_id, kind, body, tries, due_at
"""
_FIND = """
select coalesce(
    (select key from attempt where attempt.attempt_id = asked.attempt_id),
    (select key from bill where bill.code = asked.payment_code and bill.code <> ''),
    (select key from bill where bill.bill_id = asked.bill_id),
    (select key from bill where bill.key = asked.dossier_code)) as key
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[])
    with ordinality as asked (attempt_id, payment_code, bill_id, dossier_code, place)
order by place
"""
_LOCK_FREE = "select key from bill where key = any($1::text[]) order by key for update skip locked"
# Who comes late settles nothing that is in another's hand.
_SETTLE = """
update ring set lease = null, leased_until = null, tries = ring.tries + fate.tried, last_error = fate.error,
    outcome = fate.outcome, done_at = case when fate.outcome is not null then clock_timestamp() end,
    due_at = case when fate.outcome is null then now() + make_interval(secs => fate.pause) else ring.due_at end
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::float8[])
    as fate (gateway, event_id, outcome, error, tried, pause)
where ring.gateway = fate.gateway and ring.event_id = fate.event_id and ring.lease = $1 and ring.done_at is null
"""
_WAITING = """
select count(*) as waiting, coalesce(extract(epoch from now() - min(heard_at)), 0)::float8 as oldest
from ring where done_at is null
"""
_PRUNE = """
delete from ring where ctid = any(array(
    select ctid from ring where done_at < now() - $1::interval order by done_at limit $2 for update skip locked))
"""
_LIST = """
select gateway, event_id, kind, heard_at, due_at, done_at, outcome, tries, last_error
from ring where (done_at is null) = $1 and ($2::text is null or gateway = $2) and ($3::text is null or outcome = $3)
order by heard_at desc limit $4
"""
_AGAIN = """
with again as (
    update ring set done_at = null, outcome = null, due_at = now(), tries = 0, lease = null, leased_until = null
    where gateway = $1 and event_id = $2 returning event_id
)
select event_id, pg_notify('rings', '') from again
"""


class Heard(NamedTuple):
    """A genuine webhook; `attempt_id` where its gateway wants to be answered about that attempt."""

    gateway: str
    ring: Ring
    attempt_id: UUID | None


class Kept(NamedTuple):
    """What became of a webhook: whether it was new, what its attempt asked for (đồng), whether money was taken for it."""

    is_new: bool
    asked_for: int | None
    is_taken: bool


class Fate(NamedTuple):
    """What becomes of a claimed ring: an `outcome`, or it waits for `pause` seconds because of `error`."""

    gateway: str
    event_id: str
    outcome: str | None
    error: str | None = None
    tried: int = 0
    pause: float = 0.0


async def keep(pool: Pool, heard: Sequence[Heard]) -> list[Kept]:
    """Write these down, each once for good, in one statement that is a transaction; wake whoever works them off."""
    rows = await pool.fetch(
        _KEEP,
        [each.gateway for each in heard],
        [each.ring.event_id for each in heard],
        [each.ring.kind for each in heard],
        [each.ring.body for each in heard],
        [each.attempt_id for each in heard],
    )
    return [Kept(*row) for row in rows]


async def claim(pool: Pool, seconds: float, limit: int) -> tuple[UUID, list[Any]]:
    """A new lease for so many seconds, and the waiting rings that it holds: at most `limit`, the longest due first."""
    lease = new_id()
    rows = await pool.fetch(_CLAIM, lease, seconds, limit)
    return lease, sorted(rows, key=lambda row: row["due_at"])


async def bills_of(pool: Pool, tidings: Sequence[Tiding]) -> list[str | None]:
    """The key of the bill that each tiding is about; None where there is no such bill."""
    rows = await pool.fetch(
        _FIND,
        [each.attempt_id for each in tidings],
        [each.payment_code for each in tidings],
        [each.bill_id for each in tidings],
        [each.dossier_code for each in tidings],
    )
    return [row["key"] for row in rows]


async def lock_free(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Lock those of these bills that nobody else is at, without waiting for the others; answers which."""
    return {row["key"] for row in await connection.fetch(_LOCK_FREE, sorted(set(keys)))}


async def settle(connection: Connection | Pool, lease: UUID, fates: Sequence[Fate]) -> None:
    """Write down what became of rings that this lease still holds."""
    if fates:
        await connection.execute(_SETTLE, lease, *map(list, zip(*fates, strict=True)))


async def waiting(pool: Pool) -> tuple[int, float]:
    """How many rings wait, and for how many seconds the oldest does."""
    row = await pool.fetchrow(_WAITING)
    return (row["waiting"], row["oldest"]) if row else (0, 0.0)


async def prune(pool: Pool) -> None:
    """Delete the rings that were done longer than KEPT ago, some at a time. None that waits is deleted."""
    deleted = _PRUNED
    while deleted == _PRUNED:
        done = await pool.execute(_PRUNE, KEPT, _PRUNED)
        deleted = int(done.rsplit(" ", 1)[1])


async def listed(pool: Pool, is_waiting: bool, gateway: str | None, outcome: str | None, limit: int) -> list[Any]:
    """Rings that wait, or are done, the newest first; without their bodies, which may name payers."""
    return await pool.fetch(_LIST, is_waiting, gateway, outcome, limit)


async def again(pool: Pool, gateway: str, event_id: str) -> bool:
    """Work a ring off once more, done or not; False where there is none."""
    return await pool.fetchrow(_AGAIN, gateway, event_id) is not None
