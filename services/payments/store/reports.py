"""What agencies report: takings from the ledger, and the journal of receipts. Days are those of Vietnam."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.postgres import Pool

# A fee's entries stand in the transaction of the money that paid them, or, where it was paid in parts, in one of their own:
# then all gateways that took a part are named. What goes back counts when it is decided: from then on it is owed.
_TAKINGS = """
with line as (
    select fee.bill_id, fee.transaction_id, substr(fee.account, 5) as beneficiary, fee.reason as code, fee.debit, fee.credit,
        (fee.posted_at at time zone 'Asia/Ho_Chi_Minh')::date as day, substr(money.account, 9) as gateway
    from ledger_entry as fee
        left join ledger_entry as money on money.transaction_id = fee.transaction_id
            and money.account like 'gateway:%' and money.posted_at >= $1 and money.posted_at < $2
    where fee.posted_at >= $1 and fee.posted_at < $2 and fee.account like 'fee:%'
), told as (
    select bill.agency, bill.agency_name, line.day, line.beneficiary, line.debit, line.credit,
        coalesce(line.gateway,
            (select back ->> 'gateway' from jsonb_array_elements(bill.refunds) as back
             where back ->> 'refund_id' = line.transaction_id::text),
            (select string_agg(distinct money ->> 'gateway', '+') from jsonb_array_elements(bill.captures) as money
             where money ->> 'use' = 'fees'), '') as gateway,
        coalesce((select each ->> 'kind' from jsonb_array_elements(bill.fee_lines) as each
            where each ->> 'code' = line.code), '') as kind
    from line join bill using (bill_id)
    where $3::text is null or bill.agency = $3
)
select agency, max(agency_name) as agency_name, day, gateway, beneficiary, kind, sum(credit)::bigint as collected,
    sum(debit)::bigint as refunded, (sum(credit) - sum(debit))::bigint as net
from told group by agency, day, gateway, beneficiary, kind order by agency, day, gateway, beneficiary, kind
"""
_JOURNAL = """
select r.number, r.issued_at, r.agency, b.agency_name, r.dossier_code, r.amount, r.replaces, e.kind as ended, e.ended_at,
    e.reason as ended_because
from receipt r join bill b using (bill_id) left join receipt_end e using (number)
where r.issued_at >= $1 and r.issued_at < $2 and ($3::text is null or r.agency = $3) and r.number > $4
order by r.number limit $5
"""


async def takings(pool: Pool, since: datetime, until: datetime, agency: str | None) -> Sequence[dict[str, Any]]:
    """Đồng that were collected and sent back in [since, until) by agency, day, gateway, beneficiary account, kind of fee.

    Take a day at a time.
    """
    return [dict(row) for row in await pool.fetch(_TAKINGS, since, until, agency)]


async def journal(
    pool: Pool, since: datetime, until: datetime, agency: str | None, after: str, limit: int
) -> Sequence[dict[str, Any]]:
    """Receipts that were issued in [since, until), in the order of their numbers, from behind `after` on.

    Take a day at a time.
    """
    return [dict(row) for row in await pool.fetch(_JOURNAL, since, until, agency, after, limit)]
