"""The only SQL of status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.postgres import Pool
from services.status.domain.view import View

views = Aggregate(
    name="view",
    key="dossier_code",
    subject="dossier_code",
    model=View,
    load="select * from view where dossier_code = any($1::text[]) order by dossier_code for update",
    save=(
        """
        insert into view select r.* from jsonb_to_recordset($1::jsonb) as r(
            dossier_code text, version bigint, sequence bigint, traceparent text, opened_at timestamptz,
            procedure text, procedure_version int, procedure_name text, person_id uuid,
            dossier_sequence bigint, status smallint, agency text, agency_name text, department text, officer text,
            since timestamptz, due timestamptz, grounds text, result jsonb,
            payments jsonb, appointments jsonb, notices jsonb, timeline jsonb, result_due timestamptz, handler text,
            handler_name text, task text, supplement jsonb, withdrawal jsonb, new_dates jsonb, posts jsonb,
            warned jsonb, lateness text)
        on conflict (dossier_code) do update set
            version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent,
            opened_at = excluded.opened_at, procedure = excluded.procedure,
            procedure_version = excluded.procedure_version, procedure_name = excluded.procedure_name,
            person_id = excluded.person_id, dossier_sequence = excluded.dossier_sequence, status = excluded.status,
            agency = excluded.agency, agency_name = excluded.agency_name, department = excluded.department,
            officer = excluded.officer, since = excluded.since, due = excluded.due, grounds = excluded.grounds,
            result = excluded.result, payments = excluded.payments, appointments = excluded.appointments,
            notices = excluded.notices, timeline = excluded.timeline, result_due = excluded.result_due,
            handler = excluded.handler, handler_name = excluded.handler_name, task = excluded.task,
            supplement = excluded.supplement, withdrawal = excluded.withdrawal, new_dates = excluded.new_dates,
            posts = excluded.posts, warned = excluded.warned, lateness = excluded.lateness
        where view.version = excluded.version - 1""",
    ),
)

_FIND = "select * from view where dossier_code = $1"
_LISTED = """
select dossier_code, opened_at, procedure, procedure_name, status, agency, agency_name, handler, handler_name,
    department, officer, task, since, due, result_due, lateness
from view
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dossiers a page lists: of a person or an agency where these are given, else all; then the filters."""

    person_id: UUID | None = None
    of_agency: str | None = None
    agency: str | None = None
    status: int | None = None


async def find(pool: Pool, code: str) -> View | None:
    """One view, without a lock."""
    row = await pool.fetchrow(_FIND, code)
    return None if row is None else View.model_validate(dict(row))


async def page(pool: Pool, wanted: Wanted, after: tuple[datetime, str] | None, limit: int) -> list[dict[str, Any]]:
    """Dossiers, the newest first, from behind `after` = (opened_at, code)."""
    query, arguments = listing(wanted, after, limit)
    return [dict(row) for row in await pool.fetch(query, *arguments)]


def listing(wanted: Wanted, after: tuple[datetime, str] | None, limit: int) -> tuple[str, list[Any]]:
    """The query for a page: only the conditions that are asked for, so that each finds its index."""
    asked = (
        ("person_id = ", wanted.person_id),
        ("agency = ", wanted.of_agency),
        ("agency = ", wanted.agency),
        ("status = ", wanted.status),
    )
    arguments: list[Any] = [value for _, value in asked if value is not None]
    conditions = [
        f"{text}${number}" for number, (text, _) in enumerate((each for each in asked if each[1] is not None), 1)
    ]
    if after is not None:
        conditions.append(f"(opened_at, dossier_code) < (${len(arguments) + 1}, ${len(arguments) + 2})")
        arguments += after
    where = f"where {' and '.join(conditions)}" if conditions else ""
    order = f"order by opened_at desc, dossier_code desc limit ${len(arguments) + 1}"
    return f"{_LISTED} {where} {order}", [*arguments, limit]
