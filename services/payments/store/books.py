"""Bills held against dossiers and against themselves: each query looks for one kind of disagreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.postgres import Pool
from services.payments.domain.sides import Noticed

_BILL_MISSING = """
select f.code as reference, f.code as dossier_code, f.fees_asked as expected, coalesce(sum(b.amount), 0)::bigint as found,
    f.asked_at as since
from dossier_fact as f left join bill as b on b.dossier_code = f.code
where f.ended is null and f.asked_at < $2 and (f.asked_at >= $1 or f.code = any($3))
group by f.code having coalesce(sum(b.amount), 0) < f.fees_asked"""
# Void are those that were taken back. The newest is the one that is waited for: when it is void, its dossier is about to
# go on.
_PAID_BUT_WAITING = """
select f.code as reference, f.code as dossier_code, f.waiting_since as since,
    (sum(b.amount) filter (where b.void_reason is null))::bigint as expected, 0 as found
from dossier_fact as f join bill as b on b.dossier_code = f.code
where f.waiting_since < $1
group by f.code
having bool_and(b.state = 'paid') filter (where b.void_reason is null) and sum(b.amount) >= f.fees_asked
    and (array_agg(b.void_reason order by b.bill_id desc))[1] is null and not exists (
    select from ledger_entry as e where e.dossier_code = f.code and e.posted_at >= $1)"""
_ENDED_BUT_KEPT = """
select b.key as reference, b.dossier_code, b.bill_id, kept.amount as expected, 0 as found, f.ended_at as since
from dossier_fact as f join bill as b on b.dossier_code = f.code and b.state = 'paid' cross join lateral (
    select (
        select coalesce(sum((l ->> 'amount')::bigint), 0)::bigint from jsonb_array_elements(b.fee_lines) as l
        where (l ->> 'refundable')::boolean and not (f.accepted and l ->> 'refund_until' is not distinct from 'acceptance')
    ) - (
        select coalesce(sum((l ->> 'amount')::bigint), 0)
        from jsonb_array_elements(b.refunds) as r, jsonb_array_elements(r -> 'lines') as l
    )::bigint as amount
) as kept
where f.ended_at < $2 and (f.ended_at >= $1 or b.key = any($3)) and kept.amount > 0"""
_ENDED_BUT_OPEN = """
select b.key as reference, b.dossier_code, b.bill_id, 0 as expected, b.amount as found, f.ended_at as since
from dossier_fact as f join bill as b on b.dossier_code = f.code and b.state in ('open', 'checkout_ready', 'in_checkout')
where f.ended_at < $2 and (f.ended_at >= $1 or b.key = any($3))"""
# Those that may be stuck: bills of dossiers that wait for them or have ended, and those whose gateway or timer is an hour
# late. No index has the state of a bill, for that changes all the time.
_PAGE_STUCK = """
with waiting as (
    select b.key from dossier_fact as f join bill as b on b.dossier_code = f.code
    where f.waiting_since < $2 or (f.ended_at >= $1 and f.ended_at < $2)
    union
    select key from call where aggregate = 'bill' and created_at < $2::timestamptz - interval '1 hour'
    union
    select key from timer where aggregate = 'bill' and due_at < $2::timestamptz - interval '1 hour'
    union
    select unnest($3::text[])
)
select b.key as reference, b.dossier_code, b.bill_id, (b.attempt ->> 'attempt_id')::uuid as attempt_id, 0 as expected,
    b.amount as found, concat_ws(': ', b.state, b.attempt ->> 'gateway') as reason,
    coalesce((b.attempt ->> 'closes_at')::timestamptz, b.due) as since
from waiting join bill as b using (key)
where (b.state in ('checkout_ready', 'closing', 'expiring', 'withdrawing')
        and coalesce((b.attempt ->> 'closes_at')::timestamptz, b.due) < $2::timestamptz - interval '1 hour')
    or (b.state in ('open', 'in_checkout') and b.due < $2::timestamptz - interval '1 day')"""
_REFUNDS = """
select case when r ->> 'state' = 'ready' then 'refund_stuck' else 'by_hand_waiting' end as kind,
    r ->> 'refund_id' as reference, b.dossier_code, b.bill_id, (r ->> 'amount')::bigint as expected, 0 as found,
    r ->> 'currency' as currency, (r ->> 'requested_at')::timestamptz as since
