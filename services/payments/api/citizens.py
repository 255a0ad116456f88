"""payments over HTTP: citizens pay and get receipts, operators look into the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from chassis.access import Caller
from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, CodeOf, WorkOf, allowed
from chassis.identifiers import new_id
from chassis.work import Work
from contracts.money import FeeLine
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.domain.bill import PAYABLE, Bill
from services.payments.domain.messages import Nudge, StartCheckout
from services.payments.views import BillView

CHECKOUT_SECONDS = 8.0


class CheckoutView(BaseModel):
    """Where the citizen pays; no `url` yet while the gateway has not answered: ask again after `Retry-After`."""

    bill_id: UUID
    state: str
    url: str | None


class Receipt(BaseModel):
    """A paid bill's receipt (biên lai)."""

    number: str
    dossier_code: str
    amount: int
    currency: str
    fee_lines: tuple[FeeLine, ...]
    paid_at: datetime
    gateway_reference: str


def of_citizens(return_url: str, gateways: Gateways) -> APIRouter:
    """A citizen's bills. `return_url` holds `{code}` for the dossier's code."""
    routes = APIRouter(tags=["payments"])

    @routes.get("/dossiers/{code}/bill", response_model=BillView)
    async def of_dossier(code: CodeOf, caller: CallerOf, work: WorkOf) -> BillView:
        """The bill of a dossier that can be paid, else its newest: for its citizen and its agency's officers."""
        bills = await _of_dossier(work, code, caller)
        return BillView.of(next((bill for bill in bills if bill.state in PAYABLE), bills[0]))

    @routes.get("/dossiers/{code}/bills", response_model=list[BillView])
    async def all_of_dossier(code: CodeOf, caller: CallerOf, work: WorkOf) -> list[BillView]:
        """All bills of a dossier, the newest first: that of its form, and those for fees that came up later."""
        return [BillView.of(bill) for bill in await _of_dossier(work, code, caller)]

    @routes.get("/payments/{bill_id}", response_model=BillView)
    async def one(bill_id: UUID, caller: CallerOf, work: WorkOf) -> BillView:
        """A bill by its id."""
        return BillView.of(await _find(work, bill_id, caller))

    @routes.post("/payments/{bill_id}/checkout", status_code=201, response_model=CheckoutView)
    async def checkout(bill_id: UUID, caller: CallerOf, work: WorkOf, response: Response) -> CheckoutView:
        """Send the citizen to the gateway's page; while one is open, to the same one (so no key is needed here)."""
        bill = await _find(work, bill_id, allowed(caller, "citizen"))
        back = return_url.replace("{code}", bill.dossier_code)
        for name in gateways.choose(None):
            start = StartCheckout(attempt_id=new_id(), return_url=back, gateway=name)
            bill = await work.send(store.bills.aggregate, bill.key, start, wait_seconds=CHECKOUT_SECONDS)
            if bill.state != "open":
                break
        if bill.state == "open":
            raise Refusal(
                "gateway_refuses",
                "Cổng thanh toán chưa mở được trang nộp phí. Xin thử lại sau ít phút.",
                "The gateway does not open a page to pay on. Try again in a few minutes.",
                503,
            )
        url = (bill.attempt.url or None) if bill.attempt else None
        if url is None:
            response.status_code = 202
            response.headers["Retry-After"] = "2"
        return CheckoutView(bill_id=bill_id, state=bill.state, url=url)

    @routes.post("/payments/{bill_id}/refresh", response_model=BillView)
    async def refresh(bill_id: UUID, caller: CallerOf, work: WorkOf) -> BillView:
        """Ask the gateway now: for the page that the citizen returns to."""
        bill = await _find(work, bill_id, allowed(caller, "citizen"))
        nudge = Nudge(call_id=new_id())
        return BillView.of(await work.send(store.bills.aggregate, bill.key, nudge, wait_seconds=CHECKOUT_SECONDS))

    @routes.get("/payments/{bill_id}/receipt", response_model=Receipt)
    async def receipt(bill_id: UUID, caller: CallerOf, work: WorkOf) -> Receipt:
        """The receipt; 404 until it has its number."""
        bill = await _find(work, bill_id, caller)
        if bill.receipt_number is None or bill.paid_at is None:
            raise NotFound("Chưa có biên lai.", "There is no receipt yet.")
        return Receipt(
            number=bill.receipt_number,
            dossier_code=bill.dossier_code,
            amount=bill.amount,
            currency=bill.currency,
            fee_lines=bill.fee_lines,
            paid_at=bill.paid_at,
            gateway_reference=bill.captures[-1].reference,
        )

    return routes


# Where the gateway sends the browser back to, until a portal has a page for it. It says nothing that a link may not say.
_RETURNED = """<!doctype html>
<html lang="vi"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Đang xác nhận thanh toán</title>
<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color:#1d2939}</style>
<h1>Cảm ơn bạn</h1>
<p>Chúng tôi đang xác nhận thanh toán với cổng thanh toán. Biên lai sẽ được báo qua tin nhắn và thư điện tử.
Bạn có thể đóng trang này.</p>
<p lang="en">Thank you. We are confirming the payment with the gateway; the receipt will come by SMS and e-mail.
You may close this page.</p></html>
"""


def of_browsers() -> APIRouter:
    """Pages, for browsers that come back from the gateway."""
    routes = APIRouter(tags=["pages"])

    @routes.get("/return/{code}", response_class=HTMLResponse)
    async def returned(code: str) -> str:
        """Where the browser lands after the gateway's page, paid or not."""
        return _RETURNED

    return routes


def of_operators() -> APIRouter:
    """What whoever answers for the money looks at."""
    routes = APIRouter(tags=["ledger"])

    @routes.get("/ledger/{code}")
    async def balances(code: CodeOf, caller: CallerOf, work: WorkOf) -> list[dict[str, Any]]:
        """A dossier's balance on each account, in đồng, debit less credit; they add up to 0."""
        allowed(caller, "operator")
        return await store.ledger.balances(work.pool, code)

    return routes


async def _find(work: Work, bill_id: UUID, caller: Caller) -> Bill:
    """A bill that this caller may see. Raises the same NotFound for a stranger's bill as for none."""
    bill = await store.bills.find(work.pool, bill_id)
    if bill is None or not _may_see(caller, bill):
        raise _nothing()
    return bill


async def _of_dossier(work: Work, code: str, caller: Caller) -> list[Bill]:
    """The bills of a dossier that this caller may see, the newest first. Raises NotFound where there is none."""
    bills = [bill for bill in await store.bills.of_dossier(work.pool, code) if _may_see(caller, bill)]
    if not bills:
        raise _nothing()
    return bills


def _may_see(caller: Caller, bill: Bill) -> bool:
    mine = caller.role == "citizen" and caller.person_id == bill.person_id
    ours = caller.role == "officer" and caller.agency == bill.agency
    return mine or ours or caller.role == "operator"


def _nothing() -> NotFound:
    return NotFound("Không tìm thấy khoản phí này.", "There is no such bill.")
