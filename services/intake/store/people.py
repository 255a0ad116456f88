"""People in the database."""

from __future__ import annotations

from chassis.aggregate import Aggregate
from services.intake.domain.person import Person

aggregate = Aggregate(
    name="person",
    key="person_id",
    subject="person_id",
    model=Person,
    one_trace=False,
    load="select * from person where person_id = any($1::text[]::uuid[]) order by person_id for update",
    save=(
        """
        insert into person select r.* from jsonb_to_recordset($1::jsonb) as r(
            person_id uuid, version int, sequence int, traceparent text,
            name text, citizen_id text, phone text, email text, language text)
        on conflict (person_id) do update set
            version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent,
            name = excluded.name, citizen_id = excluded.citizen_id,
            phone = excluded.phone, email = excluded.email, language = excluded.language
        where person.version = excluded.version - 1""",
    ),
)
