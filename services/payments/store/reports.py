"""What agencies report: takings from the ledger, and the journal of receipts. Days are those of Vietnam."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.postgres import Pool

# Fees are collected when the last of their money is there. A bill that was paid in parts stands under each gateway with what
# it took: the money, in the order in which it came, is laid along the fee lines, and the last of it reaches to their end,
# for the excess is no fee. What goes back counts when it is decided: from then on it is owed.
_TAKINGS = """
with fee as (
    select bill_id, transaction_id, substr(account, 5) as beneficiary, reason as code, debit, credit,
        (posted_at at time zone 'Asia/Ho_Chi_Minh')::date as day,
        sum(credit) over (partition by transaction_id order by line) as upto
    from ledger_entry where posted_at >= $1 and posted_at < $2 and account like 'fee:%'
), told as (
    select bill.agency, bill.agency_name, fee.day, fee.beneficiary, coalesce(share.gateway, '') as gateway,
        coalesce((select each ->> 'kind' from jsonb_array_elements(bill.fee_lines) as each
            where each ->> 'code' = fee.code), '') as kind,
        coalesce(share.collected, fee.credit) as collected, fee.debit as refunded
    from fee join bill using (bill_id) left join lateral (
        select gateway, least(fee.upto, upto) - greatest(fee.upto - fee.credit, since) as collected
        from (
            select gateway, sum(amount) over earlier - amount as since,
                case when lead(place) over earlier is null then 'infinity' else sum(amount) over earlier end as upto
            from jsonb_array_elements(bill.captures) with ordinality as every (money, place),
                jsonb_to_record(money) as capture (gateway text, amount numeric, use text)
            where use = 'fees' and fee.credit > 0
            window earlier as (order by place)
        ) as taken
        where since < fee.upto and upto > fee.upto - fee.credit
        union all
        select back ->> 'gateway', 0 from jsonb_array_elements(bill.refunds) as back
        where fee.debit > 0 and back ->> 'refund_id' = fee.transaction_id::text
    ) as share on true
    where $3::text is null or bill.agency = $3
)
select agency, max(agency_name) as agency_name, day, gateway, beneficiary, kind, sum(collected)::bigint as collected,
    sum(refunded)::bigint as refunded, (sum(collected) - sum(refunded))::bigint as net
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

    Take some hours at a time.
    """
    return [dict(row) for row in await pool.fetch(_TAKINGS, since, until, agency)]


async def journal(
    pool: Pool, since: datetime, until: datetime, agency: str | None, after: str, limit: int
) -> Sequence[dict[str, Any]]:
    """Receipts that were issued in [since, until), in the order of their numbers, from behind `after` on.

    Take a day at a time.
    """
    return [dict(row) for row in await pool.fetch(_JOURNAL, since, until, agency, after, limit)]
