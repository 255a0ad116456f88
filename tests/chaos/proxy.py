"""A TCP proxy before Kafka or PostgreSQL that can be cut, silenced and slowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 256 * 1024


class Proxy:
    """Passes bytes on to a port of loopback; `port` is where it listens.

    Each way of disturbing it answers how many connections or chunks were disturbed.
    """

    def __init__(self, target: int) -> None:
        self._target, self.port, self._touched = target, 0, 0
        self._cut, self._delay, self._flowing = False, 0.0, asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cut(self, seconds: float) -> int:
        """Break every connection, and each new one, for so long."""
        before, self._cut = self._touched, True
        try:
            self._abort_all()
            await asyncio.sleep(seconds)
        finally:
            self._cut = False
        return self._touched - before

    async def silence(self, seconds: float) -> int:
        """Hold everything back for so long, as a lost link does; then break what is there."""
        before = self._touched
        self._flowing.clear()
        try:
            await asyncio.sleep(seconds)
            self._abort_all()
        finally:
            self._flowing.set()
        return self._touched - before

    async def slow(self, delay: float, seconds: float) -> int:
        """Pass every chunk on `delay` seconds late, for so long."""
        before, self._delay = self._touched, delay
        try:
            await asyncio.sleep(seconds)
        finally:
            self._delay = 0.0
        return self._touched - before

    def _abort_all(self) -> None:
        self._touched += len(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if self._cut:
                self._touched += 1
            else:
                with suppress(OSError):
                    await self._join(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._touched += not self._flowing.is_set()
        await self._flowing.wait()
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(onward_writer)
        pumps = [
            asyncio.create_task(self._pump(reader, onward_writer)),
            asyncio.create_task(self._pump(onward_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers.discard(onward_writer)
            onward_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay:
                    self._touched += 1
                    await asyncio.sleep(self._delay)
                self._touched += not self._flowing.is_set()
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
