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
from services.intake.domain.dossier import DESK_DAYS

_DAYS = TypeAdapter(dict[date, bool])


class Promise(NamedTuple):
    """What a dossier's date is counted from, and the date as it was counted: the desk's, the citizen's or the promised one."""

    code: str
    agency: str
    clock: Deadline
    due: datetime


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
select code, agency,
    case
        when status = 1 then jsonb_build_object('amount', $4::int, 'started', since)
        when 5 in (status, before) then
            jsonb_build_object('amount', supplement_days, 'started', supplement -> 'asked_at')
        else clock
    end as clock,
    case when status = 1 or 5 in (status, before) then due else result_due end as due
from dossier
where agency = any($1::text[]) and code > $2
  and status in (1, 2, 4, 5, 7) and (status <> 7 or before in (2, 4, 5))
order by code limit $3
"""


async def versions(pool: Pool) -> tuple[tuple[str, int], ...]:
    """Which calendars were changed, and how often."""
    return tuple((row["key"], row["version"]) for row in await pool.fetch(_VERSIONS))


async def changes(pool: Pool) -> dict[str, dict[date, bool]]:
    """The changed days of each calendar."""
    return {row["key"]: _DAYS.validate_python(row["changes"]) for row in await pool.fetch(_ALL)}


async def promised(pool: Pool, agencies: Sequence[str], after: str, limit: int) -> list[Promise]:
    """Dossiers of these agencies that have a date by the calendar, by their code behind `after`."""
    rows = await pool.fetch(_PROMISED, list(agencies), after, limit, DESK_DAYS)
    return [Promise(row["code"], row["agency"], Deadline.model_validate(row["clock"]), row["due"]) for row in rows]
