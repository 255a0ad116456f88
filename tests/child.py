"""A whole service as a process of its own, watched from outside."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

BUDGET_SECONDS = 20.0  # after which whoever supervises a service kills it


@dataclass(frozen=True)
class Child:
    """The process, the port of its HTTP, and where it logs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(verify=False, timeout=5) as client:  # to read certificates takes 30 ms
            return await client.get(f"http://127.0.0.1:{self.port}{path}")

    async def until(self, path: str, holds: Callable[[httpx.Response], bool]) -> None:
        """Wait until its answer is like this; it fails by taking longer than a minute, or by the child's end."""
        async with asyncio.timeout(60):
            while True:
                assert self.process.poll() is None, self.log.read_text()[-3_000:]
                with suppress(httpx.TransportError):
                    if holds(await self.get(path)):
                        return
                await asyncio.sleep(0.05)

    async def until_ready(self) -> None:
        await self.until("/readyz", lambda answer: answer.status_code == 200)

    async def until_it_waits_for(self, what: str) -> None:
        await self.until("/readyz", lambda answer: answer.status_code == 503 and what in answer.json()["detail_en"])

    async def end(self) -> float:
        """Send SIGTERM; seconds until the process is gone."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.process.wait, BUDGET_SECONDS + 5)
        return time.monotonic() - began
