"""What an agency's register of dossiers (form 07) is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chassis.postgres import Pool

_RECEIVED = """
select code, procedure, procedure_name, handler_name, submitted_at, result_due, status, since, delivery, grounds,
    form -> 'applicant' as applicant
from dossier where agency = $1 and submitted_at >= $2 and submitted_at < $3
order by submitted_at, code limit $4"""


async def received(pool: Pool, agency: str, since: datetime, before: datetime, limit: int) -> list[Any]:
    """The dossiers that an agency received from `since` until before `before`, the first ones first."""
    rows: list[Any] = await pool.fetch(_RECEIVED, agency, since, before, limit)
    return rows
