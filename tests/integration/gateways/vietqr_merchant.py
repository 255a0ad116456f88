"""VietQR's harness: the bank as a process, a payer who scans the picture in its app, and the notices that it posts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from deploy.sandbox.kit.retrying import timed_signature as signature
from services.payments.adapters.vietqr import VietQr
from services.payments.adapters.vietqr_api import client
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.gateways import GATEWAYS, Manner
from tests.integration.gateways.asking import until
from tests.integration.gateways.merchant import CUT_OFF_SECONDS, Notice
from tests.integration.gateways.misworded import Change, Where, refused, said
from tests.integration.sandbox_process import Server, Sink, running

KEY, SECRET, BIN, ACCOUNT = "bank-key", "bank-secret-of-the-tests", "970403", "1017595600"
PAGE_LINES = 2
HEADER = "x-bank-signature"
NOBODYS = "sandbox_unheard_of"
MISWORDED: Mapping[Where, Sequence[Change]] = {
    "page": (said("GET", "/v1/transactions", lambda told: [line.update(direction=NOBODYS) for line in told["lines"]]),),
    "refund": (
        refused("POST", "/v1/returns", 422, {"error": {"code": NOBODYS}}),
        said("POST", "/v1/returns", lambda told: told.update(status=NOBODYS)),
    ),
    "statement": (
        said("GET", "/v1/statement", lambda told: [line.update(direction=NOBODYS) for line in told["lines"]]),
    ),
}
FILLED_IN = re.compile(r'name="(bin|account|amount|purpose|token)" value="([^"]*)"')


@dataclass(frozen=True)
class VietQrMerchant:
    """The harness. A transfer that a payer's bank declines never comes to us: no try is declined."""

    gateway: VietQr
    sandbox: Server
    sink: Sink
    app: httpx.AsyncClient
    manner: Manner = GATEWAYS["vietqr"]
    payer: None = None
    after_decline: None = None
    page_lines: int = PAGE_LINES
    create_lost: None = None
    refund_lost: str = "timeout_after_charge"
    pending_ends: bool = False
    unknown_code: Literal["refund"] = "refund"

    def at(self, url: str, seconds: float) -> VietQr:
        http = client(url, KEY)
        http.timeout = httpx.Timeout(seconds)
        return adapter(http)

    def through(self, transport: httpx.AsyncBaseTransport) -> VietQr:
        return adapter(client(self.sandbox.url, KEY, transport))

    def misworded(self, where: Where) -> Sequence[Change]:
        return MISWORDED[where]

    def misworded_notices(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        event = json.loads(body)
        event["data"]["line"]["direction"] = NOBODYS
        other = json.dumps(event).encode()
        return [(other, headers | {HEADER: signature(SECRET, other, int(time.time()))})]

    async def pays(self, page: CheckoutCreated, amount: int | None = None) -> None:
        changed = {} if amount is None else {"amount": str(amount)}
        assert "Chuyển tiền thành công" in await self._transfers(page, payer="binh", **changed)

    async def is_declined(self, page: CheckoutCreated) -> None:
        assert "không đủ số dư" in await self._transfers(page, payer="khanh")

    async def _transfers(self, page: CheckoutCreated, **typed: str) -> str:
        """The payer scans the picture, changes what he likes and confirms; what the app then says."""
        scanned = await self.app.get("/app", params={"qr": page.picture_text or ""})
        assert scanned.status_code == 200, scanned.text
        form = dict(FILLED_IN.findall(scanned.text))
        answer = await self.app.post("/app/transfers", data=form | typed, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def rings(self, count: int) -> list[Notice]:
        async def there() -> list[Notice] | None:
            received = list(self.sink.received)[:count]
            return [(body, dict(headers)) for headers, body in received] if len(received) == count else None

        return await until(there)

    def begins_anew(self) -> None:
        self.sandbox.disarm()
        self.sink.received.clear()

    async def arm(self, fault: str, times: int = 1) -> None:
        self.sandbox.arm(fault, times, CUT_OFF_SECONDS if fault.startswith("timeout") else 0.0)

    async def fired(self, fault: str) -> int:
        return self.sandbox.fired(fault)

    def forged(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        bare = {name: value for name, value in headers.items() if name != HEADER}
        now, dearer = int(time.time()), body.replace(b'"135000"', b'"1350000"')
        assert dearer != body
        return [
            (body, bare),
            (body, bare | {HEADER: signature("stolen", body, now)}),
            (dearer, headers),
            (body, bare | {HEADER: signature(SECRET, body, now - 3600)}),
        ]


def adapter(http: httpx.AsyncClient) -> VietQr:
    return VietQr(http, [SECRET], BIN, ACCOUNT, PAGE_LINES)


def told(url: str) -> dict[str, str]:
    """What the sandbox is told; `url` is where it rings."""
    return {
        "BANK_KEY": KEY, "BANK_BIN": BIN, "BANK_ACCOUNT": ACCOUNT, "BANK_WEBHOOK_URL": url,
        "BANK_WEBHOOK_SECRET": SECRET, "BANK_RETRY_SECONDS": "0.1", "BANK_SETTLE_SECONDS": "0.1",
    }  # fmt: skip


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[VietQrMerchant]:
    """A fresh bank with its data in a folder, until the block is left."""
    sink = Sink()
    with sink.listening() as url, running(Server("bank", folder, told(url))) as server:
        async with (
            client(server.url, KEY) as http,
            httpx.AsyncClient(base_url=server.url, verify=False, timeout=30) as app,
        ):
            yield VietQrMerchant(adapter(http), server, sink, app)
