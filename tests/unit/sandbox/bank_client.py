"""The bank without a network, with a clock of its own: its owner's API, and payers at the app."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from deploy.sandbox.bank import later
from deploy.sandbox.bank.main import application, opened
from deploy.sandbox.bank.office import Office
from deploy.sandbox.bank.settings import Settings
from tests.unit.sandbox.client import client_of

KEY, SECRET, BIN, ACCOUNT = "bank-key", "bank-secret", "970403", "1017595600"
OWNER = {"Authorization": f"Bearer {KEY}"}
DAY = 24 * 3600.0


@dataclass
class Clock:
    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


@dataclass
class Bank:
    """What is due later happens when `pass_time` says so."""

    office: Office
    clock: Clock
    http: httpx.AsyncClient

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        answer = await self.http.get(path, params=query, headers=OWNER)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def lines(self) -> list[dict[str, Any]]:
        """The whole statement, oldest first."""
        found: list[dict[str, Any]] = (await self.get("/v1/statement", limit=1000))["lines"]
        return found

    async def transfer(self, **changes: str) -> httpx.Response:
        """What the app answers to a payer who confirms."""
        typed = {"bin": BIN, "account": ACCOUNT, "amount": "135000", "purpose": "MC thu", "payer": "an"}
        return await self.http.post("/app/transfers", data=typed | changes)

    async def transferred(self, **changes: str) -> dict[str, Any]:
        """The newest line after a transfer that went well."""
        assert (await self.transfer(**changes)).status_code == 303
        return (await self.lines())[-1]

    async def send_back(self, **body: Any) -> httpx.Response:
        return await self.http.post("/v1/returns", json=body, headers=OWNER)

    async def books(self, **asked: Any) -> list[str]:
        answer = await self.http.post("/_control/lines", json=asked)
        assert answer.status_code == 201, answer.text
        ids: list[str] = answer.json()["ids"]
        return ids

    def notices(self, kind: str = "") -> list[dict[str, Any]]:
        """What is owed or was sent, oldest first, each with its body read."""
        rows = self.office.store.all_of("notice")
        return [{**dict(row), "body": json.loads(row["body"])} for row in rows if row["type"].startswith(kind)]

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        while later.settle_due(self.office):
            continue


@contextlib.asynccontextmanager
async def bank_in(folder: Path) -> AsyncIterator[Bank]:
    clock = Clock()
    settings = Settings(folder, KEY, BIN, ACCOUNT, "http://127.0.0.1:9/webhooks/bank", SECRET, "http://bank")
    office = opened(settings, clock)
    async with client_of(application(office)) as client:
        yield Bank(office, clock, client)


def form_of(page: str) -> dict[str, str]:
    """What the app has filled in, by field."""
    return dict(re.findall(r'name="(bin|account|amount|purpose|token)" value="([^"]*)"', page))
