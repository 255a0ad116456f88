"""Stripe's webhooks as tests write them, and what becomes of them in the database."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from chassis.identifiers import new_id
from chassis.postgres import Pool
from tests.integration.payments_counter import AMOUNT, SECRET, Counter, Dossier, eventually
from tests.integration.sandbox_process import free_port

_ROOT = Path(__file__).resolve().parents[2]


def signed(body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    """The header that makes this body a true webhook, so many seconds old."""
    at = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest}"}


def event(kind: str, **thing: Any) -> bytes:
    """Something of the gateway's happened; each has an id of its own."""
    told = {"id": f"evt_{new_id().hex}", "created": int(time.time()), "type": kind, "data": {"object": thing}}
    return json.dumps(told).encode()


def paid(attempt_id: str, amount: int = AMOUNT, **more: Any) -> bytes:
    """A payment of an attempt succeeded."""
    intent = {
        "object": "payment_intent", "id": f"pi_{attempt_id}", "status": "succeeded", "amount_received": amount,
        "currency": "vnd", "latest_charge": "ch_1", "metadata": {"attempt_id": attempt_id},
    }  # fmt: skip
    return event("payment_intent.succeeded", **intent | more)


async def in_checkout(counter: Counter) -> tuple[Dossier, str]:
    """A dossier whose bill has a page, and the attempt's id. No webhook of the gateway comes."""
    await counter.arm("webhook_lost", times=1000)
    dossier = await counter.filed()
    await counter.page(dossier)
    return dossier, (await counter.bill(dossier))["attempt"]["attempt_id"]


async def posted(http: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await http.post("/webhooks/stripe", content=body, headers=signed(body))


async def heard(http: httpx.AsyncClient, body: bytes) -> None:
    """A true webhook with this body is answered as the gateway wants it."""
    answer = await posted(http, body)
    assert answer.status_code == 200, f"answered {answer.status_code}: {answer.text}"
    assert answer.json() == {"received": True}


async def ring_of(pool: Pool, body: bytes) -> dict[str, Any] | None:
    row = await pool.fetchrow("select * from ring where event_id = $1", json.loads(body)["id"])
    return None if row is None else dict(row)


async def ring_comes_to(pool: Pool, body: bytes, outcome: str) -> None:
    """Wait until it is worked off with this outcome. Raises AssertionError when it never is."""

    async def done() -> bool:
        ring = await ring_of(pool, body)
        return ring is not None and ring["outcome"] == outcome

    try:
        await eventually(done)
    except TimeoutError:
        raise AssertionError(f"the ring does not come to {outcome}: {await ring_of(pool, body)}") from None


@asynccontextmanager
async def another_process(
    counter: Counter, log: Path, roles: str = "api,timers"
) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.subprocess.Process]]:
    """A second process of payments on the counter's database, ready."""
    told: Mapping[str, Any] = counter.service.settings.model_dump(exclude_none=True) | {
        "http_port": free_port(),
        "instance": "payments-test-2",
    }
    environment = {f"MOTCUA_{name.upper()}": _text(value) for name, value in told.items()}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.payments", "--roles", roles),
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{told['http_port']}", timeout=30) as http:

            async def ready() -> bool:
                assert process.returncode is None, log.read_text("utf-8")
                try:
                    return (await http.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready)
            yield http, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
