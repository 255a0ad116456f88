"""Work that goes on beside the requests for as long as the server lives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` until the block is left. Work that fails ends the process: half a server would be a lie."""
    task = asyncio.create_task(work)
    task.add_done_callback(_end_when_failed)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _end_when_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("background work failed, the server stops", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
