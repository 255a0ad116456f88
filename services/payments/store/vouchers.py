"""Vouchers of money that was taken at a counter (phiếu thu), or paid out there (phiếu chi): each is one money, for good."""

from __future__ import annotations

from uuid import UUID

from chassis.postgres import Connection

_KEEP = "insert into counter_voucher (reference, bill_id, money_id) values ($1, $2, $3) on conflict do nothing"
_USED = """
select money_id, coalesce(dossier_code, '') as dossier_code
from counter_voucher left join bill using (bill_id) where reference = $1"""


async def keep(connection: Connection, reference: str, money_id: UUID, bill_id: UUID | None = None) -> str | None:
    """Keep a voucher for this money, of a bill or of none; waits for a transaction that is at it.

    None where it is this money's; else the code of the dossier for which it was used, or "" where that was for none.
    """
    await connection.execute(_KEEP, reference, bill_id, money_id)
    used = await connection.fetchrow(_USED, reference)
    return None if used is None or used["money_id"] == money_id else str(used["dossier_code"])
