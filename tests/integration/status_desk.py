"""status on a real database, with its events given by hand and its HTTP side asked as callers do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from chassis.identifiers import new_id
from chassis.postgres import Pool, open_pool
from chassis.service import build
from chassis.settings import Settings
from contracts import dossiers
from contracts.event import Data
from services.status.main import CONSUMES, status
from tests.consuming import consumer_of
from tests.database import Database
from tests.issuer import Issuer
from tests.records import CODE, NOON, example, record
from tests.stack import Kafka

ANH, DUC = new_id(), new_id()
OURS, THEIRS = "G09.20", "H55.31"


@dataclass(frozen=True)
class Desk:
    """The running service: its HTTP side, its database, and who signs for callers."""

    http: httpx.AsyncClient
    database: Database
    pool: Pool
    issuer: Issuer

    async def hears(self, data: Data, sequence: int = 1, subject: str = CODE, minutes: int = 0) -> None:
        """One event arrives from its topic."""
        fold = next(fold for fold in CONSUMES if fold.topic == data.TOPIC)
        at = NOON + timedelta(minutes=minutes)
        await consumer_of(fold, self.pool).take([record(data, time.monotonic_ns(), sequence, at, subject)])

    async def filed(self, subject: str = CODE, person: UUID = ANH, minutes: int = 0, **step: Any) -> None:
        """A dossier was submitted."""
        submitted = example(dossiers.Submitted, person_id=person, step={"agency": OURS} | step)
        await self.hears(submitted, subject=subject, minutes=minutes)

    async def get(self, path: str, role: str, **claims: Any) -> httpx.Response:
        return await self.http.get(path, headers=self.issuer.bearer(role, **claims))

    async def codes(self, path: str, role: str, **claims: Any) -> list[str]:
        """The codes of one page, in its order."""
        answer = await self.get(path, role, **claims)
        assert answer.status_code == 200, answer.text
        return [item["code"] for item in answer.json()["items"]]


@asynccontextmanager
async def running(database: Database, issuer: Issuer, kafka: Kafka | None = None) -> AsyncIterator[Desk]:
    """The service on this database until the block is left: with its consumers where there is Kafka."""
    settings = Settings.model_validate(
        {
            "database_url": database.url,
            "kafka_bootstrap": kafka.bootstrap if kafka else "unused",
            "kafka_user": "status",
            "kafka_password": kafka.password("status") if kafka else "unused",
            "http_port": 1,
            "oidc_issuer": issuer.url,
            "instance": "status-test",
        }
    )
    app = build(status(settings), ["api", "consumers"] if kafka else ["api"])
    pool = await open_pool(database.url, "test", 2)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://status") as http,
    ):
        yield Desk(http, database, pool, issuer)
    await pool.close()
