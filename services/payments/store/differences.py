"""Differences in the database, and the runs that find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from chassis.aggregate import Aggregate
from chassis.postgres import Connection, Pool
from services.payments.domain.difference import Difference
from services.payments.store.bills import aggregate as bills

CHANNEL = "reconciliations"
# As long as webhooks are: until then it can be seen how what one of them did not tell was found. Of whole days nothing is
# forgotten that was done: for years it can be shown that each day was looked at.
KEPT = timedelta(days=35)
_PRUNED = 5_000  # rows at once

aggregate = Aggregate(
    name="difference",
    key="key",
    subject="subject",
    model=Difference,
    load="select * from difference where key = any($1::text[]) order by key for update",
    save=(
        """
        insert into difference (key, difference_id, version, sequence, traceparent, subject, gateway, kind, reference, state,
            incoming, expected, found, currency, at, found_at, dossier_code, bill_id, attempt_id, money_id, apart, postings,
            refund_id, refund_reference, bill_assigned, reason, by, paid_out_by)
        select r.* from jsonb_to_recordset($1::jsonb) as r(key text, difference_id uuid, version int, sequence int,
            traceparent text, subject text, gateway text, kind text, reference text, state text, incoming boolean,
            expected bigint, found bigint, currency text, at timestamptz, found_at timestamptz, dossier_code text,
            bill_id uuid, attempt_id uuid, money_id uuid, apart bigint, postings int, refund_id uuid,
            refund_reference text, bill_assigned uuid, reason text, by text,
            paid_out_by text)
        on conflict (key) do update set
            version = excluded.version, sequence = excluded.sequence, state = excluded.state,
            expected = excluded.expected, found = excluded.found, currency = excluded.currency, at = excluded.at,
            dossier_code = excluded.dossier_code, bill_id = excluded.bill_id, attempt_id = excluded.attempt_id,
            money_id = excluded.money_id, apart = excluded.apart, postings = excluded.postings,
            refund_id = excluded.refund_id, refund_reference = excluded.refund_reference,
            bill_assigned = excluded.bill_assigned, reason = excluded.reason, by = excluded.by,
            paid_out_by = excluded.paid_out_by
        where difference.version = excluded.version - 1""",
    ),
    # The ledger is written in one way, whoever posts.
    notes=(next(statement for statement in bills.notes if "insert into ledger_entry" in statement),),
)

_UNEXPLAINED = """
select gateway, count(*) as count, coalesce(sum(amount) filter (where currency = 'VND'), 0)::bigint as dong
from difference where state = 'open' group by gateway"""
_ASK = """
insert into reconciliation_run (run_id, gateway, day, since, until, asked_by)
select * from unnest($1::uuid[], $2::text[], $3::date[], $4::timestamptz[], $5::timestamptz[], $6::text[])"""
_WAITING = "select exists (select from reconciliation_run where finished_at is null and due_at <= now())"
# Counted before it is tried: one that ends its process every time is not begun for ever.
_BEGIN = """
update reconciliation_run as run set tries = least(tries + 1, $1),
    finished_at = case when tries >= $1 then now() end,
    error = case when tries >= $1 then coalesce(error, 'whoever did it came to no end') else error end
from (select run_id from reconciliation_run where finished_at is null and due_at <= now()
    order by asked_at, run_id limit 1) as next
where run.run_id = next.run_id
returning run.*, finished_at is not null as is_given_up"""
_AGAIN = """
update reconciliation_run set error = $2, due_at = now() + make_interval(secs => $3),
    finished_at = case when tries >= $4 then now() end
where run_id = $1"""
_ASKED_LATELY = """
select exists (select from reconciliation_run where gateway = $1 and asked_by = $2 and finished_at is null)
    or exists (select from reconciliation_run
        where gateway = $1 and asked_by = $2 and asked_at > $3 and error is null)"""
_DONE_AGO = """
select gateway, extract(epoch from now() - coalesce(
    (select max(finished_at) from reconciliation_run as run where run.gateway = side.gateway and report is not null),
    (select min(asked_at) from reconciliation_run as run where run.gateway = side.gateway)))::float8 as seconds
