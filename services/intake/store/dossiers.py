"""Dossiers in the database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.postgres import Connection, Pool
from services.intake.domain.dossier import Dossier
from services.intake.store import reports

aggregate = Aggregate(
    name="dossier",
    key="code",
    subject="code",
    model=Dossier,
    load="select * from dossier where code = any($1::text[]) order by code for update",
    save=(
        """
        insert into dossier (
            code, version, sequence, traceparent, procedure, procedure_version, procedure_name, agency,
            agency_name, desk, handler, handler_name, department, officer, person_id, status, before, since,
            due, result_due, clock, processing, extended, extended_at, payment_days, supplement_days,
            fee_lines, appointment, stages, stage, delivery, tracking_number, result, result_number,
            result_document, grounds, supplement, documents, at_desk, register_check, register_asked, external_id, reported,
            submitted_at, filed_by, form, search, due_soon_told, overdue_told, fees_asked)
        select
            r.code, r.version, r.sequence, r.traceparent, r.procedure, r.procedure_version, r.procedure_name,
            r.agency, r.agency_name, r.desk, r.handler, r.handler_name, r.department, r.officer, r.person_id,
            r.status, r.before, r.since, r.due, r.result_due, r.clock, r.processing, r.extended, r.extended_at,
            r.payment_days, r.supplement_days, r.fee_lines, r.appointment, r.stages, r.stage, r.delivery,
            r.tracking_number, r.result, r.result_number, r.result_document, r.grounds, r.supplement,
            r.documents, r.at_desk, r.register_check, r.register_asked, r.external_id, r.reported, r.submitted_at, r.filed_by,
            r.form, to_tsvector('simple', r.search), r.due_soon_told, r.overdue_told, r.fees_asked
        from jsonb_to_recordset($1::jsonb) as r(
            code text, version int, sequence int, traceparent text, procedure text, procedure_version int,
            procedure_name text, agency text, agency_name text, desk text, handler text, handler_name text,
            department text, officer text, person_id uuid, status smallint, before smallint, since timestamptz,
            due timestamptz, result_due timestamptz, clock jsonb, processing jsonb, extended jsonb,
            extended_at timestamptz, payment_days int, supplement_days int, fee_lines jsonb, appointment jsonb,
            stages jsonb, stage smallint, delivery jsonb, tracking_number text, result text,
            result_number text, result_document jsonb, grounds text, supplement jsonb, documents jsonb,
            at_desk jsonb, register_check jsonb, register_asked smallint, external_id text, reported jsonb, submitted_at timestamptz,
            filed_by text, form jsonb, search text, due_soon_told timestamptz, overdue_told timestamptz,
            fees_asked jsonb)
        on conflict (code) do update set
            version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent,
            handler = excluded.handler, handler_name = excluded.handler_name, department = excluded.department,
            officer = excluded.officer, status = excluded.status, before = excluded.before,
            since = excluded.since, due = excluded.due, result_due = excluded.result_due,
            clock = excluded.clock, extended_at = excluded.extended_at, fee_lines = excluded.fee_lines,
            stage = excluded.stage, tracking_number = excluded.tracking_number,
            result_number = excluded.result_number, result_document = excluded.result_document,
            grounds = excluded.grounds, supplement = excluded.supplement, documents = excluded.documents,
            register_check = excluded.register_check, register_asked = excluded.register_asked, external_id = excluded.external_id,
            reported = excluded.reported, form = excluded.form, search = excluded.search,
            delivery = excluded.delivery, at_desk = excluded.at_desk,
            due_soon_told = excluded.due_soon_told, overdue_told = excluded.overdue_told,
            fees_asked = excluded.fees_asked
        where dossier.version = excluded.version - 1""",
        """
        insert into dossier_journal (code, at, kind, by, role, shown, paper, body)
        select r.code, j.at, j.kind, j.by, j.role, j.shown, j.paper, j.body
        from jsonb_to_recordset($1::jsonb) as r(code text, journal jsonb),
            jsonb_to_recordset(r.journal) as j(
                at timestamptz, kind text, by text, role text, shown boolean, paper text, body jsonb)""",
    ),
    notes=reports.NOTES,
)

_FIND = "select * from dossier where code = $1"
_NEXT = """
insert into code_counter (agency, day, last) values ($1, $2, $3)
on conflict (agency, day) do update set last = code_counter.last + excluded.last
returning last
"""
_JOURNAL = """
select number, at, kind, by, role, paper, body from dossier_journal
where code = $1 and (shown or not $2) and ($3::text is null or kind = $3) order by number
"""
PAGE = """
select code, procedure, procedure_name, agency, agency_name, handler, handler_name, department, officer, status, since,
    due, result_due, submitted_at
from dossier
where ($1::uuid is null or person_id = $1) and ($2::text is null or agency = $2)
  and ($3::smallint is null or status = $3)
  and ($4::timestamptz is null or (submitted_at, code) < ($4, $5::text))
order by submitted_at desc, code desc limit $6
"""


async def draw_numbers(connection: Connection, agency: str, day: date, count: int) -> int:
    """The last of the day's next `count` dossier numbers of an agency; others who ask wait until this transaction ends."""
    return int(await connection.fetchval(_NEXT, agency, day, count))


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


async def journal(pool: Pool, code: str, for_citizen: bool, kind: str | None = None) -> list[Any]:
    """The lines of a dossier's journal, or those of one kind; for its citizen the ones that are shown."""
    rows: list[Any] = await pool.fetch(_JOURNAL, code, for_citizen, kind)
    return rows
