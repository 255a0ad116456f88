"""Procedures in the database."""

from __future__ import annotations

from chassis.aggregate import Aggregate
from services.intake.domain.publication import Publication

aggregate = Aggregate(
    name="publication",
    key="code",
    subject="code",
    model=Publication,
    one_trace=False,
    load="select * from procedure_published where code = any($1::text[]) order by code for update",
    save=(
        """
        insert into procedure_published select r.* from jsonb_to_recordset($1::jsonb) as r(
            code text, version int, sequence int, traceparent text, procedure_version int)
        on conflict (code) do update set
            version = excluded.version, sequence = excluded.sequence,
            procedure_version = excluded.procedure_version
        where procedure_published.version = excluded.version - 1""",
    ),
)
