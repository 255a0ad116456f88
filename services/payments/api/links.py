"""Paying by a link, without an account: a page for browsers, JSON for programs. It says nothing of any person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from chassis import problem
from chassis.clock import Clock
from chassis.errors import NotFound, Refusal
from chassis.http import WorkOf
from chassis.once import Once
from chassis.work import Work
from services.payments import store
from services.payments.api.checkouts import CheckoutBody, Way, data_url, payer_of, shown_page, viewed, ways
from services.payments.api.common import Network, address_of
from services.payments.api.typed import typed_in
from services.payments.domain.bill import PAYABLE, Bill
from services.payments.domain.messages import CancelCheckout
from services.payments.domain.vietqr import decode
from services.payments.links import Links
from services.payments.papers import pages
from services.payments.papers.states import said
from services.payments.paying import CHECKOUT_SECONDS, Cashier, Wish

# While nothing is to be done on the page; and where a code is scanned and copied, for a reload comes in between.
_RELOADED_SECONDS, _SCANNED_SECONDS = 5, 60
_WAITING = ("checkout_ready", "in_checkout", "closing")
_UNKNOWN = NotFound("Liên kết này không đúng. Xin hỏi lại người đã gửi.", "This link is not right. Ask who sent it.")

Accept = Annotated[str, Header()]


class Account(NamedTuple):
    """Where transfers go, as people name it: its bank, and whose it is."""

    bank: str
    holder: str


class PayLine(BaseModel):
    """A fee. Why it is lower for this citizen, and how it was counted, is not for others."""

    code: str
    kind: str
    name: str
    amount: int
    legal_basis: str


class PayView(BaseModel):
    """What is to be paid with a link, until when and where. Nothing of it says whose dossier it is.

    `url` is there for a page that was begun by the link; a page that the citizen began may show who he is.
    """

    dossier_code: str
    agency_name: str
    state: str
    payable: bool
    amount: int
    outstanding: int
    currency: str
    fee_lines: tuple[PayLine, ...]
    due: datetime
    payment_code: str
    ways: list[Way]
    gateway: str | None
    url: str | None
    picture_text: str | None
    closes_at: datetime | None


class LinkPages:
    """What a link leads to."""

    def __init__(
        self,
        cashier: Cashier,
        links: Links,
        public_url: str,
        trusted: Sequence[Network],
        account: Account,
        clock: Clock,
    ) -> None:
        self._cashier, self._links, self._trusted = cashier, links, trusted
        self._public_url, self._account, self._clock = public_url.rstrip("/"), account, clock

    async def shows(self, token: str, work: Work, accept: str) -> Response:
        bill = await self._bill(token, work)
        if not pages.is_browser(accept):
            return JSONResponse(self._view(bill).model_dump(mode="json"), headers={"Cache-Control": "no-store"})
        return await self._page(bill, token)

    async def sends(self, token: str, work: Work, accept: str, request: Request, key: str | None) -> Response:
        """To the gateway's page; a QR picture stands on our own."""
        bill, typed = await self._bill(token, work), dict[str, Any]()
        try:
            typed |= await typed_in(request)
            begun = await self._cashier.begin(work, bill, await self._wish(bill, typed, request, key))
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

    async def _wish(self, bill: Bill, typed: Mapping[str, Any], request: Request, key: str | None) -> Wish:
        """Raises Refusal 422. Browsers come back to a page for everybody: gateways are not told the link."""
        try:
            told = CheckoutBody.model_validate(typed)
        except ValidationError as error:
            raise problem.refusal_of(error.errors()) from None
        asked = Once.of(f"link {bill.bill_id}", key, request.url.path, await request.body()) if key else None
        back, address = f"{self._public_url}/return/{bill.dossier_code}", address_of(request, self._trusted)
        return Wish(back, address, told.gateway, payer_of(told, self._cashier.gateways), asked, "link")

    async def _page(
        self, bill: Bill, token: str, refusal: Refusal | None = None, typed: Mapping[str, Any] | None = None
    ) -> Response:
        view, standing, shown = self._view(bill), shown_page(bill), said(bill.state)
        payer = (typed or {}).get("payer")
        payer = payer if isinstance(payer, dict) else {}
        every = _SCANNED_SECONDS if view.picture_text else _RELOADED_SECONDS
        return pages.page(
            "pay.html",
            refusal.status if refusal else 200,
            public_url=self._public_url,
            bill=view,
            token=token,
            shown=shown,
            refusal=refusal,
            reloaded=every if bill.state in _WAITING and refusal is None else 0,
            picture=await data_url(view.picture_text) if view.picture_text else None,
            transfer=decode(view.picture_text) if view.picture_text else None,
            account=self._account,
            minutes=max(0, int((view.closes_at - self._clock()).total_seconds() // 60)) if view.closes_at else 0,
            stands=standing is not None,
            # What was typed wrong is typed again from where it was; a citizen's ID is never sent back.
            typed={"gateway": (typed or {}).get("gateway"), "name": payer.get("name"), "address": payer.get("address")},
        )

    def _view(self, bill: Bill) -> PayView:
        told = {"dossier_code", "agency_name", "state", "amount", "outstanding", "currency", "due"}
        standing = shown_page(bill)
        return PayView(
            **{name: getattr(bill, name) for name in told},
            fee_lines=tuple(PayLine(**line.model_dump(include=set(PayLine.model_fields))) for line in bill.fee_lines),
            payable=bill.state in PAYABLE and bill.state != "expiring",
            payment_code=bill.code,
            ways=ways(self._cashier.gateways) if bill.state == "open" else [],
            gateway=standing.gateway if standing else None,
            url=(standing.url or None) if standing and standing.by == "link" else None,
            picture_text=standing.picture_text if standing else None,
            closes_at=standing.closes_at if standing else None,
        )


class UnknownLink(Exception):
    """A link that is none of ours."""


def of_everybody(
    cashier: Cashier, links: Links, public_url: str, trusted: Sequence[Network], account: Account, clock: Clock
) -> APIRouter:
    """Pages for whoever has a link; 404 for one that is none of ours."""
    routes = APIRouter(tags=["links"], prefix="/pay/{token}")
    here = LinkPages(cashier, links, public_url, trusted, account, clock)

    @routes.head("", include_in_schema=False)
    @routes.get("", response_model=PayView, response_class=Response)
    async def pay(token: str, work: WorkOf, accept: Accept = "") -> Response:
        """What is to be paid, until when, where, and what became of it: a page, or JSON by Accept."""
        try:
            return await here.shows(token, work, accept)
        except UnknownLink:
            return here.unknown(accept)

    @routes.post("/checkout", response_class=Response)
    async def checkout(
        token: str,
        work: WorkOf,
        request: Request,
        accept: Accept = "",
        idempotency_key: Annotated[str | None, Header(min_length=8, max_length=255)] = None,
    ) -> Response:
        """A form's answer leads to the gateway (303); programs get the page's address as JSON.

        One page stands at a time, and a repetition leads to it: a key is needed by nobody.
        """
        try:
            return await here.sends(token, work, accept, request, idempotency_key)
        except UnknownLink:
            return here.unknown(accept)

    @routes.post("/cancel", response_class=Response)
    async def cancel(token: str, work: WorkOf, accept: Accept = "") -> Response:
        """Close the page that stands, to pay in another way; a repetition finds it closed, so no key is needed."""
        try:
            return await here.closes(token, work, accept)
        except UnknownLink:
            return here.unknown(accept)

    return routes
