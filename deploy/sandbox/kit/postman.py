"""HTTP POST over kept connections, for webhooks.

A client of its own because every payment makes five deliveries: httpcore takes 0.8 ms of processor time for each (and
grows with the square of its open connections), this takes 0.1 ms. Only the status of an answer is read.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

LARGEST_ANSWER = 1024 * 1024
Origin = tuple[str, str, int]
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class PostError(Exception):
    """No status came back; the message says why."""


class _Answer:
    """What the parser has seen so far."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.headed = False
        self.complete = False
        self.keep = False

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_message_complete(self) -> None:
        # Only now does the parser know: asked later, it speaks of the message that has not come yet.
        self.complete, self.keep = True, self.parser.should_keep_alive()


@dataclass
class Postman:
    within_seconds: float
    idle: dict[Origin, list[Line]] = field(default_factory=dict)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status answered, within the time; raises PostError."""
        parts = urlsplit(url)
        origin = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = "\r\n".join((*lines, "", "")).encode() + body
        try:
            async with asyncio.timeout(self.within_seconds):
                return await self._exchange(origin, message)
        except (OSError, HttpParserError) as error:
            raise PostError(type(error).__name__) from error

    async def _exchange(self, origin: Origin, message: bytes) -> int:
        reader, writer = await self._line(origin)
        keep = False
        try:
            writer.write(message)
            status, keep = await _answer(reader)
        finally:
            if keep:
                self.idle.setdefault(origin, []).append((reader, writer))
            else:
                writer.close()
        return status

    async def _line(self, origin: Origin) -> Line:
        """A kept connection that is still open, or a new one."""
        kept = self.idle.get(origin, [])
        while kept:
            reader, writer = kept.pop()
            if not (reader.at_eof() or reader.exception() or writer.is_closing()):
                return reader, writer
            writer.close()
        scheme, host, port = origin
        context = ssl.create_default_context() if scheme == "https" else None
        return await asyncio.open_connection(host, port, ssl=context)

    def close(self) -> None:
        for lines in self.idle.values():
            for _, writer in lines:
                writer.close()
        self.idle.clear()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """(status, may the connection be used again)."""
    answer, size = _Answer(), 0
    while not answer.complete:
        data = await reader.read(65536)
        size += len(data)
        if not data or size > LARGEST_ANSWER:
            if answer.headed:
                break
            raise ConnectionResetError("closed before the answer")
        answer.parser.feed_data(data)
    return answer.parser.get_status_code(), answer.keep
