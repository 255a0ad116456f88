"""How much an agency has to do, counted over what is open and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chassis.postgres import Pool

_COUNTS = """
    count(*) as open,
    count(*) filter (where least(due, result_due) < $2) as late,
    count(*) filter (where least(due, result_due) between $2 and $3) as today,
    count(*) filter (where least(due, result_due) > $3 and least(due, result_due) <= $4) as soon"""
_HERE = " ".join(
    [
        "select department, officer, status,",
        _COUNTS,
        "from dossier where handler = $1 and status in (1, 2, 4, 5, 6, 7)",
        "group by department, officer, status order by department, officer nulls first, status",
    ]
)
_ELSEWHERE = " ".join(
    [
        "select handler, handler_name,",
        _COUNTS,
        "from dossier where agency = $1 and handler <> agency and status in (1, 2, 4, 5, 6, 7)",
        "group by handler, handler_name order by handler",
    ]
)
_TO_RETURN = "select count(*) from dossier where handler = $1 and status = 9"


async def here(pool: Pool, agency: str, now: datetime, today: datetime, soon: datetime) -> list[Any]:
    """What the agency has, by department, officer and status: open, and of that late, due today, due soon."""
    rows: list[Any] = await pool.fetch(_HERE, agency, now, today, soon)
    return rows


async def elsewhere(pool: Pool, agency: str, now: datetime, today: datetime, soon: datetime) -> list[Any]:
    """The same of what the agency received and others have now, by who has it."""
    rows: list[Any] = await pool.fetch(_ELSEWHERE, agency, now, today, soon)
    return rows


async def to_return(pool: Pool, agency: str) -> int:
    """How many results wait to be handed over."""
    return int(await pool.fetchval(_TO_RETURN, agency))
