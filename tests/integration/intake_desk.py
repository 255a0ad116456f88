"""intake on a real database, asked over HTTP by people who signed in at the sandbox's identity provider."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from opentelemetry.trace import NoOpTracer
from pydantic import SecretStr

from chassis.clock import Clock, utc_now
from chassis.consumer import Consumer
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.metrics import Metrics
from chassis.postgres import Pool, open_pool
from chassis.sealing import Sealer
from chassis.service import Role, Service, build
from contracts import payments
from contracts.event import Data
from contracts.registry import EVENTS
from deploy.sandbox.oidc.registry import Registry
from services.intake.main import intake
from services.intake.settings import IntakeSettings
from tests.database import Database
from tests.forms import filled
from tests.integration.sandbox_process import ROOT, Server, free_port, running
from tests.records import example, record

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
PEOPLE = Registry.load()
OFFICER, OTHER_AGENCY, OPERATOR = "lan.motcua", "mai.phuong", "vanhanh"
AGENCY_SYSTEM, OTHER_SYSTEM = "agency-g09.20", "agency-h55.31"

# What the example says of its citizen, in every way in which it is kept.
PERSONAL = ("Nguyễn Thị Ánh", "019190012345", "+84900000001", "900 000 001", "anh.nguyen@example.vn", "1990-03-08")

_OFFSETS = itertools.count()
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@contextmanager
def signing(folder: Path) -> Iterator[Server]:
    """The identity provider as a process of its own."""
    server = Server("oidc", folder)
    server.environment = {"OIDC_ISSUER": server.url}
    with running(server):
        yield server


def token_of(provider: Server, who: str) -> str:
    """An access token of a persona, or of an agency's system."""
    client = PEOPLE.clients.get(who)
    if client is not None:
        form = {"grant_type": "client_credentials", "client_id": who, "client_secret": client.secret}
    else:
        password = PEOPLE.personas[who].password
        form = {"grant_type": "password", "client_id": "motcua-cli", "username": who, "password": password}
    answer = httpx.post(f"{provider.url}/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@dataclass(frozen=True)
class Desk:
    """The running service, its database, and who signs for its callers."""

    http: httpx.AsyncClient
    pool: Pool
    database: Database
    service: Service
    provider: Server
    tokens: dict[str, str] = field(default_factory=dict)
    clock: Clock = utc_now

    def bearer(self, who: str) -> dict[str, str]:
        if who not in self.tokens:
            self.tokens[who] = token_of(self.provider, who)
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    async def get(self, path: str, who: str) -> httpx.Response:
        return await self.http.get(path, headers=self.bearer(who))

    async def post(self, path: str, who: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(path, headers=self.bearer(who) | headers, json=body)

    async def submits(self, form: Any = None, who: str = "anh", key: str | None = None) -> httpx.Response:
        """A form is sent, under a new key unless one is given."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self.post("/dossiers", who, filled() if form is None else form, **headers)

    async def filed(self, who: str = "anh", paid: bool = False) -> str:
        """The code of a new dossier."""
        answer = await self.submits(who=who)
        assert answer.status_code == 201, answer.text
        code = str(answer.json()["code"])
        if paid:
            await self.hears(example(payments.Succeeded), code)
        return code

    async def hears(self, data: Data, code: str, **told: Any) -> None:
        """An event of a dossier arrives from its topic."""
        fold = next(fold for fold in self.service.consumes if fold.topic == data.TOPIC)
        voice = Voice("/motcua/intake", NoOpTracer(), self.clock, self.service.sealed)
        consumer = Consumer(fold, self.pool, voice, Reader(EVENTS, {}), Metrics(), 100)
        await consumer.take([record(data, next(_OFFSETS), subject=code, **told)])

    async def decides(self, code: str, what: str, who: str = OFFICER, etag: str | None = None) -> httpx.Response:
        """An officer's decision, with what has to be said with it."""
        said: dict[str, Any] = {
            "refuse": {"grounds": "Giấy phép lái xe không thuộc tỉnh cấp."},
            "hand-on": {},
            "return": {"delivery": "tại quầy"},
        }
        if what == "complete":
            said["complete"] = {"result_number": "010190012345", "document_id": await self.uploaded(who)}
        headers = {"If-Match": etag} if etag is not None else {}
        return await self.post(f"/dossiers/{code}/{what}", who, said.get(what), **headers)

    async def uploaded(self, who: str, name: str = "ket-qua.pdf", content: bytes = PDF) -> str:
        """The id of a document of this person, or of an officer's agency."""
        answer = await self.http.post("/documents", params={"name": name}, headers=self.bearer(who), content=content)
        # Whoever may not upload has none; what follows from that is what a test looks at.
        return str(answer.json()["id"]) if answer.status_code == 201 else str(uuid4())

    async def journey(self) -> str:
        """The code of a dossier that went from the form to the returned result."""
        code = await self.filed(paid=True)
        for what in ("accept", "process", "hand-on", "complete", "return"):
            answer = await self.decides(code, what)
            assert answer.status_code == 200, answer.text
        return code

    async def outbox(self) -> list[dict[str, Any]]:
        """All that is waiting to be published, in its order."""
        return [dict(row) for row in await self.pool.fetch("select * from outbox order by position")]

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"select count(*) from {table}"))

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection of whoever changes tables."""
        connection = await asyncpg.connect(self.database.owner_url)
        try:
            yield connection
        finally:
            await connection.close()

    async def forgets(self) -> None:
        async with self.owner() as owner:
            await owner.execute(
                "truncate agency_answer, agency_dossier, dossier, dossier_journal, look, document, person, code_counter, outbox, inbox, idempotency, parked, parked_key, parked_order"
            )

    async def becomes(self, status: int, saying: str = "") -> None:
        """Wait until /readyz answers with this status and these words."""
        async with asyncio.timeout(60):
            while True:
                with suppress(httpx.TransportError):
                    answer = await self.http.get("/readyz")
                    if answer.status_code == status and saying in answer.text:
                        return
                await asyncio.sleep(0.02)

    def opened(self, payload: bytes) -> bytes:
        return Sealer(KEY).open(payload)


def settings_for(database_url: str, issuer: str, port: int = 1, **more: Any) -> IntakeSettings:
    return IntakeSettings.model_validate(
        {
            "database_url": database_url,
            "kafka_bootstrap": "unused",
            "kafka_user": "intake",
            "kafka_password": "unused",
            "http_port": port,
            "oidc_issuer": issuer,
            "instance": "intake-test",
            "contacts_key": KEY,
            "public_url": "http://portal",
            "documents_url": (Path(tempfile.gettempdir()) / "motcua-test-documents").as_uri(),
            **more,
        }
    )


@asynccontextmanager
async def open_desk(
    database: Database, provider: Server, clock: Clock = utc_now, roles: Sequence[Role] = ("api",), **settings: Any
) -> AsyncIterator[Desk]:
    """The service on this database until the block is left; ready, its catalogue published."""
    service = intake(settings_for(database.url, provider.url, **settings), clock)
    app = build(service, roles, clock)
    pool = await open_pool(database.url, "test", 4)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as http,
    ):
        desk = Desk(http, pool, database, service, provider, clock=clock)
        await desk.becomes(200)
        yield desk
    await pool.close()


@asynccontextmanager
async def process_desk(
    database: Database, provider: Server, log: Path, **more: Any
) -> AsyncIterator[tuple[Desk, Process]]:
    """The same as a process, `python -m services.intake --roles api`, that writes what it says to `log`."""
    settings = settings_for(database.url, provider.url, free_port(), **more)
    told = {
        f"MOTCUA_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump(exclude_none=True).items()
    }
    arguments = [sys.executable, "-m", "services.intake", "--roles", "api"]
    pool = await open_pool(database.url, "test", 2)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=ROOT, env={**os.environ, **told}, stdout=output, stderr=output
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.http_port}", timeout=30) as http:
            yield Desk(http, pool, database, intake(settings), provider), process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await pool.close()
