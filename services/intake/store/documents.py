"""Documents in the database: what is known of them, not their content."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from chassis.errors import Refusal
from chassis.postgres import Connection, Pool
from services.intake.domain.document import Document, used

# One at a time of each uploader: counted and written as one step.
_TURN = "select pg_advisory_xact_lock(hashtextextended('document ' || $1, 0))"
_ADD = """
insert into document (id, person_id, agency, uploaded_by, name, media_type, size, sha256, scan, created_at)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
where (select count(*) from document where uploaded_by = $4 and not attached and created_at > $11) < $12
returning true"""
_UNATTACHED = "select count(*) from document where uploaded_by = $1 and not attached and created_at > $2"
_FIND = """
select * from document where id = any($1::uuid[]) and ($2::uuid is null or person_id = $2) and ($3::text is null or agency = $3)
order by created_at desc, id desc"""
_PAGE_OF_PERSON = """
select * from document where person_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
order by created_at desc, id desc limit $4"""
_PAGE_OF_AGENCY = _PAGE_OF_PERSON.replace("person_id = $1", "agency = $1")
# Those that are attached already need no lock: they stay.
_ATTACH = """
with found as materialized (select id from document where id = any($1::uuid[]) order by id for update),
marked as (update document set attached = true where id in (select id from found) and not attached)
select count(*) from found"""
_TAKE = """
update document set attached = true
where id = any(array(select id from document where id = any($1::uuid[]) order by id for update)) and not attached"""
_THERE = "select count(*) from document where id = any($1::uuid[])"
_DELETE = "delete from document where id = $1 and not attached returning true"
# What a draft names is kept with it.
_DELETE_OLD = """
delete from document where id = any(array(
    select id from document where not attached and created_at < $1 and not exists (
        select from draft where draft.person_id = document.person_id and position(document.id::text in draft.form) > 0)
    order by created_at limit $2 for update skip locked
)) returning id"""
_WITHOUT = "select id from unnest($1::uuid[]) as given(id) where not exists (select from document where document.id = given.id)"


async def add(pool: Pool, document: Document, since: datetime, most: int) -> bool:
    """Write a new document; False when its uploader has `most` unattached ones from after `since`."""
    values = document.model_dump(exclude={"attached"}).values()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_TURN, document.uploaded_by)
        return bool(await connection.fetchval(_ADD, *values, since, most))


async def unattached(pool: Pool, uploaded_by: str, since: datetime) -> int:
    """How many documents somebody has uploaded after `since` that no dossier has."""
    return int(await pool.fetchval(_UNATTACHED, uploaded_by, since))


async def find(pool: Pool | Connection, document_id: UUID) -> Document | None:
    """A document, whoever's it is: access is the caller's concern."""
    row = await pool.fetchrow("select * from document where id = $1", document_id)
    return Document.model_validate(dict(row)) if row else None


async def of_person(connection: Connection, ids: Collection[UUID], person_id: UUID) -> list[Document]:
    """Those of the documents that exist and are the person's, also ones of earlier dossiers; newest first."""
    return [Document.model_validate(dict(row)) for row in await connection.fetch(_FIND, ids, person_id, None)]


async def of_agency(connection: Connection, ids: Collection[UUID], agency: str) -> list[Document]:
    """Those of the documents that exist, are the agency's and are in no dossier yet; newest first."""
    return [each for each in await all_of_agency(connection, ids, agency) if not each.attached]


async def all_of_agency(connection: Connection, ids: Collection[UUID], agency: str) -> list[Document]:
    """The same, also those that a dossier has."""
    return [Document.model_validate(dict(row)) for row in await connection.fetch(_FIND, ids, None, agency)]


async def page(pool: Pool, owner: UUID | str, after: tuple[datetime, UUID] | None, limit: int) -> list[Document]:
    """The documents of a person (its id) or an agency (its code), newest first, from behind `after`."""
    query = _PAGE_OF_PERSON if isinstance(owner, UUID) else _PAGE_OF_AGENCY
    rows = await pool.fetch(query, owner, after and after[0], after and after[1], limit)
    return [Document.model_validate(dict(row)) for row in rows]


async def attach(connection: Connection, ids: Collection[UUID]) -> None:
    """Keep these documents for good, with the transaction of the dossier that has them.

    Raises Refusal 409 when one of them was deleted or swept meanwhile.
    """
    wanted = set(ids)
    if wanted and await connection.fetchval(_ATTACH, wanted) != len(wanted):
        raise _gone()


async def take(connection: Connection, ids: Collection[UUID]) -> None:
    """The same for an agency's documents, each of which belongs to one dossier: whoever is first has it.

    Raises Refusal 409 when another dossier has one of them, or it was deleted or swept meanwhile.
    """
    wanted = set(ids)
    if not wanted or int((await connection.execute(_TAKE, wanted)).rsplit(" ", 1)[1]) == len(wanted):
        return
    raise used() if await connection.fetchval(_THERE, wanted) == len(wanted) else _gone()


async def delete_unattached(pool: Pool, document_id: UUID) -> bool:
    """Delete a document that no dossier has; False for one that a dossier has."""
    return bool(await pool.fetchval(_DELETE, document_id))


async def delete_old(pool: Pool, before: datetime, most: int) -> list[UUID]:
    """Delete at most `most` unattached documents from before a moment; their ids, whose content may now go."""
    return [row["id"] for row in await pool.fetch(_DELETE_OLD, before, most)]


async def without_row(pool: Pool, ids: Sequence[UUID]) -> list[UUID]:
    """Those of the ids that no document has."""
    return [row["id"] for row in await pool.fetch(_WITHOUT, ids)]


def _gone() -> Refusal:
    return Refusal(
        "document_gone",
        "Có tệp đã bị xóa vì không được dùng trong 24 giờ; hãy tải tệp lên lại.",
        "A file was deleted since nothing used it within 24 hours; upload it again.",
    )
