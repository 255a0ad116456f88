"""What a measured service is told, and when it serves."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import httpx

from deploy.local.checks import is_free
from tests.bench.ground import Ground, Store
from tests.bench.processes import Process

_READY_TRIES = 600
_PORTS = range(20_000, 30_000, 10)


def settings(ground: Ground, store: Store, port: int, issuer: str, **own: str) -> dict[str, str]:
    """What every service is told, by the names of its settings; `own` is what only this one is."""
    return {
        "database_url": store.database.url,
        "kafka_bootstrap": ground.login["bootstrap"],
        "kafka_user": ground.login["user"],
        "kafka_password": ground.login["password"],
        "http_port": str(port),
        "oidc_issuer": issuer,
        "instance": "bench",
        "log_level": "warning",
        **own,
    }


def free_port() -> int:
    """A port that is free, as the next one is."""
    ports = random.sample(_PORTS, len(_PORTS))
    return next(port for port in ports if is_free(port) and is_free(port + 1))


async def ready(running: Process, port: int) -> None:
    """Wait until it serves. Raises Invalid, with what it said last, when it does not come to that."""
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(_READY_TRIES):
            with suppress(httpx.TransportError):
                if (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise running.gone()
