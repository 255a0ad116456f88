"""What the national platform asks us, in its own words: what is due for a dossier's code, and the result of paying by it.

Source: the design's national-portal, section 8 (dptracuuthanhtoanhs, dpnhankqthanhtoanhs). The question is not signed, so
its address holds a key; the result is a CONFIRM, signed with our secret, whose reference is the payment code that we gave.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict

from chassis.clock import Clock
from chassis.errors import NotFound, Refusal, Unanswered
from chassis.http import WorkOf
from chassis.work import Work
from services.payments import store
from services.payments.adapters.national_receipt import Gap, receipt_fields
from services.payments.adapters.national_services import Directory
from services.payments.adapters.payer import Payer
from services.payments.api.banks import is_due
from services.payments.api.common import Name
from services.payments.domain.bill import Attempt, Bill
from services.payments.domain.gateway import Gateway
from services.payments.domain.messages import StartCheckout
from services.payments.domain.pages import creating
from services.payments.domain.questions import CreateCheckout
from services.payments.domain.tidings import Tiding
from services.payments.store import rings
from services.payments.store.rings import Heard

DUE, NOTHING_DUE, UNKNOWN = 1, 0, -1
TAKEN = {"MaLoi": "00", "MoTaLoi": "Thành công"}
NOT_TAKEN = {"MaLoi": "99", "MoTaLoi": "Chưa ghi nhận được"}
# The portal knows who has signed in there; we do not, and make nobody up.
_NOBODY = Payer.model_construct(name="", paper="", address="", province="")

log = structlog.get_logger()


class Question(BaseModel):
    """Mã hồ sơ."""

    model_config = ConfigDict(extra="ignore")

    MaHoSo: Name  # the wire's own word


class Due(BaseModel):
    """`error_code` 1: `message` is the bill · 0: nothing is due that can be paid there · -1: no such dossier."""

    error_code: int
    message: dict[str, Any] | list[Any]


def of_the_platform(platform: Gateway | None, key: str | None, table: Directory, clock: Clock) -> APIRouter:
    """404 for whoever does not know the key; where there is no platform or no key, for all."""
    routes = APIRouter(tags=["national"], prefix="/national")

    @routes.post("/{asked_with}/dptracuuthanhtoanhs", response_model=Due)
    async def due(body: Question, work: WorkOf, asked_with: Annotated[str, Path(max_length=200)]) -> Due:
        """What is due for a dossier."""
        if not key or not hmac.compare_digest(key.encode(), asked_with.encode()):
            raise NotFound("Không tìm thấy.", "Not found.")
        bills = await store.bills.of_dossier_typed(work.pool, body.MaHoSo)
        if not bills:
            return Due(error_code=UNKNOWN, message=[])
        # Its page cannot be closed by us while another one stands: what is being paid elsewhere is not due there too.
        waiting = [bill for bill in bills if bill.state == "open" and is_due(bill, clock())]
        told = next((told for bill in waiting if (told := bill_fields(bill, table)) is not None), None)
        return Due(error_code=NOTHING_DUE, message=[]) if told is None else Due(error_code=DUE, message=told)

    @routes.post("/dpnhankqthanhtoanhs")
    async def result(request: Request, work: WorkOf) -> dict[str, str]:
        """What was paid by a dossier's code. MaLoi 00 once it is in the ledger; until then it comes again.

        A genuine one that cannot be read is kept among the webhooks that wait, for whoever answers for the money.
        """
        if platform is None:
            raise NotFound("Không tìm thấy.", "Not found.")
        try:
            ring = platform.hear(await request.body(), request.headers, clock())
        except Refusal as refusal:
            log.warning("result of a payment by code refused", reason=refusal.code)
            return NOT_TAKEN
        try:
            tidings = platform.tell(ring)
        except Unanswered as error:
            log.error("result of a payment by code cannot be read", reason=str(error))
            await work.write_together(Heard(platform.name, ring, None), rings.keep)
            return NOT_TAKEN
        return TAKEN if await _taken(work, tidings) else NOT_TAKEN

    return routes


def bill_fields(bill: Bill, table: Directory) -> dict[str, Any] | None:
    """The bill in the platform's field names; None where something is missing that it must print."""
    page = Attempt(attempt_id=bill.bill_id, gateway="national", closes_at=bill.due, amount=bill.outstanding)
    request = creating(bill, page, StartCheckout(attempt_id=bill.bill_id, return_url="")).request
    if not isinstance(request, CreateCheckout):
        raise TypeError("a page is made by CreateCheckout")
    try:
        return {"MaTraCuuTT": bill.code, **receipt_fields(request, _NOBODY, table)}
    except Gap:
        return None


async def _taken(work: Work, tidings: Sequence[Tiding]) -> bool:
    """Take the money in: final, for nobody can be asked about it. False for money whose bill we do not know."""
    for tiding in tidings:
        bill = await store.banks.by_code(work.pool, tiding.payment_code) if tiding.payment_code else None
        if bill is None or tiding.captured is None:
            log.warning("a payment by code that no bill has")
            return False
        await work.send(store.bills.aggregate, bill.key, tiding.captured.model_copy(update={"heard_only": False}))
    return True
