"""Gateways' statements in the database, and held against the ledger: set-based, a few thousand references at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from chassis.postgres import Connection, Pool
from services.payments.domain.difference import UNEXPLAINED
from services.payments.domain.ledger import Posting, clearing
from services.payments.domain.sides import FeeToMend, Posted, Stated
from services.payments.domain.tidings import Known, Movement

_AT_ONCE = 20_000  # lines
_KEEP = """
insert into statement_line (gateway, line, kind, incoming, reference, amount, currency, at, fee, attempt_id, refund_id,
                            payment_code, purpose, note)
select $1, * from unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[],
    $9::bigint[], $10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::text[])
on conflict (gateway, line) do update set
    kind = excluded.kind, incoming = excluded.incoming, reference = excluded.reference, amount = excluded.amount,
    currency = excluded.currency, at = excluded.at, fee = excluded.fee, attempt_id = excluded.attempt_id,
    refund_id = excluded.refund_id, payment_code = excluded.payment_code, purpose = excluded.purpose, note = excluded.note,
    is_gone = false
where statement_line.is_gone or (statement_line.kind, statement_line.incoming, statement_line.reference, statement_line.amount,
       statement_line.currency, statement_line.at, statement_line.fee)
    is distinct from (excluded.kind, excluded.incoming, excluded.reference, excluded.amount, excluded.currency,
                      excluded.at, excluded.fee)"""
_UNTOLD = """
select line from statement_line as l
where gateway = $1 and at >= $2 and at < $3 and kept_at < $4 and not is_gone
    and not exists (select from unnest($5::text[]) as told (line) where told.line = l.line)"""
_TAKE_BACK = """
update statement_line set is_gone = true, gone_at = now() where gateway = $1 and line = any($2::text[]) and not is_gone"""
_TAKEN_BACK = """
select distinct reference from statement_line where gateway = $1 and at >= $2 and at < $3 and is_gone"""
_FEES = """
select l.line, l.fee * (not l.is_gone)::int - coalesce(sum(e.credit - e.debit), 0)::bigint as more, count(e.account) as before
from statement_line as l left join ledger_entry as e on e.account = $4 and e.reference = 'fee ' || l.line
where l.gateway = $1 and l.at >= $2 and l.at < $3 and l.gone_at is not null and l.currency = 'VND'
group by l.gateway, l.line having l.fee * (not l.is_gone)::int <> coalesce(sum(e.credit - e.debit), 0)"""
_POST = """
insert into ledger_entry (transaction_id, line, account, debit, credit, reason, reference)
select n.transaction_id, n.line, n.account, n.debit, n.credit, n.reason, n.reference
from jsonb_to_recordset($1::jsonb) as n(transaction_id uuid, line smallint, account text, debit bigint, credit bigint,
    reason text, reference text)
where not exists (select from ledger_entry as before where before.transaction_id = n.transaction_id)"""
_COMPARE = """
with asked as (
    select distinct reference from unnest($2::text[]) as asked (reference)
), stated as (
    select reference, incoming, count(*) as lines, sum(l.amount)::bigint as amount,
        (array_agg(l order by l.at, l.line))[1] as first
    from statement_line as l join asked using (reference)
    where l.gateway = $1 and not l.is_gone group by reference, incoming
), posted as (
    select reference, e.debit > 0 as incoming, sum(e.debit + e.credit)::bigint as amount
    from ledger_entry as e join asked using (reference)
    where e.account = $3 and e.reason <> $4 group by 1, 2
), unlike as materialized (
    select stated.*, posted.amount as posted from stated left join posted using (reference, incoming)
    where (first).currency <> 'VND' or stated.amount is distinct from posted.amount
)
select $1 as gateway, u.reference, u.incoming, (u.first).kind, (u.first).line, u.lines, (u.first).amount as each,
    u.amount, (u.first).currency, (u.first).at, (u.first).note, (u.first).attempt_id, (u.first).refund_id, u.posted,
    bill.key as bill_key, bill.bill_id, bill.dossier_code,
    exists (select from jsonb_array_elements(bill.captures) as c where c ->> 'reference' = u.reference) as capture_known,
    coalesce(refund.state, case difference.state when 'returning' then 'ready' when 'returned' then 'done'
        when 'by_hand' then 'by_hand'
        when 'open' then 'refused' when 'explained' then 'refused' end) as refund_state,
    coalesce(refund.paid_out_by, difference.paid_out_by) is not null as by_hand, difference.key as difference_key,
    (select coalesce(sum(l.amount), 0)::bigint from statement_line as l
     where l.gateway = $1 and l.refund_id = (u.first).refund_id and l.incoming <> u.incoming
        and l.kind in ('refund', 'refund_returned') and l.currency = (u.first).currency and not l.is_gone) as opposite
