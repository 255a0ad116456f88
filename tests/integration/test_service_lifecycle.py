"""A whole service as a process: it starts before what it needs, says what it waits for, and ends when told to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import stack
from tests.child import BUDGET_SECONDS, Child
from tests.database import Server
from tests.integration.sandbox_process import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Door:
    """A port that leads to a server while it is open; shut, it refuses, and ends what went through it."""

    target: int
    port: int = field(default_factory=free_port)
    _listening: asyncio.Server | None = None
    _through: set[asyncio.StreamWriter] = field(default_factory=set)

    async def open(self) -> None:
        self._listening = await asyncio.start_server(self._enter, "127.0.0.1", self.port)

    async def shut(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for writer in self._through:
            writer.transport.abort()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._through |= {writer, inner_writer}
            await asyncio.gather(_pass(reader, inner_writer), _pass(inner_reader, writer))
            self._through -= {writer, inner_writer}


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
async def database_url(postgres_server: Server) -> str:
    return (await postgres_server.fresh("payments")).url


@asynccontextmanager
async def running(
    folder: Path, database_url: str, kafka: stack.Kafka, database: int, broker: int, *arguments: str
) -> AsyncIterator[Child]:
    """The service, told that its servers are at these ports; its traces go nowhere."""
    port, log = free_port(), folder / "log"
    parts = urlsplit(database_url)
    told = {
        "MOTCUA_DATABASE_URL": database_url.replace(f":{parts.port}/", f":{database}/"),
        "MOTCUA_KAFKA_BOOTSTRAP": f"127.0.0.1:{broker}",
        "MOTCUA_KAFKA_USER": "payments",
        "MOTCUA_KAFKA_PASSWORD": kafka.password("payments"),
        "MOTCUA_HTTP_PORT": str(port),
        "MOTCUA_OIDC_ISSUER": "http://127.0.0.1:9",
        "MOTCUA_TRACES_EXPORTER": "zipkin",
        "MOTCUA_TRACES_ENDPOINT": "http://127.0.0.1:9/api/v2/spans",
        "MOTCUA_INSTANCE": f"payments-{port}",
        "MOTCUA_GATEWAY_URL": "http://127.0.0.1:9",
        "MOTCUA_GATEWAY_SECRET_KEY": "sk_test_lifecycle",
        "MOTCUA_GATEWAY_WEBHOOK_SECRET": "whsec_bGlmZWN5Y2xl",
        "MOTCUA_RETURN_URL": "http://127.0.0.1:9/",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.payments", *arguments],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=output,
            stderr=output,
        )
    try:
        yield Child(process, port, log)
    finally:
        process.kill()
        process.wait()


def port_of(database_url: str) -> int:
    port = urlsplit(database_url).port
    assert port is not None
    return port


async def test_it_starts_before_its_servers_and_says_what_it_waits_for(
    tmp_path: Path, database_url: str, kafka: stack.Kafka
) -> None:
    """Ready when both are there, not ready while one goes away, and alive all the time."""
    database, broker = Door(port_of(database_url)), Door(kafka.layout.port("kafka"))
    async with running(tmp_path, database_url, kafka, database.port, broker.port) as child:
        await child.until_it_waits_for("database: away")
        assert (await child.get("/healthz")).status_code == 200
        await database.open()
        await child.until_it_waits_for("relay: Kafka is away")
        await child.until_it_waits_for("kafka: Kafka is away")
        await broker.open()
        await child.until_ready()
        await database.shut()
        await child.until_it_waits_for("database: away")
        assert (await child.get("/healthz")).status_code == 200
        await database.open()
        await child.until_ready()
        assert await child.end() < BUDGET_SECONDS
    await database.shut()
    await broker.shut()


async def test_it_ends_in_time_although_kafka_and_the_collector_of_traces_are_down(
    tmp_path: Path, database_url: str, kafka: stack.Kafka
) -> None:
    async with running(tmp_path, database_url, kafka, port_of(database_url), kafka.layout.port("kafka")) as child:
        await child.until_ready()
        await child.get("/openapi.json")  # a span that waits for its collector
        broker = kafka.pid
        os.kill(broker, signal.SIGKILL)
        try:
            await child.until_it_waits_for("Kafka is away")
            assert await child.end() < BUDGET_SECONDS
        finally:
            await kafka.until_ready(other_than=broker)


async def test_the_api_alone_runs_no_consumer_and_no_relay(
    tmp_path: Path, database_url: str, kafka: stack.Kafka
) -> None:
    """Ready without any Kafka."""
    async with running(tmp_path, database_url, kafka, port_of(database_url), 9, "--roles", "api") as child:
        await child.until_ready()
        assert "/webhooks/stripe" in (await child.get("/openapi.json")).json()["paths"]


async def test_a_process_without_the_api_still_tells_how_it_is(
    tmp_path: Path, database_url: str, kafka: stack.Kafka
) -> None:
    async with running(tmp_path, database_url, kafka, port_of(database_url), 9, "--roles", "timers, relay") as child:
        await child.until_it_waits_for("relay: Kafka is away")
        assert set((await child.get("/openapi.json")).json()["paths"]) == {"/healthz", "/readyz", "/metrics"}


def test_an_unknown_role_is_an_error_that_names_the_known_ones() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.payments", "--roles", "api,consumer"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "unknown role consumer; choose from api, consumers, relay, timers" in done.stderr


CRASHES = """
import asyncio
from fastapi import APIRouter
from chassis.service import Service, serve
from chassis.settings import Settings

async def crash(work):
    raise KeyError("at the start")

serve(Service("payments", "", Settings(), {}, at_start=crash))
"""


async def test_a_process_whose_background_work_crashed_ends_instead_of_looking_alive(
    tmp_path: Path, database_url: str
) -> None:
    """Whoever supervises it starts a new one; the log says where it crashed."""
    told = {
        "MOTCUA_DATABASE_URL": database_url,
        "MOTCUA_KAFKA_USER": "payments",
        "MOTCUA_KAFKA_PASSWORD": "",
        "MOTCUA_HTTP_PORT": str(free_port()),
        "MOTCUA_OIDC_ISSUER": "http://127.0.0.1:9",
        "MOTCUA_INSTANCE": "payments-0",
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CRASHES],
        cwd=ROOT,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "background work crashed" in done.stderr
    assert "KeyError" in done.stderr
    assert "at the start" not in done.stderr
