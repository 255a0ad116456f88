"""payments over HTTP: a dossier's bills and their receipts, for whom they concern."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from chassis.access import Caller
from chassis.errors import NotFound, Refusal, Unanswered
from chassis.http import CallerOf, CodeOf, WorkOf
from chassis.work import Work
from contracts.money import FeeLine
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.api.common import Name, may_see, nothing, shown
from services.payments.domain.bill import PAYABLE, Bill
from services.payments.domain.gateways import manner_of
from services.payments.domain.printed import AskReceipt, NotReady
from services.payments.links import Links
from services.payments.papers import receipt as paper
from services.payments.store.receipts import Kept
from services.payments.views import BillView

GATEWAY_SECONDS = 5.0


class ReceiptView(BaseModel):
    """A receipt (biên lai). `ended`: it holds no longer; `page` is where anybody who has it can look whether it holds."""

    number: str
    dossier_code: str
    agency: str
    agency_name: str
    amount: int
    currency: str = "VND"
    fee_lines: tuple[FeeLine, ...]
    issued_at: datetime
    paid_at: datetime | None
    gateway_reference: str
    replaces: str | None
    replaced_by: str | None
    ended: str | None
    ended_because: str | None
    page: str | None


def of_citizens(gateways: Gateways, links: Links) -> APIRouter:
    """Bills and receipts, for their citizen, the officers of their agency and operators."""
    routes = APIRouter(tags=["payments"])

    @routes.get("/dossiers/{code}/bill", response_model=BillView)
    async def of_dossier(code: CodeOf, caller: CallerOf, work: WorkOf) -> BillView:
        """The bill of a dossier that can be paid, else its newest."""
        bills = await _of_dossier(work, code, caller)
        return _bill(next((bill for bill in bills if bill.state in PAYABLE), bills[0]), caller)

    @routes.get("/dossiers/{code}/bills", response_model=list[BillView])
    async def all_of_dossier(code: CodeOf, caller: CallerOf, work: WorkOf) -> list[BillView]:
        """All bills of a dossier, the newest first: that of its form, and those for fees that came up later."""
        return [_bill(bill, caller) for bill in await _of_dossier(work, code, caller)]

    @routes.get("/payments/{bill_id}", response_model=BillView)
    async def one(bill_id: UUID, caller: CallerOf, work: WorkOf) -> BillView:
        """A bill by its id."""
        return _bill(await shown(work, bill_id, caller), caller)

    @routes.get("/payments/{bill_id}/receipt", response_model=ReceiptView)
    async def receipt(bill_id: UUID, caller: CallerOf, work: WorkOf, number: Name | None = None) -> ReceiptView:
        """The receipt that holds, or the one of this number; 404 where there is none."""
        bill, kept = await _receipt(work, bill_id, caller, number)
        return _view(bill, kept, links)

    @routes.get("/payments/{bill_id}/receipts", response_model=list[ReceiptView])
    async def receipts(bill_id: UUID, caller: CallerOf, work: WorkOf) -> list[ReceiptView]:
        """All receipts of a bill, the newest first: those that were replaced or cancelled are kept."""
        bill = await shown(work, bill_id, caller)
        return [_view(bill, kept, links) for kept in await store.receipts.of_bill(work.pool, bill_id)]

    @routes.get("/payments/{bill_id}/receipt.pdf", response_class=Response)
    async def receipt_paper(bill_id: UUID, caller: CallerOf, work: WorkOf, number: Name | None = None) -> Response:
        """The receipt as PDF, with a code that leads to the page where anybody can check it."""
        bill, kept = await _receipt(work, bill_id, caller, number)
        pdf = await asyncio.to_thread(paper.render, _paper(bill, kept, links))
        name = f'inline; filename="bien-lai-{kept.number.replace("/", "-")}.pdf"'
        headers = {"Cache-Control": "private, no-store", "Content-Disposition": name}
        return Response(pdf, media_type="application/pdf", headers=headers)

    @routes.get("/payments/{bill_id}/gateway-receipt", response_class=Response)
    async def gateway_receipt(bill_id: UUID, caller: CallerOf, work: WorkOf) -> Response:
        """The receipt that the gateway itself has printed: the national platform's PDF, or JSON, as it sent it.

        404 where none was printed that this caller may see, 409 `receipt_not_ready`, 503 while the gateway says nothing.
        """
        asked = _printed(await shown(work, bill_id, caller), caller)
        try:
            async with asyncio.timeout(GATEWAY_SECONDS):
                file = await gateways.receipt_file(asked)
        except NotReady:
            raise Refusal(
                "receipt_not_ready",
                "Nền tảng thanh toán chưa phát hành xong biên lai này. Hãy thử lại sau ít phút.",
                "The payment platform has not issued this receipt yet. Try again in a few minutes.",
            ) from None
        except (Unanswered, TimeoutError):
            raise Refusal(
                "gateway_silent",
                "Nền tảng thanh toán chưa trả lời. Hãy thử lại sau ít phút.",
                "The payment platform does not answer. Try again in a few minutes.",
                503,
            ) from None
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return Response(file.content, media_type=file.media_type, headers=headers)

    return routes


def _printed(bill: Bill, caller: Caller) -> AskReceipt:
    """Which receipt to ask a gateway for. What was printed for who paid by a link is not for the citizen: it names that one.

    Raises Refusal 404 where there is none.
    """
    for capture in reversed(bill.captures):
        page = bill.attempt_of(capture.attempt_id)
        if page is None or capture.use != "fees" or not manner_of(capture.gateway).asks_payer:
            continue
        if page.by == "citizen" or caller.role != "citizen":
            return AskReceipt(gateway=capture.gateway, attempt_id=page.attempt_id, began=page.began)
    raise Refusal(
        "no_gateway_receipt",
        "Bạn chưa nộp khoản phí này trên trang của một cổng có in biên lai riêng. Hãy dùng biên lai của cơ quan.",
        "This bill was not paid by you on the page of a gateway that prints receipts. Use the agency's receipt.",
        404,
    )


def _bill(bill: Bill, caller: Caller) -> BillView:
    return BillView.of(bill, for_citizen=caller.role == "citizen")


async def _of_dossier(work: Work, code: str, caller: Caller) -> list[Bill]:
    """The bills of a dossier that this caller may see, the newest first. Raises NotFound where there is none."""
    bills = [bill for bill in await store.bills.of_dossier(work.pool, code) if may_see(caller, bill)]
    if not bills:
        raise nothing()
    return bills


async def _receipt(work: Work, bill_id: UUID, caller: Caller, number: str | None) -> tuple[Bill, Kept]:
    """Raises NotFound where there is no such receipt."""
    bill = await shown(work, bill_id, caller)
    kept = await store.receipts.of_bill(work.pool, bill_id)
    for each in kept:
        if each.number == number or (number is None and each.ended is None):
            return bill, each
    raise NotFound("Chưa có biên lai.", "There is no such receipt.")


def _view(bill: Bill, kept: Kept, links: Links) -> ReceiptView:
    told = kept.model_dump(include=set(ReceiptView.model_fields))
    captures = [each for each in bill.captures if each.use == "fees"]
    return ReceiptView(
        **told,
        fee_lines=kept.lines,
        paid_at=bill.paid_at,
        gateway_reference=captures[-1].reference if captures else "",
        page=links.receipt_page(kept.number),
    )


def _paper(bill: Bill, kept: Kept, links: Links) -> paper.Paper:
    ended = {
        "replaced": f"đã được thay bằng biên lai số {kept.replaced_by}",
        "cancelled": f"đã hủy ({kept.ended_because})",
    }
    return paper.Paper(
        number=kept.number,
        agency=bill.agency_name or bill.agency,
        dossier_code=bill.dossier_code,
        procedure=bill.procedure_name,
        lines=kept.lines,
        amount=kept.amount,
        issued_at=kept.issued_at,
        paid_at=bill.paid_at or kept.issued_at,
        paid=tuple((manner_of(each.gateway).title_vi, each.reference) for each in bill.captures if each.use == "fees"),
        page=links.receipt_page(kept.number),
        replaces=kept.replaces,
        ended=ended[kept.ended] if kept.ended else None,
    )
