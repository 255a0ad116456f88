"""Payers' banks: signatures that were used, and what notices of money were answered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic_core import to_json

from chassis.postgres import Connection, Pool
from services.payments.domain.bill import Bill

_USE = "insert into bank_request (signature) values ($1) on conflict do nothing"
_FORGET = "delete from bank_request where heard_at < now() - interval '15 minutes'"
_ANSWER = """
insert into bank_notice (bank, reference, payment_code, amount, paid_at, result, why, bill_id)
values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8) on conflict do nothing"""
_ANSWERED = """
select payment_code, amount, paid_at, result, why, bill_id from bank_notice where bank = $1 and reference = $2"""
_BY_CODE = "select * from bill where code = $1"


async def use(pool: Pool, signature: bytes) -> bool:
    """Mark a signature as used; False for one that was used before."""
    return await pool.execute(_USE, signature) != "INSERT 0 0"


async def forget(pool: Pool) -> None:
    """Forget signatures that are too old to be accepted again."""
    await pool.execute(_FORGET)


async def answer(
    connection: Connection, bank: str, notice: Any, result: str, why: dict[str, str] | None, bill_id: UUID | None
) -> bool:
    """Write down what a notice is answered; False when it was answered before. Waits for a transaction that is at it."""
    told = notice.payment_code, notice.amount, notice.paid_at, result, to_json(why).decode() if why else None, bill_id
    return await connection.execute(_ANSWER, bank, notice.transaction_reference, *told) != "INSERT 0 0"


async def answered(connection: Connection, bank: str, reference: str) -> dict[str, Any] | None:
    """What the notice of this transaction was answered."""
    row = await connection.fetchrow(_ANSWERED, bank, reference)
    return None if row is None else dict(row)


async def by_code(pool: Pool, payment_code: str) -> Bill | None:
    """The bill of a payment code."""
    row = await pool.fetchrow(_BY_CODE, payment_code)
    return None if row is None else Bill.model_validate(dict(row))
