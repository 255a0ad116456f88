"""The national portal's payment platform, version 1.0.6: INIT, CONFIRM, QUERY, GET_BILL.

Source: the design's national-portal, sections 1, 8 and 11. The platform closes no page, refunds nothing and gives no
statement: an abandoned page is asked about, and money goes back by an officer's hand.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import httpx
import stamina

from chassis.calls import Calling
from chassis.clock import Clock, utc_now
from chassis.errors import Park, Refusal, Unanswered
from chassis.sealing import Sealer
from services.payments.adapters import national_codes as codes
from services.payments.adapters import national_confirm as confirm
from services.payments.adapters import national_wire as wire
from services.payments.adapters.national_client import PDF, Platform, UnknownPage, refusal_of, require_success
from services.payments.adapters.national_receipt import Gap, receipt_fields
from services.payments.adapters.national_services import Directory
from services.payments.adapters.payer import unseal
from services.payments.domain.answers import (
    Captured,
    CheckoutCreated,
    CheckoutRefused,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
    Truth,
)
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.printed import AskReceipt, ReceiptFile
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Known, Movement, Ring, Tiding

LONGEST_WORDS = 50  # of every signed value but the reference
AT_ONCE = 16
TRIES = 3


class National:
    """The gateway port over the platform.

    `partner` and `secret` are ours there, `sealer` opens payers, `table` has what the platform wants to be told of a
    procedure and an account, `at_once` bounds the questions in flight for a statement.
    """

    name = "national"

    def __init__(
        self,
        client: httpx.AsyncClient,
        partner: str,
        secret: str,
        sealer: Sealer,
        table: Directory,
        *,
        at_once: int = AT_ONCE,
        clock: Clock = utc_now,
    ) -> None:
        self._platform = Platform(client, partner, secret)
        self._partner, self._secret, self._sealer, self._table = partner, secret, sealer, table
        self._at_once, self._clock = at_once, clock

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused:
        """INIT. It follows from the request alone: repeated, it gives the page that the reference already has.

        Refused here, with the gap named, where something is missing that the platform prints on its receipt.
        """
        try:
            if request.payer is None:
                raise Gap("no_payer")
            receipt = receipt_fields(request, unseal(request.payer, self._sealer), self._table)
        except Gap as gap:
            return CheckoutRefused(attempt_id=request.attempt_id, reason=str(gap))
        except Park:
            return CheckoutRefused(attempt_id=request.attempt_id, reason="payer_unreadable")
        reference, began = wire.reference_of(request.attempt_id), _began(request.attempt_id, request.began)
        asked = await self._platform.ask("INIT", reference, began, _order(request), {"ThongTinBienLai": receipt})
        answer = wire.unwrapped(asked)
        refused = refusal_of(answer)
        if refused is not None:
            return CheckoutRefused(attempt_id=request.attempt_id, reason=refused)
        require_success(answer)
        url = answer.get("UrlThanhToan")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise Unanswered("the platform tells no address to pay at")
        return CheckoutCreated(attempt_id=request.attempt_id, session_id=reference, url=url)

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        """QUERY. A page that failed is over: who tries again gets another reference."""
        return await self._truth(request.attempt_id, request.began)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        """The truth where it is final. Unanswered while it is not: no page is ever closed."""
        truth = await self._truth(request.attempt_id, request.began)
        if isinstance(truth, StillOpen):
            raise Unanswered("the platform closes no page")
        return truth

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        """Never: raises Refusal."""
        raise _no_refunds()

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused:
        """Never: raises Refusal."""
        raise _no_refunds()

    def hear(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Ring:
        """A CONFIRM, see `national_confirm.heard`. Raises Refusal 400."""
        return confirm.heard(body, self._partner, self._secret)

    def tell(self, ring: Ring) -> Sequence[Tiding]:
        """Money that was paid, or the page to ask about. Raises UnknownCode."""
        return confirm.told(ring.body, self._clock()) if ring.kind == confirm.KIND else ()

    async def movements(
        self, since: datetime, until: datetime, known: Sequence[Known]
    ) -> AsyncIterator[Sequence[Movement]]:
        """What was paid in [since, until) on the pages of `known`: each is asked about, a few at a time.

        Raises Unanswered where a page gets no answer in three tries.
        """
        for first in range(0, len(known), self._at_once):
            asked = known[first : first + self._at_once]
            found = await asyncio.gather(*(self._money_of(each) for each in asked), return_exceptions=True)
            for trouble in found:
                if isinstance(trouble, BaseException):
                    raise trouble
            lines = [_line(each) for each in found if isinstance(each, Captured) and since <= each.paid_at < until]
            if lines:
                yield lines

    async def receipt_file(self, request: AskReceipt) -> ReceiptFile:
        """GET_BILL: the platform's own receipt of a paid page. Raises NotReady, Unanswered."""
        reference, began = wire.reference_of(request.attempt_id), _began(request.attempt_id, request.began)
        content = await self._platform.ask("GET_BILL", reference, began)
        if content.startswith(PDF):
            return ReceiptFile(content, "application/pdf")
        require_success(wire.unwrapped(content))
        return ReceiptFile(content, "application/json")

    async def _truth(self, attempt_id: UUID, began: datetime | None) -> Truth:
        reference = wire.reference_of(attempt_id)
        answer = wire.unwrapped(await self._platform.ask("QUERY", reference, _began(attempt_id, began)))
        require_success(answer)
        if answer.get("MaThamChieu") != reference:
            raise Unanswered("the platform answers about another page")
        state = str(answer.get("TrangThaiGD"))
        if state == codes.PAID:
            return confirm.captured(answer, attempt_id, self._clock(), heard_only=False)
        if state == codes.FAILED:
            failed = str(answer.get("MaGiaoDich") or reference)
            return SessionClosed(attempt_id=attempt_id, decline=codes.DECLINED, decline_reference=failed)
        if state != codes.OPEN:
            raise UnknownCode(f"TrangThaiGD {state[:20]!r}")
        return StillOpen(attempt_id=attempt_id)

    async def _money_of(self, page: Known) -> Captured | None:
        """What was paid on a page. Nothing where the platform does not know it: a statement would not list it either."""
        tries = stamina.retry_context(on=Unanswered, attempts=TRIES, timeout=None, wait_initial=0.1, wait_jitter=0.1)
        async for attempt in tries:
            with attempt:
                try:
                    truth = await self._truth(page.attempt_id, page.began)
                except UnknownPage:
                    return None
        return truth if isinstance(truth, Captured) else None