from unnest($1::text[]) as side (gateway)"""
_PRUNE = """
delete from reconciliation_run where ctid = any(array(
    select ctid from reconciliation_run
    where finished_at < now() - $1::interval and (day is null or report is null)
    order by finished_at limit $2 for update skip locked))"""


@dataclass(frozen=True, slots=True)
class Run:
    """One look at one gateway's [since, until), or at `dossiers`; `day` where it is a whole one.

    `is_given_up`: it was begun as often as may be, and never came to an end.
    """

    run_id: UUID
    gateway: str
    since: datetime
    until: datetime
    asked_by: str
    day: date | None = None
    is_given_up: bool = False


async def find(pool: Pool | Connection, difference_id: UUID) -> Difference | None:
    row = await pool.fetchrow("select * from difference where difference_id = $1", difference_id)
    return None if row is None else Difference.model_validate(dict(row))


async def listed(
    pool: Pool, state: str | None, gateway: str | None, after: UUID | None, limit: int
) -> list[Difference]:
    """The newest first, behind `after`."""
    rows = await pool.fetch(
        """
        select * from difference
        where ($1::text is null or state = $1) and ($2::text is null or gateway = $2)
            and ($3::uuid is null or (found_at, difference_id) < (
                select found_at, difference_id from difference where difference_id = $3))
        order by found_at desc, difference_id desc limit $4""",
        state,
        gateway,
        after,
        limit,
    )
    return [Difference.model_validate(dict(row)) for row in rows]


async def unsettled(pool: Pool, gateway: str) -> list[Difference]:
    """Those that may be gone by now."""
    query = "select * from difference where gateway = $1 and state in ('open', 'explained')"
    return [Difference.model_validate(dict(row)) for row in await pool.fetch(query, gateway)]


async def unexplained(pool: Pool) -> Mapping[str, tuple[int, int]]:
    """(how many, đồng) of what is open, by gateway."""
    return {row["gateway"]: (row["count"], row["dong"]) for row in await pool.fetch(_UNEXPLAINED)}


async def reconciled_ago(pool: Pool, sides: Sequence[str]) -> Mapping[str, float]:
    """Seconds since each of these was last looked at, to the end; or, where it never was, since that was first asked for.

    Without those of which nobody has asked that yet.
    """
    rows = await pool.fetch(_DONE_AGO, sides)
    return {row["gateway"]: row["seconds"] for row in rows if row["seconds"] is not None}


async def ask(pool: Pool, runs: Sequence[Run]) -> None:
    """Have these done by whoever does them."""
    names = ("run_id", "gateway", "day", "since", "until", "asked_by")
    await pool.execute(_ASK, *([getattr(run, name) for run in runs] for name in names))
    await pool.execute(f"notify {CHANNEL}")


async def was_asked(pool: Pool, gateway: str, asked_by: str, since: datetime) -> bool:
    """Whether such a run waits, or there was one since then that has not failed."""
    return bool(await pool.fetchval(_ASKED_LATELY, gateway, asked_by, since))


async def is_waiting(pool: Pool) -> bool:
    """Whether a run waits that is due."""
    return bool(await pool.fetchval(_WAITING))


async def begun(pool: Pool, most_tries: int) -> Run | None:
    """The oldest run that waits, with one try more on its account; or given up, when it has had them all."""
    row = await pool.fetchrow(_BEGIN, most_tries)
    return None if row is None else Run(**{name: row[name] for name in Run.__dataclass_fields__})


async def progressed(pool: Pool, run_id: UUID, lines: int) -> None:
    await pool.execute("update reconciliation_run set lines = $2 where run_id = $1", run_id, lines)


async def finished(pool: Pool, run_id: UUID, report: Mapping[str, Any]) -> None:
    query = "update reconciliation_run set finished_at = now(), error = null, report = $2 where run_id = $1"
    await pool.execute(query, run_id, to_json(report).decode())


async def again(pool: Pool, run_id: UUID, error: str, seconds: float, most_tries: int) -> None:
    """It could not be done: once more after so many seconds, or given up."""
    await pool.execute(_AGAIN, run_id, error, seconds, most_tries)


async def runs(pool: Pool, run_ids: Sequence[UUID] | None, limit: int) -> list[dict[str, Any]]:
    """These runs, or the latest: the newest first, those that were asked for together in that order."""
    query = """
        select * from reconciliation_run where $1::uuid[] is null or run_id = any($1)
        order by asked_at desc, run_id limit $2"""
    return [dict(row) for row in await pool.fetch(query, run_ids, limit)]


async def prune(pool: Pool) -> None:
    """Forget runs that ended longer than KEPT ago, some at a time; none of a whole day that was done."""
    deleted = _PRUNED
    while deleted == _PRUNED:
        done = await pool.execute(_PRUNE, KEPT, _PRUNED)
        deleted = int(done.rsplit(" ", 1)[1])
