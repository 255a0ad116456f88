"""What every sandbox server does with a request: bounded bodies, and holding an answer back on purpose."""

from __future__ import annotations

import asyncio
import hmac

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def bounded_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes; raises HTTPException 413 as soon as there are more."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"the body is larger than {limit} bytes")
    return bytes(body)


async def hold(request: Request, seconds: float) -> None:
    """Leave the caller waiting for `seconds`, or until he hangs up. The body must have been read before."""
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer …`, empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def same_secret(given: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())
