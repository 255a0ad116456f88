"""The VNPAY adapter at a sandbox without a network, both by the test's clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from chassis.identifiers import new_id
from deploy.sandbox.vnpay.app import application
from services.payments.adapters.vnpay import Vnpay
from services.payments.domain.answers import Captured, CheckoutCreated, RefundDone, RefundRefused, Truth
from services.payments.domain.questions import AskCheckout, CloseCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Movement
from tests.records import CODE
from tests.unit.payments.till import CALLING
from tests.unit.sandbox.vnpay_shop import GOOD, SECRET, TERMINAL, Shop

AMOUNT = 135_000


@dataclass
class Till:
    """One merchant's adapter; `shop` is where its payers go."""

    shop: Shop
    port: Vnpay

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.shop.clock.now, UTC)

    def request(self, **changes: Any) -> CreateCheckout:
        told = {
            "gateway": "vnpay", "attempt_id": new_id(), "bill_id": new_id(), "dossier_code": CODE, "amount": AMOUNT,
            "description": "Lệ phí cấp đổi giấy phép lái xe (hạng A/B)", "began": self.now(),
            "closes_at": self.now() + timedelta(minutes=15), "return_url": f"http://portal/ho-so/{CODE}?a=1&b=đã-nộp",
        }  # fmt: skip
        return CreateCheckout(**told | changes)

    async def page(self, request: CreateCheckout) -> CheckoutCreated:
        answer = await self.port.create_checkout(request, CALLING)
        assert isinstance(answer, CheckoutCreated), answer
        return answer

    async def opened(self, request: CreateCheckout) -> httpx.Response:
        """The payer opens the link."""
        page = await self.shop.http.get((await self.page(request)).url, follow_redirects=True)
        assert page.status_code == 200, page.text
        return page

    async def pays(self, request: CreateCheckout, card: str = GOOD) -> None:
        page = await self.opened(request)
        answer = await self.shop.types(page, card)
        if answer.headers["location"].startswith("/"):
            await self.shop.confirms(page)

    async def truth(self, request: CreateCheckout) -> Truth:
        return await self.port.ask_checkout(AskCheckout(**about(request)), CALLING)

    async def close(self, request: CreateCheckout) -> Truth:
        return await self.port.close_checkout(CloseCheckout(**about(request)), CALLING)

    async def paid(self, **changes: Any) -> tuple[CreateCheckout, Captured]:
        request = self.request(**changes)
        await self.pays(request)
        truth = await self.truth(request)
        assert isinstance(truth, Captured), truth
        return request, truth

    def refund_of(self, request: CreateCheckout, money: Captured, amount: int) -> Refund:
        return Refund(
            gateway="vnpay", refund_id=new_id(), dossier_code=CODE, reference=money.reference, amount=amount, reason="r",
            session_id=request.attempt_id.hex, began=request.began, captured_amount=money.amount, paid_at=money.paid_at,
            requested_at=self.now(),
        )  # fmt: skip

    async def refund(self, refund: Refund) -> RefundDone | RefundRefused:
        return await self.port.refund(refund, CALLING)

    async def movements(self, since: datetime, until: datetime) -> list[Movement]:
        return [line async for page in self.port.movements(since, until, []) for line in page]


def about(request: CreateCheckout) -> dict[str, Any]:
    return {
        "gateway": "vnpay", "attempt_id": request.attempt_id, "session_id": request.attempt_id.hex,
        "began": request.began, "closes_at": request.closes_at, "amount": request.amount,
    }  # fmt: skip


def till_at(shop: Shop) -> Till:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(application(shop.office)), base_url="http://127.0.0.1:8000"
    )
    return Till(shop, Vnpay(client, TERMINAL, SECRET, clock=lambda: datetime.fromtimestamp(shop.clock.now, UTC)))


def port_saying(answer: Callable[[httpx.Request], httpx.Response]) -> Vnpay:
    """The adapter before a VNPAY that answers like this."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://vnpay")
    return Vnpay(client, TERMINAL, SECRET)
