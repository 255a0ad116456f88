"""Bills in the database, and what is written down beside them: attempts, ledger entries, receipts."""

from __future__ import annotations

from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.postgres import Connection, Pool
from services.payments.domain.bill import Bill

aggregate = Aggregate(
    name="bill",
    key="key",
    subject="dossier_code",
    model=Bill,
    load="select * from bill where key = any($1::text[]) order by key for update",
    save=(
        """
        insert into bill (key, dossier_code, bill_id, code, version, sequence, traceparent, person_id, agency, agency_name,
                          procedure, procedure_name, state, amount, currency, fee_lines, due, attempt, past, taken,
                          captures, refunds, receipts, void_reason, request_id)
        select r.* from jsonb_to_recordset($1::jsonb) as r(
            key text, dossier_code text, bill_id uuid, code text, version int, sequence int, traceparent text,
            person_id uuid, agency text, agency_name text, procedure text, procedure_name text, state text, amount bigint,
            currency text, fee_lines jsonb, due timestamptz, attempt jsonb, past jsonb, taken jsonb, captures jsonb,
            refunds jsonb, receipts jsonb, void_reason text, request_id uuid)
        on conflict (key) do update set
            code = excluded.code, version = excluded.version, sequence = excluded.sequence,
            traceparent = excluded.traceparent, state = excluded.state, attempt = excluded.attempt, past = excluded.past,
            taken = excluded.taken, captures = excluded.captures, refunds = excluded.refunds,
            receipts = excluded.receipts, void_reason = excluded.void_reason
        where bill.version = excluded.version - 1""",
    ),
    notes=(
        """
        insert into attempt (attempt_id, key, gateway, session_id, amount, began, closes_at)
        select n.attempt_id, n.key, n.gateway, n.session_id, n.amount, n.began, n.closes_at
        from jsonb_to_recordset($1::jsonb) as n(note text, attempt_id uuid, key text, gateway text, session_id text,
            amount bigint, began timestamptz, closes_at timestamptz)
        where n.note = 'attempt'
        on conflict (attempt_id) do update set session_id = excluded.session_id""",
        """
        insert into ledger_entry (transaction_id, line, dossier_code, bill_id, account, debit, credit, reason, reference)
        select n.transaction_id, n.line, n.dossier_code, n.bill_id, n.account, n.debit, n.credit, n.reason, n.reference
        from jsonb_to_recordset($1::jsonb) as n(note text, transaction_id uuid, line smallint, dossier_code text,
            bill_id uuid, account text, debit bigint, credit bigint, reason text, reference text)
        where n.note = 'posting'""",
        """
        insert into receipt (number, year, ordinal, dossier_code, bill_id, agency, amount, lines, issued_at, replaces)
        select n.number, n.year, n.ordinal, n.dossier_code, n.bill_id, n.agency, n.amount, n.lines, n.issued_at, n.replaces
        from jsonb_to_recordset($1::jsonb) as n(note text, number text, year int, ordinal int, dossier_code text,
            bill_id uuid, agency text, amount bigint, lines jsonb, issued_at timestamptz, replaces text)
        where n.note = 'receipt'""",
        """
        insert into receipt_end (number, kind, reason, ended_at)
        select n.number, n.kind, n.reason, n.ended_at
        from jsonb_to_recordset($1::jsonb) as n(note text, number text, kind text, reason text, ended_at timestamptz)
        where n.note = 'receipt_end'""",
    ),
)

_FIND = "select * from bill where bill_id = $1"
# The ids begin with the time of what asked for the bill.
_OF_DOSSIER = "select * from bill where dossier_code = $1 order by bill_id desc"
_CALLS_OF_PAGE = """
select id from call
where aggregate = 'bill' and key = $1 and (body ->> 'attempt_id')::uuid = $2"""


async def find(pool: Pool | Connection, bill_id: UUID) -> Bill | None:
    """One bill, without a lock."""
    row = await pool.fetchrow(_FIND, bill_id)
    return None if row is None else Bill.model_validate(dict(row))


async def of_dossier(pool: Pool, dossier_code: str) -> list[Bill]:
    """All bills of a dossier, the newest first."""
    return [Bill.model_validate(dict(row)) for row in await pool.fetch(_OF_DOSSIER, dossier_code)]


async def of_dossier_typed(pool: Pool, dossier_code: str) -> list[Bill]:
    """As `of_dossier`, by a code that somebody typed: in small letters, too."""
    return await of_dossier(pool, dossier_code) or await of_dossier(pool, dossier_code.upper())


async def calls_of_page(connection: Connection, key: str, attempt_id: UUID) -> tuple[UUID, ...]:
    """The calls to make, close or ask about a page that wait for its gateway."""
    return tuple(row["id"] for row in await connection.fetch(_CALLS_OF_PAGE, key, attempt_id))