from bill as b, jsonb_array_elements(b.refunds) as r
where jsonb_path_exists(b.refunds, '$[*] ? (@.state == "ready" || @.state == "by_hand" || @.state == "refused")')
    and (r ->> 'state' in ('by_hand', 'refused')
         or (r ->> 'state' = 'ready' and coalesce((r ->> 'requested_at')::timestamptz, b.due) < $1::timestamptz - interval '1 day'))
union all
select case state when 'returning' then 'refund_stuck' else 'by_hand_waiting' end, refund_id::text, dossier_code, bill_id,
    amount, 0, currency, uuid_extract_timestamp(refund_id)
from difference
where state = 'by_hand'
    or (state = 'returning' and uuid_extract_timestamp(refund_id) < $1::timestamptz - interval '1 day')"""
_OF_BILLS = """
with touched as (
    select bill_id from ledger_entry where posted_at >= $1 and bill_id is not null
    group by bill_id having max(posted_at) < $2
    union
    select bill_id from difference where gateway = 'dossiers' and reference = any($3) and bill_id is not null
    union
    select b.bill_id from statement_line as l join attempt as a using (attempt_id) join bill as b using (key)
    where l.currency <> 'VND' and l.at >= $1
)
select 'paid_without_receipt' as kind, b.key as reference, b.dossier_code, b.bill_id, kept.amount as expected,
    holds.amount as found, 'VND' as currency, null as since
from touched join bill as b using (bill_id) cross join lateral (
    select b.amount - coalesce(sum((l ->> 'amount')::bigint), 0)::bigint as amount
    from jsonb_array_elements(b.refunds) as r, jsonb_array_elements(r -> 'lines') as l where r ->> 'state' = 'done'
) as kept cross join lateral (
    select coalesce(sum((r ->> 'amount')::bigint), 0)::bigint as amount
    from jsonb_array_elements(b.receipts) as r where r ->> 'ended' is null
) as holds
where b.state = 'paid' and kept.amount <> holds.amount
union all
select case when c ->> 'currency' = 'VND' then 'not_as_asked' else 'foreign_currency' end,
    c ->> 'reference', b.dossier_code, b.bill_id, 0, (c ->> 'amount')::bigint, c ->> 'currency',
    (c ->> 'paid_at')::timestamptz
from touched join bill as b using (bill_id), jsonb_array_elements(b.captures) as c
where b.state = 'discrepancy' and c ->> 'use' = 'apart'
    and not exists (
        select from jsonb_array_elements(b.refunds) as r where r ->> 'capture_id' = c ->> 'capture_id')"""

_WAITING = """
with waiting as (
    select r ->> 'state' as state, (r ->> 'requested_at')::timestamptz as since
    from bill as b, jsonb_array_elements(b.refunds) as r
    where jsonb_path_exists(b.refunds, '$[*] ? (@.state == "ready" || @.state == "by_hand" || @.state == "refused")')
        and r ->> 'state' <> 'done'
    union all
    select case state when 'returning' then 'ready' else state end, uuid_extract_timestamp(refund_id)
    from difference where state in ('returning', 'by_hand')
)
select state, count(*) as count, coalesce(extract(epoch from now() - min(since)), 0)::float8 as seconds
from waiting group by 1"""

# How far back is looked, before when something must have been there, and the references of what is known already; or only
# the second of these, where all is looked at.
_QUERIES = {
    "bill_missing": _BILL_MISSING,
    "ended_but_kept": _ENDED_BUT_KEPT,
    "ended_but_open": _ENDED_BUT_OPEN,
    "page_stuck": _PAGE_STUCK,
    "of_bills": _OF_BILLS,
}
_OF_ALL = {"paid_but_waiting": _PAID_BUT_WAITING, "refunds": _REFUNDS}


async def disagreements(pool: Pool, since: datetime, before: datetime, known: Sequence[str]) -> list[Noticed]:
    """What bills and dossiers disagree about, of what is as old as that."""
    found = list[Noticed]()
    for kind, query in _QUERIES.items():
        found += _noticed(kind, before, await pool.fetch(query, since, before, known))
    for kind, query in _OF_ALL.items():
        found += _noticed(kind, before, await pool.fetch(query, before))
    return found


def _noticed(kind: str, before: datetime, rows: Sequence[Any]) -> list[Noticed]:
    told = ({name: value for name, value in dict(row).items() if value is not None} for row in rows)
    return [Noticed(**{"kind": kind, "since": before} | each) for each in told]


async def refunds_waiting(pool: Pool) -> Mapping[str, tuple[int, float]]:
    """(how many, seconds of the oldest) of the refunds that have not gone yet, by state."""
    return {row["state"]: (row["count"], row["seconds"]) for row in await pool.fetch(_WAITING)}
