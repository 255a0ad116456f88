"""People in the database."""

from __future__ import annotations

from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.postgres import Connection
from services.intake.domain.person import Person
from services.intake.domain.search import plain

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
            name text, citizen_id text, phone text, email text, language text, counter boolean)
        on conflict (person_id) do update set
            version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent,
            name = excluded.name, citizen_id = excluded.citizen_id,
            phone = excluded.phone, email = excluded.email, language = excluded.language
        where person.version = excluded.version - 1""",
    ),
)

# One counter at a time for one citizen: else two that file at once would make two people of a new one.
_TURN = "select pg_advisory_xact_lock(hashtextextended('person ' || $1, 0))"
_KNOWN_AS = "select person_id, name from person where citizen_id = $1 and counter order by person_id"


async def known_as(connection: Connection, citizen_id: str, name: str) -> UUID | None:
    """The person whom a counter knew last by this citizen id and name (accents and capitals aside); None when none did.

    Nobody else draws such a person before this transaction ends.
    """
    await connection.execute(_TURN, citizen_id)
    rows = await connection.fetch(_KNOWN_AS, citizen_id)
    return next((row["person_id"] for row in rows if plain(row["name"]) == plain(name)), None)
