"""Vouchers (phiếu thu) of money that was taken at a counter: each for one bill."""

from __future__ import annotations

from uuid import UUID

from chassis.postgres import Connection

_KEEP = "insert into counter_voucher (reference, bill_id) values ($1, $2) on conflict do nothing"
_BILL = "select bill_id from counter_voucher where reference = $1"


async def keep(connection: Connection, reference: str, bill_id: UUID) -> bool:
    """Keep a voucher for this bill; False where it is another bill's. Waits for a transaction that is at it."""
    await connection.execute(_KEEP, reference, bill_id)
    kept: bool = await connection.fetchval(_BILL, reference) == bill_id
    return kept
