"""Citizens who file dossiers over HTTP, as a process: as fast as they are answered, or at a steady rate.

It is told by BENCH and lines, {"seconds", "per_s"} each; for each it says what came of it. A connection is a socket that
writes prepared bytes: what is measured is the service, not a client.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import uvloop
from uuid_utils import uuid7

_CONNECTIONS = 32


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection that is kept; one request at a time. Any status but `good` is a refusal."""

    def __init__(self, good: bytes = b"201") -> None:
        self._good = good
        self._transport: Any = None
        self._seen = b""
        self._answer: asyncio.Future[int] | None = None
        self.refused = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, rest = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(rest) >= int(length[15:]) and self._answer is not None:
            self._seen = b""
            if head[9:12] != self._good:
                self.refused = rest.decode()
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("broken off"))

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def requests(told: Any) -> Iterator[bytes]:
    """Requests without end: each a new key, the citizens in turn."""
    citizens = cycle([json.loads(line) for line in Path(told["citizens"]).read_text("utf-8").splitlines()])
    for citizen in citizens:
        body = json.dumps(citizen["form"], ensure_ascii=False).encode()
        head = (
            f"POST /dossiers HTTP/1.1\r\nHost: intake\r\nAuthorization: Bearer {citizen['token']}\r\n"
            f"Idempotency-Key: {uuid7()}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


async def filed(told: Any, seconds: float, per_s: float | None) -> dict[str, Any]:
    """What came of so many seconds: answers by status, milliseconds that half and 99 % had, and how long it took in all."""
    loop, sending = asyncio.get_running_loop(), requests(told)
    statuses, took, places, refused = Counter[int](), deque[float](), count(), set[str]()
    begin = time.perf_counter()

    async def citizen() -> None:
        _, connection = await loop.create_connection(Connection, told["host"], told["port"])
        while True:
            due = begin + next(places) / per_s if per_s else time.perf_counter()
            if due - begin >= seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            statuses[await connection.ask(next(sending))] += 1
            took.append((time.perf_counter() - due) * 1_000)
        refused.update({connection.refused} - {""})

    await asyncio.gather(*(citizen() for _ in range(_CONNECTIONS)))
    whole, ordered = time.perf_counter() - begin, sorted(took)
    told_ms = {f"p{share}_ms": round(ordered[len(ordered) * share // 100], 1) for share in (50, 99)}
    return {
        "statuses": dict(statuses),
        "count": len(ordered),
        "seconds": whole,
        "refused": sorted(refused)[:1],
        **told_ms,
    }


async def main() -> None:
    told, loop = json.loads(os.environ["BENCH"]), asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        done = await filed(told, asked["seconds"], asked["per_s"])
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
