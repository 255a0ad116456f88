"""Being told that there is work, so that nobody has to look often. Whoever is told still looks, slowly, by itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import structlog

from chassis.errors import is_passing
from chassis.postgres import Connection

_AGAIN_SECONDS = 1.0

log = structlog.get_logger()


class Wakes:
    """Sets `event` whenever `channel` is notified in this database; run `forever()` as a task."""

    def __init__(self, database_url: str, name: str, channel: str) -> None:
        self._url, self._name, self._channel = database_url, name, channel
        self.event = asyncio.Event()

    async def forever(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:
                if not (is_passing(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                log.info("not told of new work for a while", reason=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Return when woken, or after `seconds`."""
        # Not `wait_for`: on Python 3.11 it swallows a cancellation that comes together with the wake.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.event.wait()
        self.event.clear()

    async def _listen(self) -> None:
        """Listen until the connection ends. What was said before it stood is looked for at once."""
        settings = {"application_name": f"{self._name}-wakes"}
        connection: Connection = await asyncpg.connect(self._url, timeout=5, server_settings=settings)
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(self._channel, lambda *_: self.event.set())
            self.event.set()
            await ended.wait()
        finally:
            with suppress(Exception):
                await connection.close(timeout=1)
