"""Drafts in the database. A draft that is not the person's looks like none."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.postgres import Connection, Pool
from services.intake.domain import draft
from services.intake.domain.draft import Draft

# One at a time of each person: counted and written as one step.
_TURN = "select pg_advisory_xact_lock(hashtextextended('draft ' || $1::text, 0))"
_ADD = """
insert into draft (id, person_id, version, form, created_at, changed_at)
select $1, $2, $3, $4, $5, $6 where (select count(*) from draft where person_id = $2) < $7
returning true"""
_FIND = "select * from draft where id = $1 and person_id = $2"
_ALL = "select * from draft where person_id = $1 order by changed_at desc, id desc"
_SAVE = """
update draft set form = $4, version = version + 1, changed_at = $5
where id = $1 and person_id = $2 and ($3::int is null or version = $3) returning *"""
_TAKE = "delete from draft where id = $1 and person_id = $2 and ($3::int is null or version = $3) returning *"
_FORGET = """
delete from draft where id = any(array(
    select id from draft where changed_at < $1 order by changed_at limit $2 for update skip locked
)) returning id"""


async def add(connection: Connection, new: Draft) -> None:
    """Write a new draft. Raises Refusal 409 when the person has as many as one may have."""
    await connection.execute(_TURN, str(new.person_id))
    times = (new.created_at, new.changed_at)
    if not await connection.fetchval(
        _ADD, new.id, new.person_id, new.version, json.dumps(new.form), *times, draft.MOST
    ):
        raise draft.too_many()


async def find(connection: Connection | Pool, draft_id: UUID, person_id: UUID) -> Draft:
    """A draft of the person. Raises NotFound."""
    row = await connection.fetchrow(_FIND, draft_id, person_id)
    if row is None:
        raise draft.nothing()
    return _of(row)


async def of_person(pool: Pool, person_id: UUID) -> list[Draft]:
    """All drafts of a person, the one that was touched last first."""
    return [_of(row) for row in await pool.fetch(_ALL, person_id)]


async def save(
    pool: Pool, draft_id: UUID, person_id: UUID, seen: int | None, form: dict[str, Any], now: datetime
) -> Draft:
    """The draft with another form. Raises NotFound, and Refusal 412 when it is not in the version that was seen."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_SAVE, draft_id, person_id, seen, json.dumps(form), now)
        return await _there(connection, row, draft_id, person_id)


async def take(connection: Connection, draft_id: UUID, person_id: UUID, seen: int | None) -> Draft:
    """Delete the draft and give what was in it. Raises as `save` does."""
    row = await connection.fetchrow(_TAKE, draft_id, person_id, seen)
    return await _there(connection, row, draft_id, person_id)


async def forget(pool: Pool, before: datetime, most: int) -> int:
    """Delete at most `most` drafts that nobody has touched since `before`; answers how many."""
    return len(await pool.fetch(_FORGET, before, most))


async def _there(connection: Connection, row: Any, draft_id: UUID, person_id: UUID) -> Draft:
    if row is not None:
        return _of(row)
    await find(connection, draft_id, person_id)
    raise draft.stale()


def _of(row: Any) -> Draft:
    return Draft.model_validate({**row, "form": json.loads(row["form"])})
