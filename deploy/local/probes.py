"""Questions whether a child serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

REASON_CHARACTERS = 200


def http_ready(client: httpx.AsyncClient, url: str) -> Callable[[], Awaitable[str | None]]:
    """Ready when `GET url` answers 200; else the reason is the `detail` of a problem+json, or the status."""

    async def ready() -> str | None:
        try:
            response = await client.get(url)
        except httpx.HTTPError as error:
            return f"chưa trả lời · no answer yet ({type(error).__name__})"
        return None if response.status_code == 200 else _detail(response)

    return ready


def _detail(response: httpx.Response) -> str:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = ""
    return (detail or f"HTTP {response.status_code}")[:REASON_CHARACTERS]
