"""Talking to a sandbox application without a network."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette


@contextlib.asynccontextmanager
async def client_of(application: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application, which is neither started nor stopped."""
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def arm(client: httpx.AsyncClient, name: str, times: int = 1, delay_seconds: float = 0.0) -> None:
    answer = await client.post("/_control/faults", json={"name": name, "times": times, "delay_seconds": delay_seconds})
    assert answer.status_code == 200, answer.text


async def fired(client: httpx.AsyncClient, name: str) -> int:
    """How often the armed fault fired."""
    armed = (await client.get("/_control/faults")).json()["armed"]
    return next(int(fault["fired"]) for fault in armed if fault["name"] == name)
