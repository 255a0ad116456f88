"""Idempotency keys: what makes a request the same as an earlier one, and the answer that it then gets again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.errors import Conflict, Refusal
from chassis.postgres import Connection, Pool

_ENTER = """
insert into idempotency (client, key, body_digest)
select * from unnest($1::text[], $2::text[], $3::bytea[]) as asked(client, key, digest) order by client, key
on conflict do nothing returning client, key"""
_KNOWN = """
select client, key, body_digest, response from idempotency
where (client, key) in (select * from unnest($1::text[], $2::text[]))"""
# Given as it is read back, so as every repetition gets it.
_ANSWER = """
update idempotency set response = answered.response
from unnest($1::text[], $2::text[], $3::jsonb[]) as answered(client, key, response)
where idempotency.client = answered.client and idempotency.key = answered.key
returning idempotency.client, idempotency.key, idempotency.response"""
_PRUNE = """
delete from idempotency where ctid = any(array(
    select ctid from idempotency where created_at < now() - interval '24 hours'
    order by created_at limit $1 for update skip locked
))"""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Once:
    """What makes a request the same as an earlier one: the caller, its Idempotency-Key and the body."""

    client: str
    key: str
    digest: bytes

    @classmethod
    def of(cls, client: str, key: str, path: str, body: bytes) -> Once:
        return cls(client, key, hashlib.sha256(path.encode() + b"\0" + body).digest())

    @property
    def name(self) -> Key:
        return self.client, self.key


async def enter(connection: Connection, asked: Sequence[Once]) -> set[Key]:
    """Enter these keys, which differ; those that are new. Waits for a transaction that is at one of them."""
    clients, keys = [each.client for each in asked], [each.key for each in asked]
    rows = await connection.fetch(_ENTER, clients, keys, [each.digest for each in asked])
    return {(row["client"], row["key"]) for row in rows}


async def first_answers(connection: Connection, asked: Sequence[Once]) -> dict[Key, Any]:
    """What each of these earlier requests was answered, or the Refusal 409 for one with another body.

    Raises Conflict when one of them was rolled back meanwhile.
    """
    rows = await connection.fetch(_KNOWN, [each.client for each in asked], [each.key for each in asked])
    known = {(row["client"], row["key"]): row for row in rows}
    answers: dict[Key, Any] = {}
    for each in asked:
        if each.name not in known:
            raise Conflict("the first request with this key was rolled back meanwhile")
        row = known[each.name]
        answers[each.name] = row["response"] if row["body_digest"] == each.digest else _reused()
    return answers


async def first_answer(pool: Pool, asked: Once) -> Any | None:
    """What an earlier request with this key was answered; None when there was none.

    Raises Refusal 409 when that had another body.
    """
    async with pool.acquire() as connection:
        rows = await connection.fetch(_KNOWN, [asked.client], [asked.key])
    if not rows:
        return None
    if rows[0]["body_digest"] != asked.digest:
        raise _reused()
    return rows[0]["response"]


async def answer(connection: Connection, answers: Sequence[tuple[Once, str]]) -> dict[Key, Any]:
    """Keep these answers, each as JSON text; what each request is answered."""
    clients, keys = [once.client for once, _ in answers], [once.key for once, _ in answers]
    rows = await connection.fetch(_ANSWER, clients, keys, [text for _, text in answers])
    return {(row["client"], row["key"]): row["response"] for row in rows}


async def keep(pool: Pool, asked: Once, text: str) -> Any:
    """Keep an answer, as JSON text; what the request is answered: the first answer, where another was kept meanwhile.

    Raises Refusal 409 where that was another body's, Conflict.
    """
    async with pool.acquire() as connection, connection.transaction():
        is_new = await enter(connection, [asked])
        kept = await (answer(connection, [(asked, text)]) if is_new else first_answers(connection, [asked]))
    if isinstance(kept[asked.name], Refusal):
        raise kept[asked.name]
    return kept[asked.name]


async def prune(pool: Pool, limit: int) -> int:
    """Forget at most `limit` requests of longer than a day ago; answers how many."""
    done = await pool.execute(_PRUNE, limit)
    return int(done.rsplit(" ", 1)[1])


def _reused() -> Refusal:
    return Refusal(
        "idempotency_key_reused",
        "Khóa Idempotency-Key này đã được dùng cho một yêu cầu khác. Hãy dùng khóa mới.",
        "This Idempotency-Key was used for another request. Use a new key.",
    )
