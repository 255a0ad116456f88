"""Gateways that ring, as a process: as fast as they are answered, or at a steady rate. Told like `filers`.

Each line names a file of webhooks, {"key", "body"} a line; it answers what came of them, and writes beside the file when
each was due to be posted, by the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from tests.bench.filers import Connection

_CONNECTIONS = 64


class Webhook(NamedTuple):
    """A request, ready to be written, and the dossier that it is about."""

    key: str
    request: bytes


def signed(file: Path, secret: str) -> list[Webhook]:
    """The webhooks of a file, signed now."""
    return [_signed(json.loads(line), secret) for line in file.read_text("utf-8").splitlines()]


def _signed(told: dict[str, str], secret: str) -> Webhook:
    body, at = told["body"].encode(), int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/stripe HTTP/1.1\r\nHost: payments\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Stripe-Signature: t={at},v1={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Webhook(told["key"], head.encode() + body)


async def rung(host: str, ports: list[int], webhooks: list[Webhook], per_s: float | None) -> tuple[dict[str, Any], Any]:
    """What came of these, milliseconds until half and 99 % were answered, and when each was due to be posted.

    Connections are shared out among the ports.
    """
    loop, waiting = asyncio.get_running_loop(), iter(enumerate(webhooks))
    statuses, took, due_at = Counter[int](), list[float](), dict[str, float]()
    begin = time.monotonic()

    async def gateway(port: int) -> None:
        _, connection = await loop.create_connection(lambda: Connection(b"200"), host, port)
        for place, webhook in waiting:
            due = begin + place / per_s if per_s else time.monotonic()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due_at[webhook.key] = due
            statuses[await connection.ask(webhook.request)] += 1
            took.append((time.monotonic() - due) * 1_000)

    await asyncio.gather(*(gateway(port) for _, port in zip(range(_CONNECTIONS), cycle(ports), strict=False)))
    took.sort()
    shares = {f"answer_p{share}_ms": round(took[len(took) * share // 100], 1) for share in (50, 99)}
    return {"statuses": dict(statuses), "seconds": time.monotonic() - begin, **shares}, due_at


async def main() -> None:
    told, loop = json.loads(os.environ["BENCH"]), asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        file = Path(asked["file"])
        done, due_at = await rung(told["host"], told["ports"], signed(file, told["secret"]), asked["per_s"])
        file.with_suffix(".due").write_text(json.dumps(due_at))
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
