"""notifications at work in a test: its HTTP side and its calls and timers for real, records given by hand instead of by Kafka."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx
import uvicorn
from opentelemetry.trace import NoOpTracer

from chassis.clock import Clock
from chassis.consumer import Consumer
from chassis.envelope import Reader, headers_of
from chassis.fold import Voice
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.parking import Record
from chassis.postgres import Pool, open_pool
from chassis.sealing import Sealer
from chassis.service import Service, build
from contracts import contacts, dossiers
from contracts.event import Data
from contracts.registry import EVENTS
from services.notifications.main import notifications
from services.notifications.settings import Settings
from tests.database import Database
from tests.integration.sandbox_process import free_port
from tests.issuer import Issuer
from tests.records import NOON, example, raw, record

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
SECRET = "receipt-secret"
AGENCY = "G09.20"

_OFFSETS = itertools.count()
Found = TypeVar("Found")


def settings_for(database: Database, issuer: Issuer, port: int, **changes: Any) -> Settings:
    """The service's settings, without quiet hours and with nobody to send through, unless `changes` say otherwise."""
    nowhere = free_port()
    told = {
        "database_url": database.url,
        "kafka_user": "notifications",
        "kafka_password": "unused",
        "http_port": port,
        "oidc_issuer": issuer.url,
        "instance": "notifications-test",
        "contacts_key": KEY,
        "public_url": "http://127.0.0.1:8080",
        "sms_url": f"http://127.0.0.1:{nowhere}",
        "sms_token": "token",
        "sms_receipt_secret": SECRET,
        "smtp_host": "127.0.0.1",
        "smtp_port": nowhere,
        "quiet_begins": "00:00",
        "quiet_ends": "00:00",
    }
    return Settings.model_validate(told | changes)


@dataclass(frozen=True)
class Office:
    """The running service."""

    http: httpx.AsyncClient
    pool: Pool
    issuer: Issuer
    service: Service
    voice: Voice

    async def hears(self, data: Data, subject: str, sequence: int = 1, event_id: UUID | None = None) -> None:
        """One event arrives from its topic, at every consumer of it."""
        await self.takes(record(data, next(_OFFSETS), sequence, NOON, subject, event_id=event_id))

    async def takes(self, *records: Record) -> None:
        """A batch of records arrives from one topic."""
        for fold in self.service.consumes:
            if fold.topic == records[0].topic:
                reader = Reader(EVENTS, self.service.sealed)
                await Consumer(fold, self.pool, self.voice, reader, Metrics(), 100).take(records)

    async def filed(self, code: str, person: UUID, **changes: Any) -> None:
        """A dossier was submitted to AGENCY."""
        submitted = example(dossiers.Submitted, person_id=person, step={"agency": AGENCY}, **changes)
        await self.hears(submitted, code)

    async def knows(self, person: UUID, **contact: Any) -> None:
        """A person's sealed contact arrives."""
        data = contacts.Updated.model_validate({"name": "Nguyễn Thị Ánh", **contact})
        headers = headers_of(new_id(), data.TYPE, "/motcua/intake", str(person), 1, NOON, None, True)
        coded = [(name, value.encode()) for name, value in headers.items()]
        sealed = Sealer(KEY).seal(data.model_dump_json().encode())
        await self.takes(raw(contacts.TOPIC, next(_OFFSETS), str(person).encode(), sealed, coded))

    async def forgets(self, person: UUID) -> None:
        """A person's tombstone arrives."""
        await self.takes(raw(contacts.TOPIC, next(_OFFSETS), str(person).encode(), None, []))

    async def hears_itself(self, topic: str) -> None:
        """What the outbox holds for a topic arrives there and is read by the service's own consumers."""
        rows = await self.pool.fetch(
            "update outbox set published_at = now() where aggregatetype = $1 and published_at is null returning *",
            topic,
        )
        for row in sorted(rows, key=lambda row: row["position"]):
            headers = [(name, value.encode()) for name, value in row["headers"].items()]
            await self.takes(raw(topic, next(_OFFSETS), row["aggregateid"].encode(), row["payload"], headers))

    async def told(self, code: str, topic: str) -> list[tuple[str, dict[str, Any]]]:
        """The events of a dossier in the outbox, in order: the last word of each type, and its data."""
        rows = await self.pool.fetch(
            """select type, convert_from(payload, 'UTF8')::jsonb as data from outbox
            where aggregateid = $1 and aggregatetype = $2 order by position""",
            code,
            topic,
        )
        return [(row["type"].split(".")[3], row["data"]) for row in rows]

    async def notice(self, code: str, template: str, channel: str) -> dict[str, Any]:
        row = await self.pool.fetchrow(
            "select * from notice where dossier_code = $1 and template = $2 and channel = $3", code, template, channel
        )
        return dict(row) if row else {}

    async def comes_to(self, state: str, code: str, template: str, channel: str) -> dict[str, Any]:
        """The notice, as soon as it is in this state."""

        async def there() -> dict[str, Any] | None:
            notice = await self.notice(code, template, channel)
            return notice if notice.get("state") == state else None

        return await eventually(there)

    async def get(self, path: str, role: str, **claims: Any) -> httpx.Response:
        return await self.http.get(path, headers=self.issuer.bearer(role, **claims))

    async def post(self, path: str, role: str, **claims: Any) -> httpx.Response:
        return await self.http.post(path, headers=self.issuer.bearer(role, **claims))


async def eventually(condition: Callable[[], Awaitable[Found | None]], seconds: float = 60.0) -> Found:
    """What the condition answers as soon as that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.03)
    return found


@asynccontextmanager
async def working(settings: Settings, issuer: Issuer, clock: Clock) -> AsyncIterator[Office]:
    """The service on its port, with its calls and timers, until the block is left."""
    service = notifications(settings, clock)
    server = uvicorn.Server(
        uvicorn.Config(build(service, ["api", "timers"], clock), port=settings.http_port, log_config=None)
    )
    task = asyncio.create_task(server.serve())
    pool = await open_pool(settings.database_url.get_secret_value(), "test", 4)
    voice = Voice("/motcua/notifications", NoOpTracer(), clock, service.sealed)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.http_port}") as http:

            async def ready() -> bool:
                try:
                    return (await http.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready)
            yield Office(http, pool, issuer, service, voice)
    finally:
        server.should_exit = True
        await task
        await pool.close()
