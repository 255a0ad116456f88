"""A payer's bank says that it has taken money: accepted or refused for good, so that no money is both kept and given back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.answering import To
from chassis.errors import Refusal
from chassis.identifiers import derived_id, time_of
from chassis.once import Once
from chassis.postgres import Connection
from chassis.work import Work
from services.payments import store
from services.payments.domain.messages import PayElsewhere
from services.payments.taking import PageStands, take

CLOCKS_DIFFER = timedelta(minutes=5)
_MONEY = UUID("019d0000-0000-7000-8000-0062616e6b73")
"""What names the money that payers' banks have taken begins with this."""


class Notice(BaseModel):
    """A bank's notice. `transaction_reference` is unique at the bank, `amount` in đồng."""

    model_config = ConfigDict(frozen=True)

    bank: str
    payment_code: str
    transaction_reference: str
    amount: int
    paid_at: datetime

    @property
    def capture_id(self) -> UUID:
        """The name of this money: always the same."""
        return derived_id(_MONEY, f"{self.bank} {self.transaction_reference}")


class Why(BaseModel):
    """Why money is not taken."""

    code: str
    vi: str
    en: str


class NoticeAnswer(BaseModel):
    """accepted, or duplicate: it was accepted before · refused: the bank gives the money back · deferred: again later."""

    result: Literal["accepted", "duplicate", "deferred", "refused"]
    why: Why | None = None


async def noticed(work: Work, notice: Notice, asked: Once) -> Any:
    """Take the money, or say why not; the same for each repetition. A deferred notice is not kept.

    Raises Refusal 409 for a transaction that was told of before with another code, amount or time, 422 for money that was
    paid before its bill was there.
    """
    bill = await store.banks.by_code(work.pool, notice.payment_code.upper())
    if bill is None:
        why = Why(code="unknown_code", vi="Không có khoản phí nào mang mã này.", en="No bill has this payment code.")
        return await _refused(work, notice, asked, why)
    if notice.paid_at < time_of(bill.bill_id) - CLOCKS_DIFFER:
        raise Refusal(
            "paid_before_bill",
            "Thời điểm nộp trước khi có khoản phí này.",
            "paid_at lies before the bill was there.",
            422,
        )
    money = PayElsewhere(
        capture_id=notice.capture_id,
        gateway="bank",
        amount=notice.amount,
        reference=f"{notice.bank} {notice.transaction_reference}",
        paid_at=notice.paid_at,
        by=notice.bank,
    )
    answering = _Answering(notice, To(store.bills.aggregate, bill.key, money), bill.bill_id)
    try:
        return await take(work, bill.key, asked, answering.accepts, answering.accepted)
    except PageStands:
        why = Why(
            code="page_closing",
            vi="Trang thanh toán của khoản phí này đang được đóng. Hãy báo lại sau ít phút.",
            en="A page of this bill is being closed. Say it again in a few minutes.",
        )
        return NoticeAnswer(result="deferred", why=why).model_dump()
    except Refusal as refusal:
        if refusal.code not in ("not_payable", "other_amount"):
            raise
        return await _refused(work, notice, asked, Why(code=refusal.code, vi=refusal.vi, en=refusal.en))


async def _refused(work: Work, notice: Notice, asked: Once, why: Why) -> Any:
    """Refuse for good, unless it was accepted meanwhile: then that is the answer."""
    answering = _Answering(notice, None, None, why)
    return await work.send_once(asked, answering.refuses, answering.answered)


class _Answering:
    """One notice on its way to its answer; what was answered before is found in the transaction that would answer now."""

    def __init__(self, notice: Notice, money: To | None, bill_id: UUID | None, why: Why | None = None) -> None:
        self._notice, self._money, self._bill_id, self._why = notice, money, bill_id, why
        self._before: NoticeAnswer | None = None

    async def accepts(self, connection: Connection) -> Sequence[To]:
        self._before = await self._answer(connection, "accepted")
        return [] if self._before or self._money is None else [self._money]

    async def refuses(self, connection: Connection) -> Sequence[To]:
        self._before = await self._answer(connection, "refused")
        return []

    def accepted(self, _: Any) -> NoticeAnswer:
        return self._before or NoticeAnswer(result="accepted")

    def answered(self, _: Sequence[Any]) -> NoticeAnswer:
        return self._before or NoticeAnswer(result="refused", why=self._why)

    async def _answer(self, connection: Connection, result: str) -> NoticeAnswer | None:
        """Write the answer down; the earlier one where there is one."""
        why = self._why.model_dump() if self._why else None
        if await store.banks.answer(connection, self._notice.bank, self._notice, result, why, self._bill_id):
            return None
        before = await store.banks.answered(connection, self._notice.bank, self._notice.transaction_reference)
        told = (self._notice.payment_code, self._notice.amount, self._notice.paid_at)
        if before is None or (before["payment_code"], before["amount"], before["paid_at"]) != told:
            raise Refusal(
                "reference_reused",
                "Mã giao dịch này đã được báo với nội dung khác. Hãy kiểm tra lại.",
                "This transaction was told of before with another code, amount or time.",
            )
        if before["result"] == "accepted":
            return NoticeAnswer(result="duplicate")
        return NoticeAnswer(result="refused", why=Why.model_validate(before["why"]))
