"""payments at work in a test: its service and a gateway for real, events given by hand, a clock that can be set forward."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import uvicorn
from opentelemetry.trace import NoOpTracer

from chassis.clock import utc_now
from chassis.consumer import Consumer
from chassis.effects import CALLS
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.postgres import Pool, open_pool
from chassis.service import Service, build
from contracts import dossiers
from contracts import payments as contract
from contracts.event import Data
from contracts.registry import EVENTS
from services.payments import store
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from tests.database import Database
from tests.database import Server as Postgres
from tests.integration.sandbox_process import Server, free_port, running
from tests.issuer import Issuer, issuing
from tests.records import example, record

SECRET, KEY, AGENCY = "whsec_test", "sk_test", "G09.20"
GOOD, DECLINED = "4242424242424242", "4000000000009995"
FEE = {
    "code": "gplx-doi", "kind": "lệ phí", "name": "Lệ phí cấp đổi giấy phép lái xe", "amount": 115_000,
    "legal_basis": "Thông tư 37/2023/TT-BTC", "beneficiary": "3511.0.1054321", "refundable": False,
}  # fmt: skip
RETURNED = 20_000
PHOTO = FEE | {"code": "chup-anh", "kind": "phí", "name": "Phí chụp ảnh", "amount": RETURNED, "refundable": True}
AMOUNT = 135_000
PAID = {"fee:3511.0.1054321": -AMOUNT, "gateway:stripe": AMOUNT}
# Told as the service tells itself of new calls, when there are any.
_DUE_NOW = """
with due as (update call set due_at = now() where leased_until is null and due_at > now() returning id)
select pg_notify($1, '') from due limit 1"""
_NUMBERS = itertools.count(1)
Found = TypeVar("Found")


@dataclass
class Clock:
    """The present, set forward by a test. Pages are made in the gateway's present: begin one before."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass(frozen=True)
class Dossier:
    """A citizen's dossier that has fees."""

    code: str
    person: UUID


