"""Work of a service's own that goes on beside timers and calls: woken when there is some, looked for slowly all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from chassis.answering import Answering
from chassis.postgres import Pool
from chassis.wakes import Wakes

_POLL_SECONDS = 0.5

log = structlog.get_logger()


@dataclass(frozen=True)
class Background:
    """`work_off` does a bounded amount and answers how much there was; notifying `channel` says that there is more.

    Several processes may do it at the same time. It is done again after an error.
    """

    name: str
    channel: str
    work_off: Callable[[Pool, Answering], Awaitable[int]]


async def keep_at(background: Background, wakes: Wakes, pool: Pool, answering: Answering) -> None:
    """Until cancelled: work off as long as there is something, then wait for more."""
    while True:
        try:
            if await background.work_off(pool, answering):
                # Whatever else this process does has its turn.
                await asyncio.sleep(0)
                continue
        except Exception as error:
            log.warning("background work waits", background=background.name, reason=type(error).__name__)
        await wakes.wait(_POLL_SECONDS)
