"""Genuine answers of a sandbox, in which one word was changed into one that nobody has documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

Where = Literal["page", "refund", "statement"]
"""What an answer is about."""

Change = Callable[[httpx.Request, httpx.Response], httpx.Response | None]
"""What is answered instead; None where the answer stays as it is."""


@dataclass
class Misworded(httpx.AsyncBaseTransport):
    """The way to a sandbox; `changed` counts the answers that came back changed."""

    change: Change
    changed: int = 0
    inner: httpx.AsyncBaseTransport = field(default_factory=lambda: httpx.AsyncHTTPTransport(verify=False))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        await answer.aread()
        other = self.change(request, answer)
        self.changed += other is not None
        return other or answer

    async def aclose(self) -> None:
        await self.inner.aclose()


def said(method: str, path: str, words: Callable[[dict[str, Any]], Any]) -> Change:
    """What is answered there begins with `path`: `words` changes its JSON in place, or says False where there is nothing."""

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != method or not request.url.path.startswith(path):
            return None
        told = answer.json()
        return None if words(told) is False else httpx.Response(answer.status_code, json=told)

    return change


def refused(method: str, path: str, status: int, error: Mapping[str, Any]) -> Change:
    """A refusal stands in the answer's place."""

    def change(request: httpx.Request, _: httpx.Response) -> httpx.Response | None:
        is_asked = request.method == method and request.url.path == path
        return httpx.Response(status, content=json.dumps(error).encode()) if is_asked else None

    return change