from unlike as u
left join attempt on attempt.attempt_id = (u.first).attempt_id
left join bill as coded on coded.code = (u.first).payment_code and coded.code <> ''
left join lateral (
    select e.bill_id from ledger_entry as e where e.transaction_id = (u.first).refund_id and e.bill_id is not null limit 1
) as owed on true
left join bill as refunding on refunding.bill_id = owed.bill_id
left join lateral (
    select b.key from bill as b
    where (u.first).currency <> 'VND' and jsonb_path_exists(b.refunds, '$[*] ? (@.currency != "VND")')
        and b.refunds @> jsonb_build_array(jsonb_build_object('refund_id', (u.first).refund_id)) limit 1
) as other on true
left join bill on bill.key = coalesce(attempt.key, coded.key, refunding.key, other.key)
left join lateral jsonb_to_recordset(bill.refunds) as refund (refund_id uuid, state text, paid_out_by text)
    on refund.refund_id = (u.first).refund_id
left join difference on difference.refund_id = (u.first).refund_id
order by (u.first).at, u.reference"""
_MISSING = """
with posted as (
    select e.reference, e.debit > 0 as incoming, sum(e.debit + e.credit)::bigint as amount,
        min(e.posted_at) as posted_at, (array_agg(e.bill_id))[1] as bill_id,
        (array_agg(e.transaction_id))[1] as transaction_id
    from ledger_entry as e
    where e.account = $2 and e.reference is not null and e.reason <> all($6::text[])
        and ((e.posted_at >= $3 and e.posted_at < $4) or e.reference = any($5::text[]))
        and not exists (
            select from statement_line as l
            where l.gateway = $1 and l.reference = e.reference and l.incoming = (e.debit > 0) and not l.is_gone
        )
    group by 1, 2
)
select $1 as gateway, p.reference, p.incoming, p.amount, p.bill_id, bill.dossier_code, coalesce(
    (select (c ->> 'paid_at')::timestamptz from jsonb_array_elements(bill.captures) as c
     where c ->> 'reference' = p.reference and p.incoming limit 1),
    (select (r ->> 'requested_at')::timestamptz from jsonb_array_elements(bill.refunds) as r
     where r ->> 'reference' = p.reference limit 1),
    p.posted_at) as moment, p.posted_at,
    exists (select from attempt where attempt.attempt_id = p.transaction_id) as has_page
