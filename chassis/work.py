"""How HTTP sends messages: the same deciders, one transaction, and the same answer for the same request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from pydantic_core import to_json

from chassis import once, together
from chassis.aggregate import Aggregate
from chassis.answering import Answering, Beside, To, attempts, may_pass_soon
from chassis.backlog import Backlog
from chassis.calls import Calls
from chassis.decider import Decides, Decision, Message
from chassis.errors import NotFound, was_rolled_back
from chassis.fold import Voice
from chassis.gathering import Gathering
from chassis.once import Once
from chassis.postgres import Connection, Pool
from chassis.telemetry import traceparent_of_current
from chassis.together import Together

Prepare = Callable[[Connection], Awaitable[Sequence[To]]]
Respond = together.Respond
R = TypeVar("R")
A = TypeVar("A")

_MOST_TOGETHER = 64


class Work:
    """The unit of work of HTTP requests and webhooks."""

    def __init__(self, pool: Pool, voice: Voice, decides: Sequence[Decides], calls: Calls, backlog: Backlog) -> None:
        self.pool, self._calls, self._backlog = pool, calls, backlog
        self._answering = Answering(pool, voice, decides)
        self._together: dict[Any, Together[Any]] = {}
        self._gathering: dict[Any, Gathering[Any, Any]] = {}

    async def send(
        self,
        aggregate: Aggregate[Any],
        key: str,
        message: Message,
        wait_seconds: float = 0.0,
        beside: Callable[[Connection], Awaitable[None]] | None = None,
        also: Sequence[To] = (),
    ) -> Any:
        """Answer a message and commit; the new state, or the old one when there was nothing to do.

        `also` are answered and `beside` is done after the message, in the same transaction.

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
                    for each in also:
                        await self._answering.one(connection, each)
                    if beside is not None:
                        await beside(connection)
                    committing = True
        calls = [call for decision in decisions for call in decision.calls] if wait_seconds else []
        for call in calls:
            await self._calls.perform_now(call.id, wait_seconds)
        return decisions[-1].state if decisions and not calls else await self.read(aggregate, key)

    async def send_once(self, asked: Once, prepare: Prepare, respond: Respond) -> Any:
        """Answer the messages that `prepare` names, all in one transaction, once for each idempotency key.

        A repetition gets the first answer again. Raises Refusal with status 409 for the same key with another body, 503
        while the outbox is full.
        """
        self._backlog.refuse_when_full()

        async def of_one(connection: Connection, _: Sequence[None]) -> Sequence[Sequence[To]]:
            return [await prepare(connection)]

        alone = Together(self.pool, self._answering, of_one, respond, 1)
        return await alone.answered(asked, None, traceparent_of_current())

    async def send_together(self, asked: Once, request: R, prepare: together.Prepare[R], respond: Respond) -> Any:
        """Like `send_once`; requests with the same `prepare` that come at the same time share a transaction."""
        self._backlog.refuse_when_full()
        if prepare not in self._together:
            self._together[prepare] = Together(self.pool, self._answering, prepare, respond, _MOST_TOGETHER)
        return await self._together[prepare].answered(asked, request, traceparent_of_current())

    async def write_together(self, request: R, write: Callable[[Pool, Sequence[R]], Awaitable[Sequence[A]]]) -> A:
        """What `write` answers this request, once it is written; those that come at the same time are written together.

        No decider is asked and no event told, so a full outbox does not matter. Raises what went wrong with this one.
        """
        if write not in self._gathering:

            async def written(requests: Sequence[Any]) -> Sequence[Any]:
                return await write(self.pool, requests)

            self._gathering[write] = Gathering(written, _MOST_TOGETHER)
        answer: A = await self._gathering[write].written(request)
        return answer

    async def first_answer(self, asked: Once) -> Any | None:
        """What an earlier request with this key was answered, for one that would be refused now; None for a new key.

        Raises Refusal 409 when that had another body.
        """
        return await once.first_answer(self.pool, asked)

    async def remembered(self, asked: Once | None, act: Callable[[], Awaitable[Any]]) -> Any:
        """What `act` answers, and the same again for a repetition, where a key was given.

        For what may be done twice: whoever asks at the same time, or again after a crash, may have it done again, and is
        given the answer that was kept first. Raises Refusal 409 for the same key with another body.
        """
        if asked is None:
            return await act()
        first = await self.first_answer(asked)
        if first is not None:
            return first
        answer = to_json(await act()).decode()
        async for attempt in attempts(may_pass_soon):
            with attempt:
                first = await once.keep(self.pool, asked, answer)
        return first

    async def send_many(
        self, aggregate: Aggregate[Any], messages: Sequence[tuple[str, Message]], beside: Beside | None = None
    ) -> list[Any]:
        """Answer a message for each of many aggregates in one transaction: the state after it, or that one's Refusal.

        `beside` is done after the messages, in the same transaction, and told these answers.
        Raises Refusal with status 503 while the outbox is full.
        """
        self._backlog.refuse_when_full()
        return await self._answering.many(aggregate, messages, beside)

    async def read(self, aggregate: Aggregate[Any], key: str) -> Any:
        """The state as it is now. Raises NotFound."""
        async with self.pool.acquire() as connection, connection.transaction():
            found = await aggregate.load_many(connection, [key])
        if key not in found:
            raise NotFound("Không tìm thấy.", "Not found.")
        return found[key]
