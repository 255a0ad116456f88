"""Plain writes of one kind that come at the same time share a statement; alone, one waits for nobody."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from chassis.errors import is_passing

R = TypeVar("R")
A = TypeVar("A")

Write = Callable[[Sequence[R]], Awaitable[Sequence[A]]]
"""Writes all of these or, where it raises, none of them; gives each its answer."""


class Gathering(Generic[R, A]):
    """Writes requests of one kind, at most `most` at a time, one write after the other."""

    def __init__(self, write: Write[R, A], most: int) -> None:
        self._write, self._most = write, most
        self._waiting = deque[tuple[R, asyncio.Future[A]]]()
        self._working: asyncio.Task[None] | None = None

    async def written(self, request: R) -> A:
        """The answer to this request, once it is written. Raises what went wrong with it."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._working is None or self._working.done():
            # In no request's context: what is done for many belongs to none of their traces.
            self._working = asyncio.create_task(self._work_off(), context=contextvars.Context())
        return await answer

    async def _work_off(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            answers = await self._each([request for request, _ in batch])
            for (_, waiting), answer in zip(batch, answers, strict=True):
                if waiting.done():
                    continue  # whoever asked has gone
                if isinstance(answer, Exception):
                    waiting.set_exception(answer)
                else:
                    waiting.set_result(answer)

    async def _each(self, batch: Sequence[R]) -> list[Any]:
        """The answer or the error of each. What is wrong with one of them is found by halves: the others are written."""
        try:
            return list(await self._write(batch))
        except Exception as error:
            if len(batch) == 1 or is_passing(error):
                return [error] * len(batch)
        half = len(batch) // 2
        return [*await self._each(batch[:half]), *await self._each(batch[half:])]
