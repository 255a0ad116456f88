"""How HTTP sends messages: the same deciders, one transaction, and the same answer for the same request."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from chassis.aggregate import Aggregate
from chassis.answering import Answering, To, attempts, may_pass_soon
from chassis.backlog import Backlog
from chassis.calls import Calls
from chassis.decider import Decides, Decision, Message
from chassis.errors import Conflict, NotFound, Refusal, was_rolled_back
from chassis.fold import Voice
from chassis.postgres import Connection, Pool

_ENTER = "insert into idempotency (client, key, body_digest) values ($1, $2, $3) on conflict do nothing returning true"
_KNOWN = "select body_digest, response from idempotency where client = $1 and key = $2"
_ANSWER = "update idempotency set response = $3::jsonb where client = $1 and key = $2 returning response"
_PRUNE = """
delete from idempotency where ctid = any(array(
    select ctid from idempotency where created_at < now() - interval '24 hours'
    order by created_at limit $1 for update skip locked
))"""


@dataclass(frozen=True, slots=True)
class Once:
    """What makes a request the same as an earlier one: the caller, its Idempotency-Key and the body."""

    client: str
    key: str
    digest: bytes

    @classmethod
    def of(cls, client: str, key: str, path: str, body: bytes) -> Once:
        return cls(client, key, hashlib.sha256(path.encode() + b"\0" + body).digest())


Prepare = Callable[[Connection], Awaitable[Sequence[To]]]
Respond = Callable[[Sequence[Any]], Any]


class Work:
    """The unit of work of HTTP requests and webhooks."""

    def __init__(self, pool: Pool, voice: Voice, decides: Sequence[Decides], calls: Calls, backlog: Backlog) -> None:
        self.pool, self._calls, self._backlog = pool, calls, backlog
        self._answering = Answering(pool, voice, decides)

    async def send(
        self,
        aggregate: Aggregate[Any],
        key: str,
        message: Message,
        wait_seconds: float = 0.0,
        beside: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> Any:
        """Answer a message and commit; the new state, or the old one when there was nothing to do.

        `beside` is done after the message, in the same transaction.

        With `wait_seconds` the calls that the decision asks for are made at once, and the state after their answers is
        given, or, when they take longer, the state as it is by then.
        Raises Refusal as the decider does and with status 503 while the outbox is full, NotFound when there is no such
        aggregate after the message.
        """
        self._backlog.refuse_when_full()
        to = To(aggregate, key, message)
        decisions: list[Decision[Any]] = []
        committing = False

        def again(error: Exception) -> bool:
            # Whoever sends without a key hears of a commit that went unheard: nobody can tell here what became of it.
            return was_rolled_back(error) or (not committing and may_pass_soon(error))

        async for attempt in attempts(again):
            with attempt:
                committing = False
                async with self.pool.acquire() as connection, connection.transaction():
                    decisions = await self._answering.one(connection, to)
                    if beside is not None:
                        await beside(connection)
                    committing = True
        calls = [call for decision in decisions for call in decision.calls] if wait_seconds else []
        for call in calls:
            await self._calls.perform_now(call.id, wait_seconds)
        return decisions[-1].state if decisions and not calls else await self.read(aggregate, key)

    async def send_once(self, once: Once, prepare: Prepare, respond: Respond) -> Any:
        """Answer the messages that `prepare` names, all in one transaction, once for each idempotency key.

        A repetition gets the first answer again. Raises Refusal with status 409 for the same key with another body, 503
        while the outbox is full.
        """
        self._backlog.refuse_when_full()
        async for attempt in attempts(may_pass_soon):
            with attempt:
                async with self.pool.acquire() as connection, connection.transaction():
                    if not await connection.fetchval(_ENTER, once.client, once.key, once.digest):
                        return await _first_answer(connection, once)
                    states = []
                    for to in await prepare(connection):
                        decisions = await self._answering.one(connection, to)
                        states.append(decisions[-1].state if decisions else None)
                    # Given as it is read back, so as every repetition gets it.
                    response = to_json(respond(states)).decode()
                    return await connection.fetchval(_ANSWER, once.client, once.key, response)
        raise AssertionError("stamina ends with a result or an error")

    async def send_many(self, aggregate: Aggregate[Any], messages: Sequence[tuple[str, Message]]) -> list[Any]:
        """Answer a message for each of many aggregates in one transaction: the state after it, or that one's Refusal.

        Raises Refusal with status 503 while the outbox is full.
        """
        self._backlog.refuse_when_full()
        return await self._answering.many(aggregate, messages)

    async def read(self, aggregate: Aggregate[Any], key: str) -> Any:
        """The state as it is now. Raises NotFound."""
        async with self.pool.acquire() as connection, connection.transaction():
            found = await aggregate.load_many(connection, [key])
        if key not in found:
            raise NotFound("Không tìm thấy.", "Not found.")
        return found[key]


async def _first_answer(connection: Connection, once: Once) -> Any:
    known = await connection.fetchrow(_KNOWN, once.client, once.key)
    if known is None:
        raise Conflict("the first request with this key was rolled back meanwhile")
    if known["body_digest"] != once.digest:
        raise Refusal(
            "idempotency_key_reused",
            "Khóa Idempotency-Key này đã được dùng cho một yêu cầu khác. Hãy dùng khóa mới.",
            "This Idempotency-Key was used for another request. Use a new key.",
        )
    return known["response"]


async def prune(pool: Pool, limit: int) -> int:
    """Forget at most `limit` requests of longer than a day ago; answers how many."""
    done = await pool.execute(_PRUNE, limit)
    return int(done.rsplit(" ", 1)[1])
