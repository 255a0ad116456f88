"""Pages without an account: whether a receipt holds, by the code on its paper, and where a gateway sends browsers back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel

from chassis import problem
from chassis.errors import NotFound
from chassis.http import WorkOf
from services.payments import store
from services.payments.links import Links
from services.payments.papers import pages
from services.payments.store.receipts import Kept

_NUMBER = re.compile("[0-9]{4}/[0-9]{8}", re.ASCII)
_UNKNOWN = NotFound(
    "Không tìm thấy biên lai này. Hãy quét lại mã trên biên lai.",
    "There is no such receipt. Scan the code on it once more.",
)


class ReceiptCheck(BaseModel):
    """Whether a receipt holds, and for what it is. `ended`: replaced or cancelled."""

    number: str
    holds: bool
    ended: str | None
    replaced_by: str | None
    amount: int
    currency: str = "VND"
    agency: str
    agency_name: str
    dossier_code: str
    issued_at: datetime

    @classmethod
    def of(cls, kept: Kept) -> ReceiptCheck:
        told = kept.model_dump(include=set(cls.model_fields))
        return cls(**told, holds=kept.ended is None)


def of_everybody(links: Links, public_url: str) -> APIRouter:
    """What the code on a receipt leads to, and where browsers come back to."""
    routes = APIRouter(tags=["public"])

    @routes.get("/receipts/{year}/{ordinal}", response_model=ReceiptCheck, response_class=Response)
    async def receipt(
        work: WorkOf,
        year: str,
        ordinal: str,
        k: str = "",
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """Whether it holds, was replaced, or is cancelled: a page, or JSON by Accept; 404 for a wrong code."""
        number = f"{year}/{ordinal.zfill(8)}"
        ours = bool(_NUMBER.fullmatch(number)) and links.is_of_receipt(number, k)
        kept = await store.receipts.by_number(work.pool, int(year), int(ordinal)) if ours else None
        if not pages.is_browser(accept):
            told = None if kept is None else ReceiptCheck.of(kept).model_dump(mode="json")
            return problem.of_refusal(_UNKNOWN) if told is None else JSONResponse(told)
        if kept is None:
            return pages.missing(public_url, _UNKNOWN.vi, _UNKNOWN.en)
        vi, en = _said(kept)
        return pages.page("receipt.html", public_url=public_url, receipt=ReceiptCheck.of(kept), vi=vi, en=en)

    @routes.get("/return/{code}", response_class=HTMLResponse)
    async def returned(code: str) -> HTMLResponse:
        """Where the browser lands after the gateway's page, paid or not. It says nothing that a link may not say."""
        return pages.page(
            "message.html",
            public_url=public_url,
            title="Cảm ơn bạn",
            vi="Chúng tôi đang xác nhận thanh toán với cổng thanh toán. Biên lai sẽ được báo cho người nộp hồ sơ qua tin nhắn "
            "và thư điện tử; nếu số tiền nhận được không khớp, điều đó cũng được báo và xin chưa nộp lại. "
            "Bạn có thể đóng trang này; nếu nộp bằng liên kết, hãy mở lại liên kết để xem kết quả.",
            en="Thank you. We are confirming the payment with the gateway. Whoever filed the dossier is told of the receipt by "
            "SMS and e-mail; and if what was received does not match, of that: please do not pay again then. "
            "You may close this page; whoever pays by a link opens it again to see the result.",
        )

    return routes


def _said(kept: Kept) -> tuple[str, str]:
    if kept.ended == "replaced":
        return (
            f"Biên lai này đã được thay bằng biên lai số {kept.replaced_by}.",
            f"It was replaced by receipt {kept.replaced_by}.",
        )
    if kept.ended == "cancelled":
        return "Biên lai này đã bị hủy.", "This receipt is cancelled."
    return "Biên lai này có giá trị.", "This receipt holds."
