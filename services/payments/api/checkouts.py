"""Citizens pay over HTTP: which ways there are, a page, its QR picture, another way, a link for somebody else to pay."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import problem
from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, PerhapsOnceOf, WorkOf, allowed
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.adapters.payer import Payer, checked
from services.payments.api.asking import ask_now
from services.payments.api.common import Name, Network, address_of, shown
from services.payments.domain.bill import Attempt, Bill
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import CancelCheckout
from services.payments.links import Links
from services.payments.papers import qr
from services.payments.paying import CHECKOUT_SECONDS, Begun, Cashier, Wish
from services.payments.views import BillView


class Way(BaseModel):
    """A gateway that is offered. `healthy`: it answers lately; `asks_payer`: it needs the payer's name and paper."""

    gateway: str
    title: str
    title_en: str
    healthy: bool
    asks_payer: bool
    minutes: int


class CheckoutBody(BaseModel):
    """Where to pay, or nothing: then the first that answers. `payer` for a gateway that asks for it."""

    model_config = ConfigDict(extra="forbid")

    gateway: Name | None = None
    payer: dict[str, Any] | None = Field(
        default=None, examples=[{"name": "Nguyễn Văn An", "paper": "019090001234", "address": "Thái Nguyên"}]
    )


class CheckoutView(BaseModel):
    """Where to pay: at `url`, or by scanning `picture` (a PNG as data URL; `picture_text` is what it says).

    Neither is there yet while the gateway has not answered: ask again after `Retry-After`. `already_in_progress`: the page
    was begun by another request, in another tab perhaps.
    """

    bill_id: UUID
    state: str
    gateway: str | None
    url: str | None
    picture_text: str | None = None
    picture: str | None = None
    amount: int | None = None
    closes_at: datetime | None = None
    already_in_progress: bool = False


class LinkView(BaseModel):
    """A link with which anybody may see and pay this bill, and nothing else."""

    url: str
    path: str


def of_citizens(cashier: Cashier, links: Links, return_url: str, trusted: Sequence[Network]) -> APIRouter:
    """A citizen pays. `return_url` holds `{code}` for the dossier's code."""
    routes = APIRouter(tags=["checkout"], prefix="/payments/{bill_id}")

    @routes.get("/gateways", response_model=list[Way])
    async def gateways(bill_id: UUID, caller: CallerOf, work: WorkOf) -> list[Way]:
        """Where this bill can be paid, what is preferred first."""
        await shown(work, bill_id, caller)
        return ways(cashier.gateways)

    @routes.post("/checkout", status_code=201, response_model=CheckoutView)
    async def checkout(
        bill_id: UUID,
        caller: CallerOf,
        once: PerhapsOnceOf,
        work: WorkOf,
        request: Request,
        response: Response,
        body: CheckoutBody | None = None,
    ) -> CheckoutView:
        """Send the citizen to a page; while one is open, to the same one (so no Idempotency-Key is needed here)."""
        bill = await shown(work, bill_id, allowed(caller, "citizen"))
        told = body or CheckoutBody()
        back, payer = return_url.replace("{code}", bill.dossier_code), payer_of(told, cashier.gateways)
        wish = Wish(back, address_of(request, trusted), told.gateway, payer, once)
        return await answered(await cashier.begin(work, bill, wish), response)

    @routes.post("/checkout/cancel", response_model=BillView)
    async def cancel(bill_id: UUID, caller: CallerOf, once: PerhapsOnceOf, work: WorkOf, response: Response) -> Any:
        """Close the page, to pay in another way; 202 while it is being closed. A repetition finds it closed (so no key)."""
        bill = await shown(work, bill_id, allowed(caller, "citizen"))

        async def close() -> BillView:
            after = await work.send(store.bills.aggregate, bill.key, CancelCheckout(), CHECKOUT_SECONDS)
            return BillView.of(after, for_citizen=True)

        view = BillView.model_validate(await work.remembered(once, close))
        if view.state == "closing":
            response.status_code, response.headers["Retry-After"] = 202, "5"
        return view

    @routes.post("/refresh", response_model=BillView)
    async def refresh(bill_id: UUID, caller: CallerOf, once: PerhapsOnceOf, work: WorkOf) -> Any:
        """Ask the gateway now: for the page that the citizen returns to. A question may be repeated (so no key).

        409 `gateway_switched_off` where it is not configured (any more).
        """
        bill = await shown(work, bill_id, allowed(caller, "citizen"))

        async def ask() -> BillView:
            return BillView.of(await ask_now(work, cashier.gateways, bill, CHECKOUT_SECONDS), for_citizen=True)

        return await work.remembered(once, ask)

    @routes.get("/qr.{kind}", response_class=Response)
    async def picture(bill_id: UUID, kind: Literal["png", "svg"], caller: CallerOf, work: WorkOf) -> Response:
        """The QR picture to pay by, as long as one is shown."""
        bill = await shown(work, bill_id, caller)
        page = shown_page(bill)
        if page is None or page.picture_text is None:
            raise NotFound("Không có mã QR nào đang chờ quét.", "No QR picture is waiting to be scanned.")
        draw, media = (qr.png, "image/png") if kind == "png" else (qr.svg, "image/svg+xml")
        drawn = await asyncio.to_thread(draw, page.picture_text)
        return Response(drawn, media_type=media, headers={"Cache-Control": "private, no-store"})

    @routes.post("/link", response_model=LinkView)
    async def link(bill_id: UUID, caller: CallerOf, work: WorkOf) -> LinkView:
        """A link for somebody else to pay: always the same one, it says nothing of the citizen."""
        bill = await shown(work, bill_id, allowed(caller, "citizen", "officer"))
        return LinkView(url=links.page(bill.bill_id), path=f"/pay/{links.to_pay(bill.bill_id)}")

    return routes