from posted as p left join bill using (bill_id)"""
# Pages on which money may have come in that we have not heard of, or other money did, which is in no ledger; and those
# whose money must be on the statement: what we have heard of, of that time or of these references.
_ASKED = """
with waiting as (
    select attempt.* from attempt join bill using (key)
    where attempt.gateway = $1 and attempt.began >= $2 and attempt.began < $4 and not exists (
            select from jsonb_array_elements(bill.past) as p
            where (p ->> 'attempt_id')::uuid = attempt.attempt_id and (p ->> 'closed')::boolean and not exists (
                select from jsonb_array_elements(bill.captures) as c
                where c ->> 'attempt_id' = p ->> 'attempt_id' and c ->> 'currency' <> 'VND'))
        and not exists (select from ledger_entry as e where e.transaction_id = attempt.attempt_id)
), heard as (
    select attempt.* from ledger_entry as e join attempt on attempt.attempt_id = e.transaction_id
    where e.account = $5 and ((e.posted_at >= $3 and e.posted_at < $4) or e.reference = any($6::text[]))
        and ($7 or not exists (select from statement_line as l where l.gateway = $1 and l.reference = e.reference))
)
select attempt_id, session_id, began, closes_at, amount
from (select * from waiting union select * from heard) as asked where session_id is not null order by began, attempt_id"""
_MOVED = """
insert into statement_cursor (gateway, cursor) values ($1, $2)
on conflict (gateway) do update set cursor = excluded.cursor"""


async def keep(connection: Connection, gateway: str, movements: Sequence[Movement]) -> None:
    """Write lines down as they are told now; a line that is told again is the same line."""
    told = list({each.line: each for each in movements}.values())
    await connection.execute(
        _KEEP,
        gateway,
        [each.line for each in told],
        [each.kind for each in told],
        [each.kind in ("capture", "refund_returned") or (each.kind == "other" and each.amount > 0) for each in told],
        [each.reference for each in told],
        [abs(each.amount) for each in told],
        [each.currency for each in told],
        [each.at for each in told],
        [each.fee for each in told],
        [each.attempt_id for each in told],
        [each.refund_id for each in told],
        [each.payment_code for each in told],
        [each.purpose if each.kind == "capture" and not each.payment_code else "" for each in told],
        [each.note for each in told],
    )


async def now(pool: Pool) -> datetime:
    """The present, by the clock that lines are kept by."""
    present: datetime = await pool.fetchval("select clock_timestamp()")
    return present


async def take_back(
    pool: Pool, gateway: str, since: datetime, until: datetime, began: datetime, told: Sequence[str]
) -> int:
    """Lines of [since, until) that a reading which `began` then, and was complete, did not tell again: how many are gone.

    They count no more; told again, they count again.
    """
    lines = [row["line"] for row in await pool.fetch(_UNTOLD, gateway, since, until, began, told)]
    for start in range(0, len(lines), _AT_ONCE):
        await pool.execute(_TAKE_BACK, gateway, lines[start : start + _AT_ONCE])
    return len(lines)


async def taken_back(pool: Pool, gateway: str, since: datetime, until: datetime) -> list[str]:
    """The references of lines of [since, until) that are gone."""
    return [row["reference"] for row in await pool.fetch(_TAKEN_BACK, gateway, since, until)]


async def fees_to_mend(pool: Pool, gateway: str, since: datetime, until: datetime) -> list[FeeToMend]:
    """Of lines of [since, until) that are gone, or were: what their fees are more, or less, than what was posted."""
    rows = await pool.fetch(_FEES, gateway, since, until, clearing(gateway))
    return [FeeToMend(gateway, **dict(row)) for row in rows]


async def post(connection: Connection, postings: Sequence[Posting]) -> None:
    """Write ledger transactions that no bill makes; those that stand there already are left alone."""
    if postings:
        await connection.execute(_POST, to_json(postings).decode())


async def unlike(pool: Pool, gateway: str, references: Sequence[str]) -> list[Stated]:
    """What the statement says of these references and the ledger does not, or otherwise."""
    rows = await pool.fetch(_COMPARE, gateway, references, clearing(gateway), UNEXPLAINED)
    return [Stated(**dict(row)) for row in rows]


async def unstated(
    pool: Pool, gateway: str, since: datetime, until: datetime, references: Sequence[str]
) -> list[Posted]:
    """What the ledger has of [since, until) or of these references, and the statement on no line."""
    ours = ["gateway fee", UNEXPLAINED]
    rows = await pool.fetch(_MISSING, gateway, clearing(gateway), since, until, references, ours)
    return [Posted(**dict(row)) for row in rows]


async def has_it(connection: Connection, gateway: str, reference: str) -> bool:
    """Whether the ledger has this money otherwise than as a difference."""
    query = "select exists (select from ledger_entry where account = $1 and reference = $2 and reason <> $3)"
    return bool(await connection.fetchval(query, clearing(gateway), reference, UNEXPLAINED))


async def asked(
    pool: Pool, gateway: str, began: datetime, since: datetime, until: datetime, references: Sequence[str], again: bool
) -> list[Known]:
    """The pages that a gateway without a statement must be asked about, for a run over [since, until).

    Those made since `began` that nobody has paid on, as far as we know; and those whose money we have heard of in that time
    or under these references: `again`, too, where it was told of before.
    """
    rows = await pool.fetch(_ASKED, gateway, began, since, until, clearing(gateway), references, again)
    return [Known(**dict(row)) for row in rows]


async def cursor(pool: Pool, gateway: str) -> str:
    """How far the statement was read; "0" before it ever was."""
    found: Any = await pool.fetchval("select cursor from statement_cursor where gateway = $1", gateway)
    return str(found or "0")


async def move_cursor(pool: Pool, gateway: str, to: str) -> None:
    """All before it is in our books."""
    await pool.execute(_MOVED, gateway, to)