def _began(attempt_id: UUID, began: datetime | None) -> datetime:
    return began or wire.began_of(attempt_id)


def _order(request: CreateCheckout) -> dict[str, str | int]:
    """What INIT says beyond the reference."""
    return {
        "SoTien": str(request.amount),
        "LoaiHinhThanhToan": "PAY",
        "MaKenhThanhToan": "1",
        "MaThietBi": "1",
        "NgonNgu": "vi-VN",
        "MaTienTe": "VND",
        "MaNganHang": "",
        "ThongTinGiaoDich": _words(request.description),
        "Ip": request.payer_address,
    }


def _words(description: str) -> str:
    """ThongTinGiaoDich: short, and without what separates signed values."""
    return unicodedata.normalize("NFC", description).replace("|", " ")[:LONGEST_WORDS].strip()


def _line(money: Captured) -> Movement:
    return Movement(
        line=money.reference,
        kind="capture",
        reference=money.reference,
        amount=money.amount,
        currency=money.currency,
        at=money.paid_at,
        attempt_id=money.attempt_id,
    )


def _no_refunds() -> Refusal:
    return Refusal(
        "no_refunds",
        "Nền tảng thanh toán quốc gia không hoàn tiền; cán bộ phải chi trả lại.",
        "The national platform 1.0.6 refunds nothing; an officer must pay the money out.",
    )