def ways(gateways: Gateways) -> list[Way]:
    """What is offered, in order of preference."""
    manners = [(manner_of(name), gateways.is_healthy(name)) for name in gateways.offered()]
    return [
        Way(
            gateway=manner.name,
            title=manner.title_vi,
            title_en=manner.title_en,
            healthy=healthy,
            asks_payer=manner.asks_payer,
            minutes=manner.minutes,
        )
        for manner, healthy in manners
    ]


def payer_of(told: CheckoutBody, gateways: Gateways) -> Payer | None:
    """The payer that was typed. Raises Refusal 422 with every wrong field, the gateway among them."""
    if told.payer is None:
        return None
    try:
        return checked(told.payer)
    except Refusal as wrong:
        try:
            gateways.choose(told.gateway, has_payer=True)
        except Refusal as nowhere:
            at_gateway = {"path": "gateway", "code": nowhere.code, "vi": nowhere.vi, "en": nowhere.en}
            raise problem.invalid((at_gateway, *wrong.errors)) from None
        raise


def shown_page(bill: Bill) -> Attempt | None:
    """The page that stands open."""
    return bill.attempt if bill.state == "in_checkout" else None


async def answered(begun: Begun, response: Response) -> CheckoutView:
    """Where the payer goes; 202 while the gateway has not answered."""
    view = await viewed(begun)
    if view.url is None and view.picture_text is None:
        response.status_code, response.headers["Retry-After"] = 202, "2"
    return view


async def viewed(begun: Begun) -> CheckoutView:
    bill, page = begun.bill, begun.page
    text = page.picture_text if page else None
    return CheckoutView(
        bill_id=bill.bill_id,
        state=bill.state,
        gateway=page.gateway if page else None,
        url=(page.url or None) if page else None,
        picture_text=text,
        picture=await data_url(text) if text else None,
        amount=page.amount if page else None,
        closes_at=page.closes_at if page else None,
        already_in_progress=begun.already,
    )


async def data_url(text: str) -> str:
    """The QR picture as a PNG within a page."""
    return "data:image/png;base64," + base64.b64encode(await asyncio.to_thread(qr.png, text)).decode()
