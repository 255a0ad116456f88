"""Bills and ledger entries found by what people have in hand, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.postgres import Pool
from services.payments.domain.bill import Bill
from services.payments.domain.gateways import ELSEWHERE, GATEWAYS
from services.payments.domain.ledger import clearing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bill must have; what is None does not matter. `day` is the day's first moment in Vietnam.

    `reference` is a gateway's name of a payment or refund; `amount` with `day`: money that moved then, else the bill's.
    """

    agency: str | None = None
    dossier_code: str | None = None
    payment_code: str | None = None
    reference: str | None = None
    receipt: str | None = None
    attempt_id: UUID | None = None
    state: str | None = None
    amount: int | None = None
    day: datetime | None = None


# Sub-selects, each over an index of its own: the planner begins with whichever finds least.
_CONDITIONS = {
    "agency": "agency = {}",
    "dossier_code": "dossier_code = {}",
    "payment_code": "code = {}",
    "reference": "bill_id in (select bill_id from ledger_entry where account = any({accounts}) and reference = {})",
    "receipt": "bill_id in (select bill_id from receipt where number = {})",
    "attempt_id": "key in (select key from attempt where attempt_id = {})",
    "state": "state = {}",
}
_AMOUNT = "amount = {}"
_MOVED = """bill_id in (select bill_id from ledger_entry where account = any({accounts}) and posted_at >= {day}
    and posted_at < {day} + interval '1 day' and ({amount}::bigint is null or debit + credit = {amount}))"""
_ACCOUNTS = [clearing(name) for name in (*GATEWAYS, *ELSEWHERE)]

_ENTRIES = """
select transaction_id, line, dossier_code, bill_id, account, debit, credit, reason, reference, posted_at
from ledger_entry
where ($1::text is null or dossier_code = $1) and ($2::text is null or account = $2)
  and posted_at >= $3 and posted_at < $4 and (posted_at, transaction_id, line) > ($5, $6::uuid, $7::int)
order by posted_at, transaction_id, line limit $8
"""


async def bills(pool: Pool, wanted: Wanted, before: UUID | None, limit: int) -> list[Bill]:
    """Bills that have all that is wanted, the newest first, from behind `before` on."""
    values: list[Any] = []

    def place(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    accounts, conditions = place(_ACCOUNTS), [f"{place(before)}::uuid is null or bill_id < $2"]
    for field in fields(wanted):
        value, condition = getattr(wanted, field.name), _CONDITIONS.get(field.name)
        if value is not None and condition is not None:
            conditions.append(condition.format(place(value), accounts=accounts))
    if wanted.day is not None:
        day, amount = place(wanted.day), place(wanted.amount)
        conditions.append(_MOVED.format(accounts=accounts, day=day, amount=amount))
    elif wanted.amount is not None:
        conditions.append(_AMOUNT.format(place(wanted.amount)))
    query = f"""select bill.* from bill where {_ACCOUNTS_ARE_TEXT} and ({") and (".join(conditions)})
        order by bill_id desc limit {place(limit)}"""
    return [Bill.model_validate(dict(row)) for row in await pool.fetch(query, *values)]


# Named once even where no condition needs it, so that the parameter has a type.
_ACCOUNTS_ARE_TEXT = "$1::text[] is not null"


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which ledger entry a page begins."""

    posted_at: datetime
    transaction_id: UUID
    line: int


async def entries(
    pool: Pool,
    dossier_code: str | None,
    account: str | None,
    since: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
) -> Sequence[dict[str, Any]]:
    """Ledger entries of a dossier, of an account, or of both, posted in [since, until), in the order of posting."""
    begin = after or Place(since - timedelta(microseconds=1), UUID(int=0), 0)
    place = begin.posted_at, begin.transaction_id, begin.line
    return [dict(row) for row in await pool.fetch(_ENTRIES, dossier_code, account, since, until, *place, limit)]
