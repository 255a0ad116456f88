"""Agencies' reports in the database: what became of each, and their own ids of dossiers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.postgres import Connection, Pool
from services.intake.domain.document import Document
from services.intake.domain.report import Earlier

# Statements for Aggregate.notes: each takes an array of domain.report.Answered.
NOTES = (
    """
    insert into agency_answer (agency, report_id, at, kind, code, external_id, digest, taken, status, problem)
    select agency, report_id, at, kind, code, external_id, digest, taken, status, problem
    from jsonb_to_recordset($1::jsonb) as r(
        agency text, report_id text, at timestamptz, kind text, code text, external_id text, digest text,
        taken boolean, status smallint, problem jsonb)""",
    """
    insert into agency_dossier (agency, external_id, code)
    select distinct agency, external_id, code
    from jsonb_to_recordset($1::jsonb) as r(agency text, external_id text, code text, taken boolean)
    where taken and external_id is not null
    on conflict do nothing""",
    """
    update document set attached = true where not attached and id in (
        select document_id from jsonb_to_recordset($1::jsonb) as r(document_id uuid, taken boolean) where taken)""",
)

# Reports that speak of the same id take turns, in one order; it ends with the transaction.
_TURNS = "select pg_advisory_xact_lock(hashtextextended('agency ' || name, 0)) from unnest($1::text[]) as name"
_EARLIER = """
select agency, report_id, digest, status from agency_answer
where taken and (agency, report_id) in (select * from unnest($1::text[], $2::text[]))"""
_NAMED = """
select agency, external_id, code from agency_dossier
where (agency, external_id) in (select * from unnest($1::text[], $2::text[]))"""
# Locked: whoever sweeps what nobody uses leaves them alone.
_DOCUMENTS = """
select * from document where (agency, id) in (select * from unnest($1::text[], $2::uuid[]))
order by id for no key update"""
_CODE = """
select coalesce(
    (select code from dossier where code = $2),
    (select code from agency_dossier where agency = $1 and external_id = $3))"""
_PAGE = """
select tx, number, at, kind, report_id, code, external_id, taken, status, problem from agency_answer
where agency = $1 and at >= $2 and (tx, number) > ($3, $4)
    and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
order by tx, number limit $5"""
_FORGET = """
delete from agency_answer where number = any(array(
    select number from agency_answer where not taken and at < $1 order by at limit $2))"""

Ids = Collection[tuple[str, str]]
"""Agencies with ids of theirs."""


async def take_turns(connection: Connection, names: Collection[str]) -> None:
    """Wait until nobody else's transaction speaks of one of these."""
    await connection.execute(_TURNS, sorted(names))


async def earlier(connection: Connection, reports: Ids) -> dict[tuple[str, str], Earlier]:
    """What was taken under these report ids."""
    rows = await connection.fetch(_EARLIER, *_columns(reports))
    return {(row["agency"], row["report_id"]): Earlier(digest=row["digest"], status=row["status"]) for row in rows}


async def named(connection: Connection, external: Ids) -> dict[tuple[str, str], str]:
    """The dossiers that bear these external ids."""
    rows = await connection.fetch(_NAMED, *_columns(external))
    return {(row["agency"], row["external_id"]): row["code"] for row in rows}


async def uploaded(connection: Connection, documents: Collection[tuple[str, UUID]]) -> dict[tuple[str, UUID], Document]:
    """Those of the documents that exist and are their agency's, locked."""
    rows = await connection.fetch(_DOCUMENTS, *_columns(documents))
    return {(row["agency"], row["id"]): Document.model_validate(dict(row)) for row in rows}


async def code_of(connection: Connection, agency: str, code: str, typed: str) -> str | None:
    """The dossier of this code, or else the one that the agency has under the id that it typed."""
    found: str | None = await connection.fetchval(_CODE, agency, code, typed)
    return found


async def page(pool: Pool, agency: str, since: datetime, after: tuple[int, int], limit: int) -> list[dict[str, Any]]:
    """What became of an agency's reports, in the order in which it can be read, from behind `after` = (tx, number)."""
    return [dict(row) for row in await pool.fetch(_PAGE, agency, since, *after, limit)]


async def forget(pool: Pool, before: datetime, most: int) -> int:
    """Delete at most `most` rejections from before a moment; answers how many."""
    return int((await pool.execute(_FORGET, before, most)).rsplit(" ", 1)[1])


def _columns(pairs: Collection[tuple[str, Any]]) -> tuple[Sequence[str], Sequence[Any]]:
    return [first for first, _ in pairs], [second for _, second in pairs]
