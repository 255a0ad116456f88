"""Asking until there is an answer, as the worker of outside calls does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

from chassis.answering import Answering
from chassis.calls import Calling
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from chassis.postgres import Pool

CALLING = Calling(new_id(), 0, cast("Pool", None), cast("Answering", None))
"""Adapters touch no database: there is none."""

Found = TypeVar("Found")


async def until(condition: Callable[[], Awaitable[Found | None]], seconds: float = 60.0) -> Found:
    """What the condition answers as soon as it is something; Unanswered is waited over. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                found = await condition()
            except Unanswered:
                found = None
            if found is not None:
                return found
            await asyncio.sleep(0.05)


@asynccontextmanager
async def saying(answer: bytes | None) -> AsyncIterator[str]:
    """A server that says these bytes to whatever it is asked, and hangs up; None: it never says anything."""

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(heard, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def http(status: str, body: str, kind: str = "application/json", *more: str) -> bytes:
    """An HTTP answer, byte by byte."""
    head = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body.encode())}", *more)
    return "\r\n".join((*head, "Connection: close", "", body)).encode()
