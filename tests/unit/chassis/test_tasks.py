"""Whatever ends what was to run for ever, it is said; and whoever is seen off lets nothing out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from chassis.tasks import EndedError, for_ever, seen_off


async def _sleeps() -> None:
    await asyncio.sleep(3_600)


async def _lets_a_cancellation_out() -> None:
    """As a library does that cancels a task of its own and awaits it."""
    task = asyncio.ensure_future(_sleeps())
    task.cancel()
    await task


async def _returns() -> None:
    await asyncio.sleep(0)


async def _breaks() -> None:
    raise KeyError("broken")


async def _swallows() -> None:
    try:
        await _sleeps()
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)


ENDINGS: dict[str, tuple[Callable[[], Coroutine[Any, Any, None]], type[Exception], str]] = {
    "by a cancellation that is nobody's here": (_lets_a_cancellation_out, EndedError, "_lets_a_cancellation_out"),
    "by returning": (_returns, EndedError, "_returns"),
    "by an error": (_breaks, KeyError, "broken"),
}


@pytest.mark.parametrize("way", ENDINGS)
async def test_what_was_to_run_for_ever_and_ends_is_an_error_and_the_others_end_too(way: str) -> None:
    ends, kind, words = ENDINGS[way]
    beside = asyncio.Event()

    async def other() -> None:
        try:
            await _sleeps()
        finally:
            beside.set()

    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(for_ever([other(), ends()]), 10)
    (error,) = raised.value.exceptions
    assert isinstance(error, kind)
    assert words in str(error)
    assert beside.is_set()


async def test_who_is_cancelled_from_outside_ends_without_an_error() -> None:
    running = asyncio.ensure_future(for_ever([_sleeps(), _sleeps()]))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    ("way", "well"),
    [(_returns, True), (_breaks, False), (_lets_a_cancellation_out, False)],
    ids=["returns", "breaks", "lets a cancellation out"],
)
async def test_whoever_is_seen_off_lets_nothing_out(way: Callable[[], Coroutine[Any, Any, None]], well: bool) -> None:
    assert await seen_off(way(), 10) is well


@pytest.mark.parametrize("late", [_sleeps, _swallows], ids=["sleeps", "swallows its cancellation"])
async def test_whoever_takes_too_long_to_end_is_cancelled(late: Callable[[], Coroutine[Any, Any, None]]) -> None:
    before = asyncio.all_tasks()
    await seen_off(late(), 0.01)
    assert asyncio.all_tasks() == before


async def test_our_own_end_is_not_held_up_by_whoever_is_seen_off() -> None:
    waiting = asyncio.ensure_future(seen_off(_sleeps(), 3_600))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
