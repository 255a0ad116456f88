"""Payers' own banks over HTTP: what is due, and notices that they have taken it.

A request is signed: `X-Bank` names the bank, `X-Signature` is `t=SECONDS,v1=HEX`, the HMAC-SHA256 of "SECONDS.BODY" under
the bank's key, of the last five minutes. That of a notice is good once, so whoever says it again signs again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.clock import Clock
from chassis.errors import NotSigned, Refusal
from chassis.http import WorkOf
from chassis.mistakes import mistake
from chassis.once import Once
from services.payments import store
from services.payments.adapters import timed_signature
from services.payments.api.common import Amount, Moment, Name
from services.payments.domain.bill import PAYABLE, Bill
from services.payments.noticing import CLOCKS_DIFFER, Notice, NoticeAnswer, noticed

SCHEME = 'Signature headers="X-Bank X-Signature", algorithm="hmac-sha256"'
BankName = Annotated[str, Header(max_length=50)]
Signature = Annotated[str, Header(max_length=500)]
InquiryResult = Literal["found", "paid", "expired", "held", "unknown"]


class Inquiry(BaseModel):
    """What the payer told his bank: the dossier's code, or the payment code of one bill."""

    model_config = ConfigDict(extra="forbid")

    dossier_code: Name | None = None
    payment_code: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.dossier_code is None) == (self.payment_code is None):
            raise mistake(
                "name_one",
                "Hãy ghi một trong hai: dossier_code hoặc payment_code.",
                "Name one of the two: dossier_code or payment_code.",
            )
        return self


class DueBill(BaseModel):
    """A bill that can be paid: exactly `amount` đồng, named by `payment_code`."""

    payment_code: str
    dossier_code: str
    amount: int
    currency: str = "VND"
    due: datetime
    description: str
    agency_name: str


class InquiryAnswer(BaseModel):
    """found: `bills` can be paid · paid, expired: nothing is due · held: a person looks into it, take nothing · unknown."""

    result: InquiryResult
    bills: tuple[DueBill, ...] = ()


class NoticeBody(BaseModel):
    """The bank has taken `amount` đồng for the bill of this payment code; `transaction_reference` is the bank's own."""

    model_config = ConfigDict(extra="forbid")

    payment_code: Name
    transaction_reference: Name
    amount: Annotated[Amount, Field(gt=0)]
    paid_at: Moment


def of_banks(keys: Mapping[str, str], clock: Clock) -> APIRouter:
    """For the banks that have a key."""

    async def signed(request: Request, x_bank: BankName, x_signature: Signature) -> None:
        """Raises Refusal 401 for a request that no bank signed lately."""
        body, key = await request.body(), keys.get(x_bank)
        try:
            timed_signature.verify(body, x_signature, [key] if key else [], clock())
        except Refusal as refusal:
            en = f"{refusal.en} Sign again."
            raise NotSigned("bad_signature", "Chữ ký không đúng hoặc đã cũ. Hãy ký lại.", en, SCHEME) from None

    async def signed_once(request: Request, work: WorkOf, x_bank: BankName, x_signature: Signature) -> None:
        """Raises Refusal 401 for a request that came before, too."""
        await signed(request, x_bank, x_signature)
        body, key = await request.body(), keys.get(x_bank)
        if not await store.banks.use(work.pool, _used(key or "", x_signature, body)):
            vi, en = "Chữ ký này đã được dùng. Hãy ký lại.", "This signature was used. Sign again."
            raise NotSigned("signature_used", vi, en, SCHEME)

    routes = APIRouter(tags=["banks"], prefix="/bank")

    @routes.post("/inquiries", response_model=InquiryAnswer, dependencies=[Depends(signed)])
    async def inquire(body: Inquiry, work: WorkOf) -> InquiryAnswer:
        """What is due for a dossier, or for a payment code; it changes nothing, so the same may be asked again."""
        if body.dossier_code is not None:
            return told(await store.bills.of_dossier_typed(work.pool, body.dossier_code), clock())
        bill = await store.banks.by_code(work.pool, (body.payment_code or "").upper())
        return told([bill] if bill else [], clock())

    @routes.post(
        "/notices",
        response_model=NoticeAnswer,
        responses={202: {"model": NoticeAnswer}},
        dependencies=[Depends(signed_once)],
    )
    async def notice(
        body: NoticeBody,
        x_bank: BankName,
        work: WorkOf,
        request: Request,
        idempotency_key: Annotated[str, Header(min_length=8, max_length=255)],
    ) -> Response:
        """accepted · duplicate: it was accepted before · refused: give the money back · deferred (202): say it again later."""
        if body.paid_at > clock() + CLOCKS_DIFFER:
            raise Refusal("paid_in_future", "Thời điểm nộp ở tương lai.", "paid_at lies in the future.", 422)
        once = Once.of(f"bank {x_bank}", idempotency_key, request.url.path, await request.body())
        answer = await noticed(work, Notice(bank=x_bank, **body.model_dump()), once)
        status, headers = (202, {"Retry-After": "30"}) if answer["result"] == "deferred" else (200, None)
        return JSONResponse(answer, status, headers)

    return routes


def told(bills: Sequence[Bill], now: datetime) -> InquiryAnswer:
    """What a bank is told of these bills."""
    due = tuple(_due(bill) for bill in bills if is_due(bill, now))
    if due:
        return InquiryAnswer(result="found", bills=due)
    states = {bill.state for bill in bills}
    if not states:
        return InquiryAnswer(result="unknown")
    if "discrepancy" in states:
        return InquiryAnswer(result="held")
    return InquiryAnswer(result="paid" if "paid" in states else "expired")


def is_due(bill: Bill, now: datetime) -> bool:
    """Whether it can be paid now."""
    return bill.state in PAYABLE and bill.state != "expiring" and now < bill.due


def _due(bill: Bill) -> DueBill:
    return DueBill(
        payment_code=bill.code,
        dossier_code=bill.dossier_code,
        amount=bill.outstanding,
        due=bill.due,
        description=f"Phí, lệ phí hồ sơ {bill.dossier_code}",
        agency_name=bill.agency_name,
    )


def _used(key: str, signature: str, body: bytes) -> bytes:
    """What a signature is known by, however its header was written."""
    stamp = next(part.strip()[2:] for part in signature.split(",") if part.strip().startswith("t="))
    return hmac.digest(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
