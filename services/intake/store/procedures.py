"""Procedures in the database: each with all its versions."""

from __future__ import annotations

from chassis.aggregate import Aggregate
from chassis.postgres import Pool
from services.intake.domain.versions import Publication

aggregate = Aggregate(
    name="procedure",
    key="code",
    subject="code",
    model=Publication,
    one_trace=False,
    load="select * from procedure where code = any($1::text[]) order by code for update",
    save=(
        """
        insert into procedure select r.* from jsonb_to_recordset($1::jsonb) as r(
            code text, version int, sequence int, traceparent text, versions text)
        on conflict (code) do update set
            version = excluded.version, sequence = excluded.sequence, versions = excluded.versions
        where procedure.version = excluded.version - 1""",
    ),
)

# Every write raises a version, and nothing is ever deleted: an equal sum is an unchanged table.
_WRITES = "select coalesce(sum(version), 0) from procedure"
_ALL = "select * from procedure order by code"
_ONE = "select * from procedure where code = $1"
_UNDER_WAY = """
select procedure, procedure_version, count(*) as dossiers from dossier
where procedure = any($1::text[]) and status not in (3, 8, 10) and ($2::text is null or agency = $2)
group by procedure, procedure_version
"""


async def writes(pool: Pool) -> int:
    """How often any procedure was written: grows with every change."""
    return int(await pool.fetchval(_WRITES))


async def everything(pool: Pool) -> list[Publication]:
    """All procedures to be looked at, by code: nothing is locked."""
    return [Publication.model_validate(dict(row)) for row in await pool.fetch(_ALL)]


async def find(pool: Pool, code: str) -> Publication | None:
    """One procedure to be looked at."""
    row = await pool.fetchrow(_ONE, code)
    return Publication.model_validate(dict(row)) if row else None


async def under_way(pool: Pool, codes: list[str], agency: str | None) -> dict[tuple[str, int], int]:
    """How many dossiers are under way, by procedure and version; of all agencies or of one."""
    rows = await pool.fetch(_UNDER_WAY, codes, agency)
    return {(row["procedure"], row["procedure_version"]): row["dossiers"] for row in rows}
