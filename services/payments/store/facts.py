"""What dossiers say, kept beside their bills."""

from __future__ import annotations

from chassis.aggregate import Aggregate
from chassis.postgres import Connection, Pool
from services.payments.domain.dossier_fact import DossierFact, Reached

aggregate = Aggregate(
    name="dossier_fact",
    key="code",
    subject="code",
    model=DossierFact,
    load="select * from dossier_fact where code = any($1::text[]) order by code for update",
    save=(
        """
        insert into dossier_fact (code, version, sequence, traceparent, last, reached, fees_asked, asked_at, waiting_since,
                                  ended, ended_at, accepted)
        select r.* from jsonb_to_recordset($1::jsonb) as r(code text, version int, sequence int, traceparent text,
            last int, reached text, fees_asked bigint, asked_at timestamptz, waiting_since timestamptz, ended text,
            ended_at timestamptz, accepted boolean)
        on conflict (code) do update set
            version = excluded.version, last = excluded.last, reached = excluded.reached,
            fees_asked = excluded.fees_asked, asked_at = excluded.asked_at, waiting_since = excluded.waiting_since,
            ended = excluded.ended, ended_at = excluded.ended_at, accepted = excluded.accepted
        where dossier_fact.version = excluded.version - 1""",
    ),
)


async def reached_of(pool: Pool | Connection, code: str) -> Reached | None:
    """How far a dossier has come; None before it is taken in, and of one that we have not heard of."""
    reached: Reached | None = await pool.fetchval("select reached from dossier_fact where code = $1", code)
    return reached
