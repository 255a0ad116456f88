"""Dossiers in the database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.postgres import Connection, Pool
from services.intake.domain.dossier import Dossier

aggregate = Aggregate(
    name="dossier",
    key="code",
    subject="code",
    model=Dossier,
    load="select * from dossier where code = any($1::text[]) order by code for update",
    save=(
        """
        insert into dossier select r.* from jsonb_to_recordset($1::jsonb) as r(
            code text, version int, sequence int, traceparent text,
            procedure text, procedure_version int, procedure_name text,
            agency text, agency_name text, department text, officer text, person_id uuid,
            status smallint, since timestamptz, due timestamptz, processing_days int,
            fee_lines jsonb, appointment jsonb, handling_department text,
            result text, result_number text, grounds text, submitted_at timestamptz, form jsonb)
        on conflict (code) do update set
            version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent,
            department = excluded.department, officer = excluded.officer,
            status = excluded.status, since = excluded.since, due = excluded.due,
            result_number = excluded.result_number, grounds = excluded.grounds
        where dossier.version = excluded.version - 1""",
    ),
)

_FIND = "select * from dossier where code = $1"
_NEXT = """
insert into code_counter (agency, day, last) values ($1, $2, 1)
on conflict (agency, day) do update set last = code_counter.last + 1
returning last
"""
PAGE = """
select code, procedure, procedure_name, agency, agency_name, department, officer, status, since, due, submitted_at
from dossier
where ($1::uuid is null or person_id = $1) and ($2::text is null or agency = $2)
  and ($3::smallint is null or status = $3)
  and ($4::timestamptz is null or (submitted_at, code) < ($4, $5::text))
order by submitted_at desc, code desc limit $6
"""


async def next_number(connection: Connection, agency: str, day: date) -> int:
    """The day's next dossier number of an agency; others who ask wait until this transaction ends."""
    return int(await connection.fetchval(_NEXT, agency, day))


async def find(pool: Pool, code: str) -> Dossier | None:
    """A dossier to be looked at: nothing is locked."""
    row = await pool.fetchrow(_FIND, code)
    return Dossier.model_validate(dict(row)) if row else None


async def page(
    pool: Pool,
    person_id: UUID | None,
    agency: str | None,
    status: int | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Dossiers of a person or an agency, newest first, from behind `after` = (submitted_at, code)."""
    rows = await pool.fetch(PAGE, person_id, agency, status, after and after[0], after and after[1], limit)
    return [dict(row) for row in rows]
