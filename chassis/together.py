"""Requests of one kind that come at the same time are answered in one transaction; alone, a request waits for nobody.

One transaction and a handful of statements for many cost little more than for one. What goes wrong with one of them is
its own: it is found by halves.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic_core import to_json

from chassis import once
from chassis.answering import Answering, To, attempts, may_pass_soon
from chassis.errors import is_passing
from chassis.once import Once
from chassis.postgres import Connection, Pool

R = TypeVar("R")

Prepare = Callable[[Connection, Sequence[R]], Awaitable[Sequence[Sequence[To]]]]
"""Names the messages of each request, in the transaction in which they will be answered."""
Respond = Callable[[Sequence[Any]], Any]
"""The answer to a request, from the states after its messages."""


@dataclass(frozen=True, slots=True)
class Waiting(Generic[R]):
    """A request that waits for its answer; `traceparent` is where it came from."""

    once: Once
    request: R
    traceparent: str | None
    answer: asyncio.Future[Any]


class Together(Generic[R]):
    """Answers requests of one kind, `most` in a transaction, one transaction at a time."""

    def __init__(self, pool: Pool, answering: Answering, prepare: Prepare[R], respond: Respond, most: int) -> None:
        self._pool, self._answering = pool, answering
        self._prepare, self._respond, self._most = prepare, respond, most
        self._waiting = deque[Waiting[R]]()
        self._working: asyncio.Task[None] | None = None

    async def answered(self, asked: Once, request: R, traceparent: str | None) -> Any:
        """The answer to this request: the first one again, for a repetition.

        Raises Refusal as the deciders do, and with status 409 for the same key with another body.
        """
        waiting = Waiting(asked, request, traceparent, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._working is None or self._working.done():
            # In no request's context: what is done for many belongs to none of their traces.
            self._working = asyncio.create_task(self._work_off(), context=contextvars.Context())
        return await waiting.answer

    async def _work_off(self) -> None:
        while self._waiting:
            batch = self._next()
            for each, answer in zip(batch, await self._each(batch), strict=True):
                _tell(each.answer, answer)

    async def _each(self, batch: Sequence[Waiting[R]]) -> list[Any]:
        """The answer or the error of each. What is wrong with one of them is found by halves: the others stay together."""
        try:
            return await self._done(batch)
        except Exception as error:
            if len(batch) == 1 or is_passing(error):
                return [error] * len(batch)
        half = len(batch) // 2
        return [*await self._each(batch[:half]), *await self._each(batch[half:])]

    def _next(self) -> list[Waiting[R]]:
        """The next ones, each key once: a repetition waits until the first one is answered."""
        batch, keys, later = list[Waiting[R]](), set[once.Key](), list[Waiting[R]]()
        while self._waiting and len(batch) < self._most:
            each = self._waiting.popleft()
            (later if each.once.name in keys else batch).append(each)
            keys.add(each.once.name)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _done(self, batch: Sequence[Waiting[R]]) -> list[Any]:
        """What each is answered, a Refusal where its key was another request's. Raises what is wrong with any."""
        async for attempt in attempts(may_pass_soon):
            with attempt:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await self._in_one_transaction(connection, batch)
        raise AssertionError("stamina ends with a result or an error")

    async def _in_one_transaction(self, connection: Connection, batch: Sequence[Waiting[R]]) -> list[Any]:
        new = await once.enter(connection, [each.once for each in batch])
        fresh = [each for each in batch if each.once.name in new]
        known = [each.once for each in batch if each.once.name not in new]
        answers = await once.first_answers(connection, known) if known else {}
        if fresh:
            messages = await self._prepare(connection, [each.request for each in fresh])
            sent = [(to, each.traceparent) for each, tos in zip(fresh, messages, strict=True) for to in tos]
            states = iter(await self._answering.all(connection, sent))
            responses = [
                (each.once, to_json(self._respond([next(states) for _ in tos])).decode())
                for each, tos in zip(fresh, messages, strict=True)
            ]
            answers |= await once.answer(connection, responses)
        return [answers[each.once.name] for each in batch]


def _tell(waiting: asyncio.Future[Any], answer: Any) -> None:
    if waiting.done():
        return  # whoever asked has gone
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