@dataclass
class Counter:
    """The running service, its database and its gateway."""

    http: httpx.AsyncClient
    pool: Pool
    issuer: Issuer
    gateway: Server
    service: Service
    clock: Clock
    offsets: itertools.count[int] = field(default_factory=itertools.count)

    async def hears(self, data: Data, code: str, sequence: int = 1) -> None:
        """One event of dossiers.v1 arrives."""
        voice = Voice("/motcua/payments", NoOpTracer(), self.clock)
        heard = record(data, next(self.offsets), sequence, self.clock(), code)
        for fold in self.service.consumes:
            await Consumer(fold, self.pool, voice, Reader(EVENTS, {}), Metrics(), 100).take([heard])

    async def filed(
        self, days: float = 30, lines: tuple[dict[str, Any], ...] = (FEE, PHOTO), agency: str = AGENCY
    ) -> Dossier:
        """A new dossier was submitted; its fees are due in so many days."""
        dossier = Dossier(f"{agency}-20260609-{next(_NUMBERS):07}", new_id())
        due = self.clock() + timedelta(days=days)
        changes = {
            "person_id": dossier.person,
            "fee_lines": list(lines),
            "payment_due": due,
            "step": {"agency": agency},
        }
        await self.hears(example(dossiers.Submitted, **changes), dossier.code)
        return dossier

    async def asked(self, method: str, path: str, role: str, **claims: Any) -> httpx.Response:
        return await self.http.request(method, path, headers=self.issuer.bearer(role, **claims))

    async def bill(self, dossier: Dossier) -> dict[str, Any]:
        row = await self.pool.fetchrow("select * from bill where dossier_code = $1", dossier.code)
        assert row is not None
        return dict(row)

    async def begins(self, dossier: Dossier) -> httpx.Response:
        """The citizen presses the button that leads to the gateway's page."""
        bill_id = (await self.bill(dossier))["bill_id"]
        person = str(dossier.person)
        return await self.asked("POST", f"/payments/{bill_id}/checkout", "citizen", person_id=person)

    async def page(self, dossier: Dossier) -> str:
        """The gateway's page, as soon as the citizen gets it."""

        async def there() -> str | None:
            answer = await self.begins(dossier)
            assert answer.status_code in (201, 202), answer.text
            url: str | None = answer.json()["url"]
            return url

        return await eventually(there)

    async def pays(self, url: str, card: str = GOOD) -> int:
        """The citizen types a card on the gateway's page; the status that it answers."""
        form = {"card_number": card, "card_expiry": "12/34", "card_cvc": "123"}
        async with httpx.AsyncClient(verify=False, timeout=30) as browser:
            return (await browser.post(url, data=form)).status_code

    async def comes_to(self, dossier: Dossier, *states: str) -> dict[str, Any]:
        """The bill, as soon as it is in one of these states. Raises AssertionError when it does not come there."""

        async def there() -> dict[str, Any] | None:
            bill = await self.bill(dossier)
            return bill if bill["state"] in states else None

        try:
            return await eventually(there)
        except TimeoutError:
            stays = (await self.bill(dossier))["state"]
            raise AssertionError(f"the bill stays {stays}, and does not come to {' or '.join(states)}") from None

    async def refunds_come_to(self, dossier: Dossier, *states: str) -> dict[str, Any]:
        """The bill, as soon as its refunds are in these states, in their order. Raises AssertionError when they never are."""

        async def there() -> dict[str, Any] | None:
            bill = await self.bill(dossier)
            return bill if [each["state"] for each in bill["refunds"]] == list(states) else None

        try:
            return await eventually(there)
        except TimeoutError:
            stay = [each["state"] for each in (await self.bill(dossier))["refunds"]]
            raise AssertionError(f"the refunds stay {stay}, and do not come to {list(states)}") from None

    async def receipt_number(self, dossier: Dossier) -> str | None:
        """The number of the receipt that holds."""
        return next((each["number"] for each in (await self.bill(dossier))["receipts"] if not each["ended"]), None)

    async def tells(self, dossier: Dossier, name: str) -> dict[str, Any]:
        """The first event of this name, as soon as it lies in the outbox. Raises AssertionError when it never does."""

        async def there() -> dict[str, Any] | None:
            return next((data for told, data in await self.told(dossier) if told == name), None)

        try:
            return await eventually(there)
        except TimeoutError:
            raise AssertionError(f"told: {', '.join(await self.names(dossier))}; never {name}") from None

    async def told(self, dossier: Dossier) -> list[tuple[str, dict[str, Any]]]:
        """The events of a bill in the outbox, in order: the last word of each type, and its data."""
        rows = await self.pool.fetch(
            """select type, convert_from(payload, 'UTF8')::jsonb as data from outbox
            where aggregateid = $1 and aggregatetype = $2 order by position""",
            dossier.code,
            contract.TOPIC,
        )
        return [(row["type"].split(".")[3], row["data"]) for row in rows]

    async def names(self, dossier: Dossier) -> list[str]:
        return [name for name, _ in await self.told(dossier)]

    async def balances(self, dossier: Dossier) -> dict[str, int]:
        """Debit less credit of each account that is not even."""
        found = await store.ledger.balances(self.pool, dossier.code)
        return {each["account"]: each["balance"] for each in found if each["balance"]}

    async def calls(self, dossier: Dossier) -> list[dict[str, Any]]:
        """The outside calls that wait for an answer."""
        return [dict(row) for row in await self.pool.fetch("select * from call where key = $1", dossier.code)]

    @asynccontextmanager
    async def without_pauses(self) -> AsyncIterator[None]:
        """Calls that got no answer are made again at once, until the block is left."""

        async def due() -> None:
            while True:
                await self.pool.execute(_DUE_NOW, CALLS)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(due())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def settled(self, dossier: Dossier) -> None:
        """Wait until no outside call of this bill waits for an answer. Raises AssertionError when one always does."""

        async def there() -> bool:
            return not await self.calls(dossier)

        try:
            await eventually(there)
        except TimeoutError:
            raise AssertionError(f"{len(await self.calls(dossier))} calls still wait for an answer") from None

    def passes(self, **time: float) -> None:
        self.clock.ahead += timedelta(**time)

    async def at_gateway(self, path: str, **query: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=self.gateway.url, headers=headers, verify=False, timeout=30) as client:
            answer = await client.get(path, params=query)
            return dict(answer.raise_for_status().json())

    async def sessions(self, dossier: Dossier) -> list[dict[str, Any]]:
        """The pages that the gateway made for a dossier."""
        listed = await self.at_gateway("/v1/checkout/sessions", limit=100)
        return [each for each in listed["data"] if each["client_reference_id"] == dossier.code]

    async def moved(self, dossier: Dossier) -> list[tuple[str, int]]:
        """The money that moved for a dossier at the gateway."""
        listed = await self.at_gateway("/_control/charges")
        return [(each["kind"], each["amount"]) for each in listed["movements"] if _of(each, dossier)]

    async def last_webhook(self) -> int:
        """The number of the newest webhook that the gateway owed so far."""
        listed = (await self.at_gateway("/_control/webhooks", limit=1))["deliveries"]
        return max((int(each["id"]) for each in listed), default=0)

    async def oddities(self, name: str, after: int = 0) -> list[dict[str, Any]]:
        """What became of the odd copies of webhooks behind that number, as soon as all have been sent."""

        async def there() -> list[dict[str, Any]] | None:
            listed = (await self.at_gateway("/_control/webhooks"))["deliveries"]
            odd = [each for each in listed if each["oddity"] == name and each["id"] > after]
            return odd if odd and all(each["state"] != "pending" for each in odd) else None

        return await eventually(there)

    async def arm(self, name: str, times: int = 1, delay_seconds: float = 0.0, match: str = "") -> None:
        fault = {"name": name, "times": times, "delay_seconds": delay_seconds, "match": match}
        async with httpx.AsyncClient(verify=False, timeout=30) as client:
            (await client.post(f"{self.gateway.url}/_control/faults", json=fault)).raise_for_status()

    async def fired(self, name: str) -> int:
        armed = (await self.at_gateway("/_control/faults"))["armed"]
        return next(int(fault["fired"]) for fault in armed if fault["name"] == name)

    async def fires(self, name: str) -> None:
        """Wait until this fault has befallen somebody. Raises AssertionError when it never does."""

        async def there() -> bool:
            return await self.fired(name) > 0

        try:
            await eventually(there)
        except TimeoutError:
            raise AssertionError(f"{name} befalls nobody") from None

    async def all_is_well(self) -> None:
        """No fault, and the clock tells the present."""
        self.clock.ahead = timedelta()
        async with httpx.AsyncClient(verify=False, timeout=30) as client:
            (await client.delete(f"{self.gateway.url}/_control/faults")).raise_for_status()


