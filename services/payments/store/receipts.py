"""Receipts, read: they are written beside their bills."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.postgres import Pool
from contracts.money import FeeLine

_COLUMNS = """
select r.number, r.dossier_code, r.bill_id, r.agency, b.agency_name, r.amount, r.lines, r.issued_at, r.replaces,
    e.kind as ended, e.ended_at, e.reason as ended_because, next.number as replaced_by
from receipt r join bill b using (bill_id) left join receipt_end e using (number)
    left join receipt next on next.replaces = r.number
"""
_BY_NUMBER = _COLUMNS + "where r.year = $1 and r.ordinal = $2"
_OF_BILL = _COLUMNS + "where r.bill_id = $1 order by r.year desc, r.ordinal desc"


class Kept(BaseModel):
    """A receipt as it was issued, and what became of it. `amount` in đồng."""

    model_config = ConfigDict(frozen=True)

    number: str
    dossier_code: str
    bill_id: UUID
    agency: str
    agency_name: str
    amount: int
    lines: tuple[FeeLine, ...]
    issued_at: datetime
    replaces: str | None
    ended: Literal["replaced", "cancelled"] | None
    ended_at: datetime | None
    ended_because: str | None
    replaced_by: str | None


async def by_number(pool: Pool, year: int, ordinal: int) -> Kept | None:
    """One receipt."""
    row = await pool.fetchrow(_BY_NUMBER, year, ordinal)
    return None if row is None else Kept.model_validate(dict(row))


async def of_bill(pool: Pool, bill_id: UUID) -> list[Kept]:
    """All receipts of a bill, the newest first: those that were replaced or cancelled, too."""
    return [Kept.model_validate(dict(row)) for row in await pool.fetch(_OF_BILL, bill_id)]
