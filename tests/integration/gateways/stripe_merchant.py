"""Stripe's harness: its sandbox as a process, cards typed on its page, and what it posts."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from services.payments.adapters.stripe import Stripe
from services.payments.adapters.stripe_http import client
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.gateways import GATEWAYS, Manner
from tests.integration.gateways.asking import until
from tests.integration.gateways.merchant import CUT_OFF_SECONDS, Notice
from tests.integration.gateways.misworded import Change, Where, refused, said
from tests.integration.sandbox_process import Server, Sink, running

KEY, SECRET = "sk_test_port", "whsec_port"
GOOD, SHORT_OF_FUNDS = "4242424242424242", "4000000000009995"
NOBODYS = "sandbox_unheard_of"
REFUSED = {"error": {"type": "invalid_request_error", "code": NOBODYS, "message": "?"}}
PAGE = "/v1/checkout/sessions"
MISWORDED: Mapping[Where, Sequence[Change]] = {
    "page": (
        # Not the refusal's: the page that stands all the same is found.
        said("GET", f"{PAGE}/", lambda page: page.update(status=NOBODYS)),
        said("GET", f"{PAGE}/", lambda page: page["payment_intent"].update(status=NOBODYS)),
    ),
    "refund": (
        refused("POST", "/v1/refunds", 400, REFUSED),
        said("POST", "/v1/refunds", lambda refund: refund.update(status=NOBODYS)),
    ),
    "statement": (
        said("GET", "/v1/balance_transactions", lambda told: [line.update(type=NOBODYS) for line in told["data"]]),
    ),
}
OURS_BY_NAME = {"notice_lost": "webhook_lost", "notice_duplicated": "webhook_duplicated"}


@dataclass(frozen=True)
class StripeMerchant:
    gateway: Stripe
    sandbox: Server
    sink: Sink
    browser: httpx.AsyncClient
    manner: Manner = GATEWAYS["stripe"]
    payer: None = None
    after_decline: Literal["open"] = "open"
    page_lines: int = 2
    create_lost: str = "timeout_after_charge"
    refund_lost: str = "timeout_after_charge"
    pending_ends: bool = True
    unknown_code: Literal["checkout"] = "checkout"

    def at(self, url: str, seconds: float) -> Stripe:
        http = client(url, KEY)
        http.timeout = httpx.Timeout(seconds)
        return Stripe(http, [SECRET], self.page_lines)

    def through(self, transport: httpx.AsyncBaseTransport) -> Stripe:
        return Stripe(client(self.sandbox.url, KEY, transport), [SECRET], self.page_lines)

    def misworded(self, where: Where) -> Sequence[Change]:
        return MISWORDED[where]

    def misworded_notices(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        event = json.loads(body)
        thing = event["data"]["object"]
        thing["payment_status" if thing["object"] == "checkout.session" else "status"] = NOBODYS
        other = json.dumps(event).encode()
        return [(other, headers | {"stripe-signature": signed(other, SECRET, int(time.time()))})]

    async def pays(self, page: CheckoutCreated, amount: int | None = None) -> None:
        assert amount is None, "a card pays what the page asks"
        assert await self._types(page, GOOD) == 303

    async def is_declined(self, page: CheckoutCreated) -> None:
        assert await self._types(page, SHORT_OF_FUNDS) == 402

    async def _types(self, page: CheckoutCreated, card: str) -> int:
        form = {"card_number": card, "card_expiry": "12/40", "card_cvc": "123"}
        return (await self.browser.post(page.url, data=form)).status_code

    async def rings(self, count: int) -> list[Notice]:
        async def there() -> list[Notice] | None:
            received = list(self.sink.received)[:count]
            return [(body, dict(headers)) for headers, body in received] if len(received) == count else None

        return await until(there)

    def begins_anew(self) -> None:
        self.sandbox.disarm()
        self.sink.received.clear()

    async def arm(self, fault: str, times: int = 1) -> None:
        self.sandbox.arm(OURS_BY_NAME.get(fault, fault), times, CUT_OFF_SECONDS if fault.startswith("timeout") else 0.0)

    async def fired(self, fault: str) -> int:
        return self.sandbox.fired(OURS_BY_NAME.get(fault, fault))

    def forged(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        bare = {name: value for name, value in headers.items() if name != "stripe-signature"}
        dearer = body.replace(b"135000", b"1350000")
        assert dearer != body
        return [
            (body, bare),
            (body, bare | {"stripe-signature": signed(body, "whsec_stolen", int(time.time()))}),
            (dearer, headers),
            (body, bare | {"stripe-signature": signed(body, SECRET, int(time.time()) - 3600)}),
        ]


def signed(body: bytes, secret: str, at: int) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[StripeMerchant]:
    sink = Sink()
    with sink.listening() as url:
        told = {
            "GATEWAY_SECRET_KEY": KEY, "GATEWAY_WEBHOOK_URL": url, "GATEWAY_WEBHOOK_SECRET": SECRET,
            "GATEWAY_RETRY_SECONDS": "0.1", "GATEWAY_SETTLE_SECONDS": "0.3", "GATEWAY_BALANCE_SECONDS": "0.1",
            "GATEWAY_FEE_BASIS_POINTS": "290",
        }  # fmt: skip
        with running(Server("gateway", folder, told)) as server:
            async with client(server.url, KEY) as http, httpx.AsyncClient(verify=False, timeout=30) as browser:
                yield StripeMerchant(Stripe(http, [SECRET], StripeMerchant.page_lines), server, sink, browser)
