"""Calendars as operators changed them, and whose promised dates hang on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from pydantic import TypeAdapter

from chassis.aggregate import Aggregate
from chassis.postgres import Pool
from services.intake.domain.calendar_changes import Changes
from services.intake.domain.deadline import Deadline

_DAYS = TypeAdapter(dict[date, bool])


class Promise(NamedTuple):
    """The clock of a dossier, and the date that was promised by it."""

    code: str
    agency: str
    clock: Deadline
    result_due: datetime


aggregate = Aggregate(
    name="calendar",
    key="key",
    subject="key",
    model=Changes,
    one_trace=False,
    load="select * from calendar where key = any($1::text[]) order by key for update",
    save=(
        """
        insert into calendar select r.* from jsonb_to_recordset($1::jsonb) as r(
            key text, version int, sequence int, traceparent text, changes jsonb)
        on conflict (key) do update set
            version = excluded.version, sequence = excluded.sequence, changes = excluded.changes
        where calendar.version = excluded.version - 1""",
    ),
)

_ALL = "select key, version, changes from calendar"
_VERSIONS = "select key, version from calendar order by key"
_PROMISED = """
select code, agency, clock, result_due from dossier
where agency = any($1::text[]) and code > $2 and result_due is not null and status in (2, 4, 7)
order by code limit $3
"""


async def versions(pool: Pool) -> tuple[tuple[str, int], ...]:
    """Which calendars were changed, and how often."""
    return tuple((row["key"], row["version"]) for row in await pool.fetch(_VERSIONS))


async def changes(pool: Pool) -> dict[str, dict[date, bool]]:
    """The changed days of each calendar."""
    return {row["key"]: _DAYS.validate_python(row["changes"]) for row in await pool.fetch(_ALL)}


async def promised(pool: Pool, agencies: Sequence[str], after: str, limit: int) -> list[Promise]:
    """Dossiers of these agencies that have a promised date, by their code behind `after`."""
    rows = await pool.fetch(_PROMISED, list(agencies), after, limit)
    return [
        Promise(row["code"], row["agency"], Deadline.model_validate(row["clock"]), row["result_due"]) for row in rows
    ]
