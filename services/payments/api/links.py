"""Paying by a link, without an account: a page for browsers, JSON for programs. It says nothing of any person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from chassis import problem
from chassis.errors import NotFound, Refusal
from chassis.http import WorkOf
from chassis.once import Once
from chassis.work import Work
from contracts.money import FeeLine
from services.payments import store
from services.payments.api.checkouts import CheckoutBody, Way, data_url, payer_of, shown_page, viewed, ways
from services.payments.api.common import Network, address_of
from services.payments.domain.bill import PAYABLE, Bill
from services.payments.domain.messages import CancelCheckout
from services.payments.links import Links
from services.payments.papers import pages
from services.payments.papers.states import said
from services.payments.paying import CHECKOUT_SECONDS, Cashier, Wish

_RELOADED_SECONDS = 5
_WAITING = ("checkout_ready", "in_checkout", "closing")
_FIELDS = ("name", "paper", "address")
_UNKNOWN = NotFound("Liên kết này không đúng. Xin hỏi lại người đã gửi.", "This link is not right. Ask who sent it.")

Token = Annotated[str, Path(max_length=100)]
Accept = Annotated[str, Header()]


class PayView(BaseModel):
    """What is to be paid with a link, until when and where. Nothing of it says whose dossier it is."""

    dossier_code: str
    agency_name: str
    state: str
    payable: bool
    amount: int
    outstanding: int
    currency: str
    fee_lines: tuple[FeeLine, ...]
    due: datetime
    payment_code: str
    ways: list[Way]
    gateway: str | None
    url: str | None
    picture_text: str | None


class LinkPages:
    """What a link leads to."""

    def __init__(self, cashier: Cashier, links: Links, public_url: str, trusted: Sequence[Network]) -> None:
        self._cashier, self._links, self._trusted = cashier, links, trusted
        self._public_url = public_url.rstrip("/")

    async def shows(self, token: str, work: Work, accept: str) -> Response:
        bill = await self._bill(token, work)
        if not pages.is_browser(accept):
            return JSONResponse(self._view(bill).model_dump(mode="json"), headers={"Cache-Control": "no-store"})
        return await self._page(bill, token)

    async def sends(self, token: str, work: Work, accept: str, request: Request) -> Response:
        """To the gateway's page; a QR picture stands on our own."""
        bill = await self._bill(token, work)
        typed = await _typed(request)
        try:
            begun = await self._cashier.begin(work, bill, await self._wish(token, bill, typed, request))
        except Refusal as refusal:
            if not pages.is_browser(accept):
                raise
            return await self._page(bill, token, refusal, typed)
        if pages.is_browser(accept):
            url = begun.page.url if begun.page else None
            return RedirectResponse(url or f"/pay/{token}", 303, {"Referrer-Policy": "no-referrer"})
        view = await viewed(begun)
        if view.url is None and view.picture_text is None:
            return JSONResponse(view.model_dump(mode="json"), 202, {"Retry-After": "2"})
        return JSONResponse(view.model_dump(mode="json"), 201)

    async def closes(self, token: str, work: Work, accept: str) -> Response:
        bill = await self._bill(token, work)
        try:
            bill = await work.send(store.bills.aggregate, bill.key, CancelCheckout(), CHECKOUT_SECONDS)
        except Refusal as refusal:
            if not pages.is_browser(accept):
                raise
            return await self._page(bill, token, refusal)
        if pages.is_browser(accept):
            return RedirectResponse(f"/pay/{token}", 303)
        return JSONResponse(self._view(bill).model_dump(mode="json"))

    def unknown(self, accept: str) -> Response:
        """There is no such link."""
        if pages.is_browser(accept):
            return pages.missing(self._public_url, _UNKNOWN.vi, _UNKNOWN.en)
        return problem.of_refusal(_UNKNOWN)

    async def _bill(self, token: str, work: Work) -> Bill:
        bill_id = self._links.bill_of(token)
        bill = None if bill_id is None else await store.bills.find(work.pool, bill_id)
        if bill is None:
            raise UnknownLink
        return bill

    async def _wish(self, token: str, bill: Bill, typed: Mapping[str, Any], request: Request) -> Wish:
        try:
            told = CheckoutBody.model_validate(typed)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None
        key = request.headers.get("idempotency-key")
        asked = Once.of(f"link {bill.bill_id}", key[:255], request.url.path, await request.body()) if key else None
        back, address = f"{self._public_url}/pay/{token}", address_of(request, self._trusted)
        return Wish(back, address, told.gateway, payer_of(told.payer), asked)

    async def _page(
        self, bill: Bill, token: str, refusal: Refusal | None = None, typed: Mapping[str, Any] | None = None
    ) -> Response:
        view, standing, shown = self._view(bill), shown_page(bill), said(bill.state)
        payer = (typed or {}).get("payer") or {}
        words = [refusal.vi, *(each["vi"] for each in refusal.errors)] if refusal else []
        return pages.page(
            "pay.html",
            refusal.status if refusal else 200,
            public_url=self._public_url,
            bill=view,
            token=token,
            shown=shown,
            problem=" ".join(words),
            reloaded=_RELOADED_SECONDS if bill.state in _WAITING and refusal is None else 0,
            picture=await data_url(view.picture_text) if view.picture_text else None,
            stands=standing is not None,
            # What was typed wrong is typed again from where it was; a citizen's ID is never sent back.
            typed={"gateway": (typed or {}).get("gateway"), "name": payer.get("name"), "address": payer.get("address")},
        )

    def _view(self, bill: Bill) -> PayView:
        told = {"dossier_code", "agency_name", "state", "amount", "outstanding", "currency", "fee_lines", "due"}
        standing = shown_page(bill)
        return PayView(
            **{name: getattr(bill, name) for name in told},
            payable=bill.state in PAYABLE and bill.state != "expiring",
            payment_code=bill.code,
            ways=ways(self._cashier.gateways) if bill.state == "open" else [],
            gateway=standing.gateway if standing else None,
            url=(standing.url or None) if standing else None,
            picture_text=standing.picture_text if standing else None,
        )


