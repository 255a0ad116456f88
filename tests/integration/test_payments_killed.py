"""A payment and its refund, killed with -9 between each pair of steps: one page, one capture, one refund, no gap in receipts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from pydantic import SecretStr

from chassis.postgres import open_pool
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from tests.database import Server as Postgres
from tests.integration.payments_counter import (
    AGENCY,
    AMOUNT,
    KEY,
    RETURNED,
    SECRET,
    Clock,
    Counter,
    Dossier,
    eventually,
    settings_for,
)
from tests.integration.sandbox_process import Server, free_port, running
from tests.issuer import issuing

MOST_STEPS = 60
SEEN = {
    "before commit",
    "after commit",
    "before POST /v1/checkout/sessions",
    "after POST /v1/checkout/sessions",
    "before POST /v1/refunds",
    "after POST /v1/refunds",
    "before webhooks are kept",
    "after webhooks are kept",
    "after webhooks are claimed",
    "after calls are claimed",
}
"""What a payment and a refund cannot do without: a process died at each."""
FREED = [
    f"update {table} set leased_until = now() - interval '1 second', due_at = least(due_at, now()) "
    f"where leased_until is not null or {waits}"
    for table, waits in (("call", "due_at > now()"), ("ring", "(done_at is null and due_at > now())"))
]
"""What a dead process had in hand is due again when its lease ends; nobody waits for that here."""
Found = TypeVar("Found")


@dataclass
class Mortal:
    """payments at work, one life after the other."""

    counter: Counter
    births: asyncio.subprocess.Process
    folder: Path
    life: str = ""
    deaths: int = 0

    async def told(self, order: str) -> str:
        assert self.births.stdin is not None
        assert self.births.stdout is not None
        self.births.stdin.write(f"{order}\n".encode())
        return (await self.births.stdout.readline()).decode().strip()

    async def begin(self) -> None:
        self.life = await self.told("begin")
        await eventually(self._ready)

    async def dies_at(self, step: int | str) -> None:
        """This life ends at its step of this number, counted from now on, or of this name."""
        draft = self.folder / "draft"
        draft.write_text(str(step))
        draft.rename(self.folder / self.life)

    async def is_spared(self) -> None:
        """It dies at no step from now on, unless it did so just before."""
        (self.folder / self.life).unlink(missing_ok=True)
        await self.lives()

    async def lives(self) -> bool:
        """Whether it goes on; after a death by its own hand another life has begun."""
        fate = await self.told(f"poll {self.life}")
        if fate == "lives":
            return True
        assert fate == str(-signal.SIGKILL.value), f"it ended with {fate}"
        self.deaths += 1
        for statement in FREED:
            await self.counter.pool.execute(statement)
        await self.begin()
        return False

    async def _ready(self) -> bool:
        try:
            return (await self.counter.http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            assert await self.told(f"poll {self.life}") == "lives", "it does not even begin"
            return False

    async def until(self, condition: Callable[[], Awaitable[Found | None]]) -> Found:
        """What the condition answers, over as many lives as it takes. A request that dies on its way is made again."""

        async def there() -> Found | None:
            await self.lives()
            try:
                return await condition()
            except httpx.TransportError:
                return None

        return await eventually(there)


@asynccontextmanager
async def mortal(postgres: Postgres, folder: Path) -> AsyncIterator[Mortal]:
    """payments in processes of its own, with a real database and a real gateway, until the block is left."""
    database, port = await postgres.fresh("payments"), free_port()
    told = {
        "GATEWAY_SECRET_KEY": KEY,
        "GATEWAY_WEBHOOK_SECRET": SECRET,
        "GATEWAY_WEBHOOK_URL": f"http://127.0.0.1:{port}/webhooks/stripe",
        "GATEWAY_SETTLE_SECONDS": "0.1",
        "GATEWAY_RETRY_SECONDS": "0.1",
    }
    with issuing() as issuer, running(Server("gateway", folder / "gateway", told)) as gateway:
        settings = settings_for(database, issuer, gateway, port)
        births = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.payments_mortal_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "MORTAL_FOLDER": str(folder), "MORTAL_SETTINGS": _said(settings)},
        )
        pool = await open_pool(database.url, "test", 4)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
                counter = Counter(http, pool, issuer, gateway, payments(settings), Clock())
                lives = Mortal(counter, births, folder)
                await lives.begin()
                yield lives
        finally:
            # With its orders the last life ends, whatever the test came to: it would serve the next test's database.
            assert births.stdin is not None
            births.stdin.close()
            await births.wait()
            await pool.close()


def _said(settings: PaymentsSettings) -> str:
    """The settings as the process reads them, with their secrets."""

    def plain(value: object) -> object:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    return json.dumps(settings.model_dump(exclude_none=True), default=plain)


async def journey(world: Mortal, dossier: Dossier) -> None:
    """The citizen opens a page and pays; an officer sends a fee back; the gateway says what it has to say."""
    counter = world.counter
    bill_id = (await counter.bill(dossier))["bill_id"]

    async def page() -> str | None:
        answer = await counter.begins(dossier)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["url"] or "") or None

    async def paid() -> bool:
        return bool((await counter.bill(dossier))["state"] == "paid")

    async def ordered() -> bool:
        headers = {**counter.issuer.bearer("officer", agency=AGENCY), "Idempotency-Key": f'"{bill_id}"'}
        order = {"lines": [{"code": "chup-anh", "amount": RETURNED}], "available": RETURNED, "reason": "Nộp nhầm"}
        answer = await counter.http.post(f"/payments/{bill_id}/refunds", json=order, headers=headers)
        assert answer.status_code == 201, answer.text
        return True

    async def returned() -> bool:
        return [each["state"] for each in (await counter.bill(dossier))["refunds"]] == ["done"]

    async def quiet() -> bool:
        deliveries = (await counter.at_gateway("/_control/webhooks"))["deliveries"]
        rung = all(each["state"] != "pending" for each in deliveries)
        kept = await counter.pool.fetchval("select count(*) from ring where done_at is null")
        return rung and kept == 0 and not await counter.calls(dossier)

    url = await world.until(page)
    assert await counter.pays(url) == 303
    for step in (paid, ordered, returned, quiet):
        await world.until(step)


async def assert_as_if_nobody_had_died(counter: Counter, dossier: Dossier) -> None:
    assert len(await counter.sessions(dossier)) == 1
    assert await counter.moved(dossier) == [("charge", AMOUNT), ("refund", -RETURNED)]
    assert await counter.balances(dossier) == {
        "fee:3511.0.1054321": RETURNED - AMOUNT,
        "gateway:stripe": AMOUNT - RETURNED,
    }
    told = ["opened", "started", "succeeded", "receipt-issued", "refund-started", "refunded", "receipt-issued"]
    assert await counter.names(dossier) == told


def died(folder: Path) -> list[str]:
    return (folder / "died").read_text().splitlines()


@pytest.mark.timeout(900)  # as many lives as there are steps, each a new process
async def test_a_payment_and_its_refund_survive_a_death_at_each_of_their_steps(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    async with mortal(postgres_server, tmp_path) as world:
        counter = world.counter
        for step in range(1, MOST_STEPS):
            dossier = await counter.filed()
            await world.dies_at(step)
            await journey(world, dossier)
            await world.is_spared()
            await assert_as_if_nobody_had_died(counter, dossier)
            if world.deaths < step:
                break
        assert world.deaths == step - 1, "one death for each step, and then a journey without one"
        missed = sorted(SEEN - set(died(tmp_path)))
        for name in missed:  # two journeys do not always go the same steps in the same order
            dossier = await counter.filed()
            await world.dies_at(name)
            await journey(world, dossier)
            await world.is_spared()
            await assert_as_if_nobody_had_died(counter, dossier)
        print(died(tmp_path))
        assert len(died(tmp_path)) == world.deaths
        assert set(died(tmp_path)) >= SEEN
        numbers = await counter.pool.fetch("select count(*), max(ordinal) as last from receipt group by year")
        assert [each["count"] for each in numbers] == [each["last"] for each in numbers], "no gap in any year"
        assert sum(each["count"] for each in numbers) == 2 * (step + len(missed))
