"""Running coroutines side by side, and seeing others to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

_LET_GO_SECONDS = 1.0


class EndedError(RuntimeError):
    """What was to run for ever came to an end by itself."""


async def all_or_none(coroutines: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all; at the first error cancel the others, wait for them, and raise that error as it is."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def for_ever(coroutines: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all until cancelled. When one ends, however it does, the others are cancelled and its error is raised.

    Raises an ExceptionGroup; with EndedError in it where one returned, or was cancelled by nobody here: a task group
    takes the CancelledError that a library lets out for a request of ours, and goes on without that task.
    """
    async with asyncio.TaskGroup() as group:
        for each in coroutines:
            group.create_task(_for_ever(each))


async def _for_ever(coroutine: Coroutine[Any, Any, None]) -> None:
    name = getattr(coroutine, "__qualname__", "a task")
    try:
        await coroutine
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise EndedError(f"{name} was cancelled by nobody here") from error
    raise EndedError(f"{name} came to an end")


async def seen_off(coroutine: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Wait until it ends, at most so many seconds, and tell whether it ended well: what it raises stays with it.

    For libraries that stop: they cancel tasks of theirs and may let those tasks' CancelledError out.
    """
    task = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_LET_GO_SECONDS)
    return task.done() and not task.cancelled() and task.exception() is None