class UnknownLink(Exception):
    """A link that is none of ours."""


def of_everybody(cashier: Cashier, links: Links, public_url: str, trusted: Sequence[Network]) -> APIRouter:
    """Pages for whoever has a link; 404 for one that is none of ours."""
    routes = APIRouter(tags=["links"], prefix="/pay/{token}")
    here = LinkPages(cashier, links, public_url, trusted)

    @routes.get("", response_model=PayView, response_class=Response)
    async def pay(token: Token, work: WorkOf, accept: Accept = "") -> Response:
        """What is to be paid, until when, where, and what became of it: a page, or JSON by Accept."""
        try:
            return await here.shows(token, work, accept)
        except UnknownLink:
            return here.unknown(accept)

    @routes.post("/checkout", response_class=Response)
    async def checkout(token: Token, work: WorkOf, request: Request, accept: Accept = "") -> Response:
        """A form's answer leads to the gateway (303); programs get the page's address as JSON."""
        try:
            return await here.sends(token, work, accept, request)
        except UnknownLink:
            return here.unknown(accept)

    @routes.post("/cancel", response_class=Response)
    async def cancel(token: Token, work: WorkOf, accept: Accept = "") -> Response:
        """Close the page that stands, to pay in another way."""
        try:
            return await here.closes(token, work, accept)
        except UnknownLink:
            return here.unknown(accept)

    return routes


async def _typed(request: Request) -> Mapping[str, Any]:
    """A form's fields, or JSON, as CheckoutBody has them. Raises Refusal 400 for what is neither."""
    body = await request.body()
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            told = json.loads(body or b"{}")
        else:
            form = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20))
            payer = {name: form[name] for name in _FIELDS if name in form}
            told = {"gateway": form.get("gateway") or None, "payer": payer or None}
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refusal("bad_form", "Biểu mẫu không đọc được.", "The form cannot be read.", 400)
    return told
