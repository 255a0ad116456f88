"""The Stripe adapter at a gateway without a network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx

from chassis.answering import Answering
from chassis.calls import Calling
from chassis.identifiers import new_id
from chassis.postgres import Pool
from deploy.sandbox.gateway.main import application
from services.payments.adapters import stripe
from services.payments.adapters.stripe import Stripe
from services.payments.domain.answers import Captured, CheckoutCreated, SessionClosed, StillOpen
from services.payments.domain.questions import AskCheckout, CloseCheckout, CreateCheckout
from tests.records import CODE
from tests.unit.sandbox.gateway_client import KEY, Gateway

GOOD, SHORT_OF_FUNDS, SECURE = "4242424242424242", "4000000000009995", "4000000000003220"
SETTLES_LATER, FAILS_LATER, SLOW_REFUND = "4000007040000009", "4000007040000017", "4000000000007726"
RETURNED_REFUND = "4000000000005126"
DAY = 24 * 3600
CALLING = Calling(new_id(), 0, cast("Pool", None), cast("Answering", None))


@dataclass
class Till:
    """The adapter and the gateway that it speaks to."""

    gateway: Gateway
    port: Stripe

    def request(self) -> CreateCheckout:
        closes_at = datetime.fromtimestamp(self.gateway.clock.now, UTC) + timedelta(minutes=60)
        return CreateCheckout(
            attempt_id=new_id(),
            bill_id=new_id(),
            dossier_code=CODE,
            amount=135_000,
            description="Lệ phí",
            closes_at=closes_at,
            return_url=f"http://portal/ho-so/{CODE}",
        )

    async def page(self) -> CheckoutCreated:
        answer = await self.port.create_checkout(self.request(), CALLING)
        assert isinstance(answer, CheckoutCreated)
        return answer

    async def pays(self, page: CheckoutCreated, card: str) -> httpx.Response:
        return await self.gateway.type_card({"id": page.session_id}, card)

    async def truth(self, page: CheckoutCreated) -> StillOpen | Captured | SessionClosed:
        request = AskCheckout(attempt_id=page.attempt_id, session_id=page.session_id)
        return await self.port.ask_checkout(request, CALLING)

    async def close(self, page: CheckoutCreated) -> StillOpen | Captured | SessionClosed:
        request = CloseCheckout(attempt_id=page.attempt_id, session_id=page.session_id)
        return await self.port.close_checkout(request, CALLING)

    async def paid(self, card: str = GOOD) -> Captured:
        page = await self.page()
        await self.pays(page, card)
        truth = await self.truth(page)
        assert isinstance(truth, Captured)
        return truth

    async def sessions(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self.gateway.found("/v1/checkout/sessions", {"limit": 100}))["data"]
        return listed


def port_to(transport: httpx.AsyncBaseTransport) -> Stripe:
    usual = stripe.client("http://gateway", KEY)
    client = httpx.AsyncClient(transport=transport, base_url=usual.base_url, headers=usual.headers)
    return Stripe(client)


def till_at(gateway: Gateway) -> Till:
    return Till(gateway, port_to(httpx.ASGITransport(application(gateway.office))))
