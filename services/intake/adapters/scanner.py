"""The virus scanner that every upload passes, spoken to as clamd.

Source: clamd(8), INSTREAM: chunks with their length as four bytes in network order, ended by a chunk of length 0.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from chassis.errors import Unanswered

_SECONDS = 60.0
_LONGEST_ANSWER = 4096
_FOUND = re.compile(rb"stream: (.{1,500}) FOUND", re.DOTALL)


class Scanner(Protocol):
    """Looks for malware in what strangers send.

    Called once for each upload: behind the check of its type, before its row is written, so before anybody can read it
    or attach it to a dossier. What it finds is refused and deleted; when it is away the upload is refused too, and the
    citizen sends it again.
    """

    async def scan(self, content: AsyncIterator[bytes]) -> str | None:
        """The name of what was found, None when the content is clean. Raises Unanswered when neither is certain."""


Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass(frozen=True)
class Clamd:
    """A clamd at the other end of `connect`; `seconds` is the longest time for one file."""

    connect: Connect
    seconds: float = _SECONDS

    @classmethod
    def at(cls, url: str) -> Clamd:
        """`clamd://host:port`, or `clamd:///path/of/its/socket`. Raises ValueError for anything else."""
        where = urlsplit(url)
        host, port, path = where.hostname, where.port, where.path
        if where.scheme == "clamd" and host and port:
            return cls(lambda: asyncio.open_connection(host, port))
        if where.scheme == "clamd" and not host and path.strip("/"):
            return cls(lambda: asyncio.open_unix_connection(path))
        raise ValueError("scanner_url must be clamd://host:port or clamd:///path/of/its/socket")

    async def scan(self, content: AsyncIterator[bytes]) -> str | None:
        try:
            async with asyncio.timeout(self.seconds):
                answer = await self._ask(content)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unanswered(f"the virus scanner: {type(error).__name__}") from None
        if answer == b"stream: OK":
            return None
        found = _FOUND.fullmatch(answer)
        if found is None:
            # Among them "INSTREAM size limit exceeded": its StreamMaxLength is set below the largest upload.
            raise Unanswered(f"the virus scanner answers {answer[:100]!r}")
        return found[1].decode("utf-8", "replace")

    async def _ask(self, content: AsyncIterator[bytes]) -> bytes:
        reader, writer = await self.connect()
        try:
            writer.write(b"zINSTREAM\0")
            async for chunk in content:
                if chunk:  # one without bytes would be the end
                    writer.write(len(chunk).to_bytes(4))
                    writer.write(chunk)
                    await writer.drain()
            writer.write((0).to_bytes(4))
            await writer.drain()
            return (await reader.readuntil(b"\0"))[:_LONGEST_ANSWER].rstrip(b"\0")
        finally:
            writer.close()
