"""How fast the sandbox's carrier, mail box, identity provider and span store are: they must never be the bottleneck.

`python -m tests.bench.sandbox_others [--seconds 2] [--json]`: per server its start in seconds, resident megabytes after
the load, and answers per second over a few kept connections. Every answer's status is checked.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil

from tests.integration.sandbox_process import Server, free_port, running

CONNECTIONS = 8
NUMBERS = itertools.count()


@dataclass
class Result:
    server: str
    start_s: float
    resident_mb: float = 0.0
    per_second: dict[str, int] = field(default_factory=dict)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP/1.1 request on a kept connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + body


async def message(reader: asyncio.StreamReader) -> bytes:
    """Read one request or answer whole; its head in lower case."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length or 0))
    return head


async def drive(port: int, make: Callable[[], bytes], seconds: float, expected: int) -> int:
    """Answers per second, one request at a time on each connection."""
    until, answers = time.monotonic() + seconds, 0

    async def connection() -> None:
        nonlocal answers
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            writer.write(make())
            status = int((await message(reader))[9:12])
            if status != expected:
                raise SystemExit(f"port {port} answered {status} instead of {expected}")
            answers += 1
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(connection())
    return round(answers / seconds)


async def drive_smtp(port: int, seconds: float) -> int:
    """Mails per second, one after the other on each connection."""
    until, mails = time.monotonic() + seconds, 0
    text = b"Subject: Ho so\r\nTo: anh@example.com\r\n\r\nda duoc tiep nhan\r\n.\r\n"
    commands = (b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<anh@example.com>\r\n", b"DATA\r\n", text)

    async def connection() -> None:
        nonlocal mails
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"HELO bench\r\n")
        await reader.readline()
        while time.monotonic() < until:
            for command in commands:
                writer.write(command)
                reply = await reader.readline()
                if reply[:1] not in b"23":
                    raise SystemExit(f"SMTP answered {reply!r}")
            mails += 1
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(connection())
    return round(mails / seconds)


@asynccontextmanager
async def receipts_taken(port: int) -> AsyncIterator[None]:
    """Takes every receipt that the carrier posts."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await message(reader)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


Load = Callable[[Server, float], Coroutine[None, None, dict[str, int]]]


def processor_seconds(server: Server) -> float:
    assert server.process is not None
    return float(sum(psutil.Process(server.process.pid).cpu_times()[:2]))


async def rated(
    server: Server, name: str, load: Coroutine[None, None, int], seconds: float, each: int = 1
) -> dict[str, int]:
    """What the load did a second, and what one free core would: the less others leave, the more they differ.

    `each` things were done by an answer.
    """
    before = processor_seconds(server)
    done = await load * each
    used = max(0.01, processor_seconds(server) - before)
    return {name: done, f"{name}: per processor second": round(done * seconds / used)}


async def carrier(server: Server, seconds: float) -> dict[str, int]:
    token = "Bearer token"

    def sms() -> bytes:
        fields = {"to": "+84590001001", "brand": "MOTCUA", "text": "Hồ sơ đã được tiếp nhận", "encoding": "ucs2"}
        body = json.dumps(fields | {"reference": f"r-{next(NUMBERS)}"}).encode()
        return request("POST", "/messages", body, Authorization=token)

    asked = request("GET", "/messages?reference=r-1", Authorization=token)
    async with receipts_taken(int(server.environment["SMS_RECEIPT_URL"].rpartition(":")[2].partition("/")[0])):
        return await rated(
            server, "POST /messages, receipts delivered", drive(server.port, sms, seconds, 201), seconds
        ) | await rated(server, "GET /messages", drive(server.port, lambda: asked, seconds, 200), seconds)


async def mailbox(server: Server, seconds: float) -> dict[str, int]:
    found = request("GET", "/api/messages?to=anh@example.com&limit=5")
    mails = drive_smtp(int(server.environment["SMTP_PORT"]), seconds)
    return await rated(server, "mails by SMTP", mails, seconds) | await rated(
        server, "GET /api/messages", drive(server.port, lambda: found, seconds, 200), seconds
    )


async def provider(server: Server, seconds: float) -> dict[str, int]:
    basic = "Basic " + base64.b64encode(b"agency-g09.20:sandbox-secret-g09.20").decode()
    form = {"grant_type": "password", "client_id": "motcua-cli", "username": "anh", "password": "motcua"}
    bearer = "Bearer " + httpx.post(f"{server.url}/token", data=form).json()["access_token"]
    requests = {
        "POST /token": request("POST", "/token", b"grant_type=client_credentials", Authorization=basic),
        "GET /userinfo": request("GET", "/userinfo", Authorization=bearer),
        "GET /jwks": request("GET", "/jwks"),
    }
    rates: dict[str, int] = {}
    for name, sent in requests.items():
        rates |= await rated(server, name, drive(server.port, partial(bytes, sent), seconds, 200), seconds)
    return rates


async def traces(server: Server, seconds: float) -> dict[str, int]:
    def spans() -> bytes:
        trace, now = f"{next(NUMBERS) + 1:032x}", time.time_ns() // 1000
        tags = {"cloudevents.event_subject": trace, "http.request.method": "POST", "http.route": "/dossiers"}
        span = {"traceId": trace, "name": "s", "timestamp": now, "duration": 9, "tags": tags}
        body = [span | {"id": f"{n:016x}", "localEndpoint": {"serviceName": f"s{n % 4}"}} for n in range(1, 51)]
        return request("POST", "/api/v2/spans", json.dumps(body).encode())

    query = f"/api/v2/traces?annotationQuery=cloudevents.event_subject={next(NUMBERS) + 2:032x}"
    found = request("GET", query)
    kept = drive(server.port, spans, seconds, 202)
    return await rated(server, "spans, 50 a request", kept, seconds, each=50) | await rated(
        server, "GET /api/v2/traces", drive(server.port, lambda: found, seconds, 200), seconds
    )


def measure(server: Server, load: Load, seconds: float) -> Result:
    began = time.monotonic()
    with running(server):
        result = Result(server.name, round(time.monotonic() - began, 2))
        result.per_second = asyncio.run(load(server, seconds))
        assert server.process is not None
        result.resident_mb = round(psutil.Process(server.process.pid).memory_info().rss / 1024**2, 1)
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=2.0)
    arguments.add_argument("--json", action="store_true")
    told = arguments.parse_args()
    oidc_port = free_port()
    sms = {"SMS_TOKEN": "token", "SMS_RECEIPT_SECRET": "s", "SMS_RECEIPT_URL": f"http://127.0.0.1:{free_port()}/r"}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        plan: list[tuple[Server, Load]] = [
            (Server("sms", data, sms), carrier),
            (Server("mail", data, {"SMTP_PORT": str(free_port())}), mailbox),
            (Server("oidc", data, {"OIDC_ISSUER": f"http://127.0.0.1:{oidc_port}"}, oidc_port), provider),
            (Server("traces", data), traces),
        ]
        results = [measure(server, load, told.seconds) for server, load in plan]
    if told.json:
        print(json.dumps([asdict(result) for result in results]))
        return
    for result in results:
        print(f"{result.server}: started in {result.start_s} s, {result.resident_mb} MB")
        for name, rate in result.per_second.items():
            print(f"  {rate:>8,}  {name}")


if __name__ == "__main__":
    main()
