"""The only SQL of payments."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.calls import Calling
from chassis.postgres import Pool
from services.payments.domain.bill import Bill, IssueReceipt, ReceiptNumbered

bills = Aggregate(
    name="bill",
    key="key",
    subject="dossier_code",
    model=Bill,
    load="select * from bill where key = any($1::text[]) order by key for update",
    save=(
        """
        insert into bill (key, dossier_code, bill_id, version, sequence, traceparent, person_id, agency, state, amount,
                          currency, fee_lines, due, attempt, captured, taken, refund, receipt_number, void_reason)
        select r.* from jsonb_to_recordset($1::jsonb) as r(
            key text, dossier_code text, bill_id uuid, version int, sequence int, traceparent text, person_id uuid,
            agency text, state text, amount bigint, currency text, fee_lines jsonb, due timestamptz, attempt jsonb,
            captured jsonb, taken jsonb, refund jsonb, receipt_number text, void_reason text)
        on conflict (key) do update set
            version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent,
            state = excluded.state, attempt = excluded.attempt,
            captured = excluded.captured, taken = excluded.taken, refund = excluded.refund,
            receipt_number = excluded.receipt_number, void_reason = excluded.void_reason
        where bill.version = excluded.version - 1""",
        """
        insert into ledger_entry (transaction_id, line, dossier_code, bill_id, account, debit, credit, reason)
        select p.transaction_id, p.line, r.dossier_code, r.bill_id, p.account, p.debit, p.credit, p.reason
        from jsonb_to_recordset($1::jsonb) as r(dossier_code text, bill_id uuid, postings jsonb),
            jsonb_to_recordset(r.postings) as p(
                transaction_id uuid, line smallint, account text, debit bigint, credit bigint, reason text)""",
    ),
)

_FIND = "select * from bill where bill_id = $1"
# The ids begin with the time of what asked for the bill.
_OF_DOSSIER = "select * from bill where dossier_code = $1 order by bill_id desc"
_RECEIPT = "select year, number from receipt where receipt_id = $1"
_NEXT = """
insert into receipt_counter (year, last) values ($1, 1)
on conflict (year) do update set last = receipt_counter.last + 1 returning last
"""
_ISSUE = """
insert into receipt (receipt_id, year, number, dossier_code, bill_id, amount) values ($1, $2, $3, $4, $5, $6)
"""
_BALANCES = """
select account, (sum(debit) - sum(credit))::bigint as balance
from ledger_entry where dossier_code = $1 group by account order by account
"""


async def find(pool: Pool, bill_id: UUID) -> Bill | None:
    """One bill, without a lock."""
    row = await pool.fetchrow(_FIND, bill_id)
    return None if row is None else Bill.model_validate(dict(row))


async def of_dossier(pool: Pool, dossier_code: str) -> list[Bill]:
    """All bills of a dossier, the newest first."""
    return [Bill.model_validate(dict(row)) for row in await pool.fetch(_OF_DOSSIER, dossier_code)]


async def issue_receipt(request: IssueReceipt, calling: Calling) -> ReceiptNumbered:
    """Number a receipt, once for its id: counter and receipt commit together, so no number is lost or used twice."""
    async with calling.pool.acquire() as connection, connection.transaction():
        # The counter's row is locked first: two that number the same receipt see each other.
        number = await connection.fetchval(_NEXT, request.year)
        known = await connection.fetchrow(_RECEIPT, request.receipt_id)
        if known is None:
            await connection.execute(
                _ISSUE, request.receipt_id, request.year, number, request.dossier_code, request.bill_id, request.amount
            )
            return ReceiptNumbered(number=f"{request.year}/{number:08d}")
        await connection.execute("update receipt_counter set last = last - 1 where year = $1", request.year)
        return ReceiptNumbered(number=f"{known['year']}/{known['number']:08d}")


async def balances(pool: Pool, dossier_code: str) -> list[dict[str, Any]]:
    """What a dossier's entries add up to on each account, in đồng: debit less credit."""
    return [dict(row) for row in await pool.fetch(_BALANCES, dossier_code)]