def _of(movement: dict[str, Any], dossier: Dossier) -> bool:
    return bool(movement["metadata"].get("dossier_code") == dossier.code)


async def eventually(condition: Callable[[], Awaitable[Found | None]], seconds: float = 60.0) -> Found:
    """What the condition answers as soon as that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.05)
    return found


def settings_for(database: Database, issuer: Issuer, gateway: Server, port: int, **more: Any) -> PaymentsSettings:
    """What payments is told in a test; `more` as its settings name it."""
    return PaymentsSettings.model_validate(
        {
            "database_url": database.url,
            "kafka_user": "payments",
            "kafka_password": "unused",
            "http_port": port,
            "oidc_issuer": issuer.url,
            "instance": "payments-test",
            "gateway_url": gateway.url,
            "gateway_secret_key": KEY,
            "gateway_webhook_secret": SECRET,
            "return_url": "http://127.0.0.1:8080/ho-so/{code}",
            **more,
        }
    )


@asynccontextmanager
async def open_counter(postgres: Postgres, folder: Path, **more: Any) -> AsyncIterator[Counter]:
    """payments on an empty database, with a gateway of its own, until the block is left; `more` as its settings name it."""
    database, port = await postgres.fresh("payments"), free_port()
    told = {
        "GATEWAY_SECRET_KEY": KEY,
        "GATEWAY_WEBHOOK_SECRET": SECRET,
        "GATEWAY_WEBHOOK_URL": f"http://127.0.0.1:{port}/webhooks/stripe",
        "GATEWAY_SETTLE_SECONDS": "0.5",
        "GATEWAY_RETRY_SECONDS": "0.2",
    }
    with issuing() as issuer, running(Server("gateway", folder, told)) as gateway:
        clock = Clock()
        service = payments(settings_for(database, issuer, gateway, port, **more), clock)
        server = uvicorn.Server(
            uvicorn.Config(
                build(service, ["api", "timers"], clock), port=port, log_config=None, lifespan="on", proxy_headers=False
            )
        )
        task = asyncio.create_task(server.serve())
        pool = await open_pool(database.url, "test", 8)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:

                async def ready() -> bool:
                    try:
                        return (await http.get("/readyz")).status_code == 200
                    except httpx.TransportError:
                        return False

                await eventually(ready)
                yield Counter(http, pool, issuer, gateway, service, clock)
        finally:
            server.should_exit = True
            await task
            await pool.close()
