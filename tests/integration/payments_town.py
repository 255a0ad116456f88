"""payments with VNPAY, a bank and the national platform around it, which ring at its door themselves, odd as they can be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.clock import utc_now
from services.payments.adapters import national_client, vietqr_api, vnpay
from services.payments.adapters.vnpay import Vnpay
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.tidings import Movement
from tests.database import Server as Postgres
from tests.integration.gateways import national_merchant, vietqr_merchant, vnpay_merchant
from tests.integration.gateways.merchant import Merchant
from tests.integration.gateways.national_merchant import NationalMerchant
from tests.integration.gateways.vietqr_merchant import VietQrMerchant
from tests.integration.gateways.vnpay_merchant import Listener, VnpayMerchant
from tests.integration.payments_counter import AMOUNT, Counter, Dossier, eventually, open_counter
from tests.integration.sandbox_process import Server, Sink
from tests.integration.test_payments_doors import ADDRESS, WAYS

Money = tuple[int, str, str]
"""Amount, currency, what it is used for."""
SANDBOXES = {"vnpay": "vnpay", "vietqr": "bank", "national": "national"}
TOLD = {"vnpay": vnpay_merchant.told, "vietqr": vietqr_merchant.told, "national": national_merchant.told}
PAYER = WAYS["national"].checkout


@dataclass(frozen=True)
class Pair:
    """A fault of a gateway, and what becomes of the bill that it befalls. `delay_seconds` is the fault's."""

    gateway: str
    fault: str
    state: str = "paid"
    money: tuple[Money, ...] = ((AMOUNT, "VND", "fees"),)
    delay_seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.gateway}-{self.fault}"


@dataclass
class Town:
    """Bills by the fault that befell them; `lines` is each gateway's whole statement, once all is over."""

    counter: Counter
    merchants: dict[str, Merchant]
    bills: dict[Pair, Dossier] = field(default_factory=dict)
    lines: dict[str, list[Movement]] = field(default_factory=dict)

    async def begins(self, dossier: Dossier, gateway: str) -> CheckoutCreated | None:
        """The page that the citizen gets there; None where it was paid before it was seen."""
        counter = self.counter
        path = f"/payments/{(await counter.bill(dossier))['bill_id']}/checkout"
        headers = counter.issuer.bearer("citizen", person_id=str(dossier.person))
        asked = {"gateway": gateway} | (dict(PAYER) if gateway == "national" else {})
        answer = await counter.http.post(path, headers=headers, json=asked)
        assert answer.status_code in (201, 202), answer.text

        async def made() -> dict[str, Any] | None:
            bill = await counter.bill(dossier)
            page = bill["attempt"]
            return bill if bill["state"] == "paid" or (page and page["session_id"]) else None

        bill = await eventually(made)
        return self.page_of(bill) if bill["attempt"] else None

    def page_of(self, bill: dict[str, Any]) -> CheckoutCreated:
        """The page that stands."""
        page = bill["attempt"]
        return CheckoutCreated(
            attempt_id=UUID(page["attempt_id"]),
            session_id=page["session_id"],
            url=page["url"],
            picture_text=page["picture_text"],
        )

    async def befalls(self, pair: Pair) -> None:
        """A citizen pays, and the fault happens once."""
        merchant = self.merchants[pair.gateway]
        merchant.sandbox.arm(pair.fault, 1, pair.delay_seconds)
        page = await self.begins(self.bills[pair], pair.gateway)
        if page is not None and not merchant.sandbox.fired(pair.fault):
            await merchant.pays(page)

    async def reconciled(self, gateway: str) -> None:
        """A run over all up to the present; once it is done."""
        bearer = self.counter.issuer.bearer("operator")
        asked = await self.counter.http.post("/reconciliations", json={"gateway": gateway}, headers=bearer)
        assert asked.status_code in (200, 202), asked.text
        path = f"/reconciliations?run_id={asked.json()[0]['run_id']}"

        async def done() -> bool:
            return bool((await self.counter.asked("GET", path, "operator")).json()[0]["report"])

        await eventually(done)

    async def odd_copies(self, pair: Pair) -> list[str]:
        """How the notices ended that the fault added or spoilt, as soon as each has come to an end."""
        sandbox = self.merchants[pair.gateway].sandbox
        oddity = pair.fault.removeprefix("notice_").replace("duplicated", "duplicate")

        async def ended() -> list[str] | None:
            listed = sandbox.http.get(f"{sandbox.url}/_control/notices").json()["notices"]
            states = [each["state"] for each in listed if each["oddity"] == oddity]
            return states if states and "pending" not in states else None

        # VNPAY's word is another.
        return ["delivered" if state == "confirmed" else state for state in await eventually(ended)]


async def play(town: Town, pairs: Sequence[Pair]) -> None:
    """Everything happens at once, each gateway's faults in their order; then half an hour passes, and it is reconciled."""
    for pair in pairs:
        town.bills[pair] = await town.counter.filed()

    async def at(gateway: str) -> None:
        for pair in pairs:
            if pair.gateway == gateway:
                await town.befalls(pair)

    await asyncio.gather(*(at(gateway) for gateway in town.merchants))
    # Before the time of pages is over, what rings has rung. Who does not come to his end is told of by his own test.
    ringing = (pair for pair in pairs if pair.fault not in ("notice_lost", "notice_reordered"))
    heard = (town.counter.comes_to(town.bills[pair], pair.state) for pair in ringing)
    await asyncio.gather(*heard, return_exceptions=True)
    town.counter.passes(minutes=21)
    await asyncio.gather(*(town.reconciled(gateway) for gateway in town.merchants))
    now = utc_now()
    for gateway, merchant in town.merchants.items():
        moved = merchant.gateway.movements(now - timedelta(hours=1), now + timedelta(minutes=1), [])
        town.lines[gateway] = [line async for lines in moved for line in lines]


@asynccontextmanager
async def open_town(postgres: Postgres, folders: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Each gateway's sandbox is a process, told where payments listens."""
    servers = {name: Server(sandbox, folders.mktemp(name)) for name, sandbox in SANDBOXES.items()}
    told = {"gateways": ",".join(servers), "link_key": "key-of-links-in-tests", "statement_seconds": 3600}
    for name, server in servers.items():
        told |= {**WAYS[name].told, ADDRESS[name]: server.url}
    async with AsyncExitStack() as stack:
        counter = await stack.enter_async_context(open_counter(postgres, folders.mktemp("gateway"), **told))
        for name, server in servers.items():
            server.environment = TOLD[name](f"{str(counter.http.base_url).rstrip('/')}{WAYS[name].path}")
            stack.callback(server.stop)
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers.values()))
        open_client = stack.enter_async_context
        platform = await open_client(national_client.client(servers["national"].url))
        bank = await open_client(vietqr_api.client(servers["vietqr"].url, vietqr_merchant.KEY))
        cards = await open_client(vnpay.client(servers["vnpay"].url))
        app = await open_client(httpx.AsyncClient(base_url=servers["vietqr"].url, verify=False, timeout=30))
        port = Vnpay(cards, vnpay_merchant.TERMINAL, vnpay_merchant.SECRET)
        yield Town(
            counter,
            {
                "vnpay": VnpayMerchant(port, servers["vnpay"], Listener()),
                "vietqr": VietQrMerchant(vietqr_merchant.adapter(bank), servers["vietqr"], Sink(), app),
                "national": NationalMerchant(servers["national"], Sink(), national_merchant.adapter(platform)),
            },
        )
