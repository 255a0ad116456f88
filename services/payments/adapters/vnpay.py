"""VNPAY 2.1.0: a signed link as the page, querydr as the truth, refunds by request id, IPN as the webhook.

A page is a link that we sign ourselves: VNPAY learns of an attempt when its payer opens the link, and refuses it after
vnp_ExpireDate. So "not found" is no end while the link can be opened: until `closes_at` and five minutes more (clocks
differ) the page counts as open. After that an attempt that VNPAY has never heard of, or that has failed there, is closed;
one that VNPAY calls unfinished is not: its bank may still say yes. A failure of a vnp_TxnRef is final: there is no second try.

The reference of a refund is number.vnp_TxnRef.vnp_TransactionDate: VNPAY wants all three when it is asked about one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

import httpx

from chassis.calls import Calling
from chassis.clock import VIETNAM, Clock, utc_now
from chassis.errors import Unanswered
from services.payments.adapters import vnpay_reading as reading
from services.payments.adapters.vnpay_codes import (
    DECLINES,
    FAILED,
    NOT_FOUND,
    OPEN,
    PAID,
    PART,
    PAYMENT,
    REFUSALS,
    STATUSES,
    TAKEN_BEFORE,
    WHOLE,
)
from services.payments.adapters.vnpay_signature import signed_query, wire_time
from services.payments.adapters.vnpay_wire import VERSION, Wire, silence
from services.payments.domain.answers import (
    CheckoutCreated,
    CheckoutRefused,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
    Truth,
)
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Known, Movement, Ring, Tiding

LATE = timedelta(minutes=5)
_MOST_AMOUNT = 9_999_999_999  # twelve digits on the wire, two of them hundredths
_LONGEST_URL = 255


class Vnpay:
    """The gateway port over VNPAY, whose address must be the same for us and for browsers: the link is made of it."""

    name = reading.NAME

    def __init__(self, client: httpx.AsyncClient, terminal: str, secret: str, clock: Clock = utc_now) -> None:
        self._page_url = str(client.base_url).rstrip("/")
        self._terminal, self._secret, self._clock = terminal, secret, clock
        self._wire = Wire(client, terminal, secret, clock)

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused:
        """The link follows from the request alone: no question is asked, and a repetition is the same link."""
        if request.amount > _MOST_AMOUNT or len(request.return_url) > _LONGEST_URL:
            reason = "amount_too_large" if request.amount > _MOST_AMOUNT else "return_url_too_long"
            return CheckoutRefused(attempt_id=request.attempt_id, reason=reason)
        reference = request.attempt_id.hex
        values = {
            "vnp_Version": VERSION, "vnp_Command": "pay", "vnp_TmnCode": self._terminal, "vnp_CurrCode": "VND",
            "vnp_Amount": str(request.amount * 100), "vnp_TxnRef": reference, "vnp_OrderType": "other",
            "vnp_OrderInfo": reading.plain(f"{request.description} {request.dossier_code}"), "vnp_Locale": "vn",
            "vnp_ReturnUrl": request.return_url, "vnp_IpAddr": request.payer_address,
            "vnp_CreateDate": reading.created(request), "vnp_ExpireDate": wire_time(request.closes_at),
        }  # fmt: skip
        url = f"{self._page_url}/paymentv2/vpcpay.html?{signed_query(self._secret, values)}"
        return CheckoutCreated(attempt_id=request.attempt_id, session_id=reference, url=url)

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        """What VNPAY says of an attempt; see above for what its silence means."""
        told = await self._wire.query(request.session_id, reading.created(request))
        if told is None:
            over = request.closes_at is not None and self._clock() >= request.closes_at + LATE
            return (SessionClosed if over else StillOpen)(attempt_id=request.attempt_id)
        status = told["vnp_TransactionStatus"]
        if status not in STATUSES:
            raise UnknownCode(f"VNPAY knows a status {status[:20]}")
        if told["vnp_TransactionType"] != PAYMENT:
            raise Unanswered("VNPAY speaks of a refund where a payment was asked for")
        if status == PAID:
            return reading.captured(request.attempt_id, told)
        if status == OPEN:
            return StillOpen(attempt_id=request.attempt_id)
        if status != FAILED:
            raise Unanswered(f"VNPAY has not settled the payment: status {status}")
        decline = await self._decline(request.session_id)
        named = told["vnp_TransactionNo"] if decline else None
        return SessionClosed(attempt_id=request.attempt_id, decline=decline, decline_reference=named)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        """VNPAY closes no page when asked to: the truth once it is final, Unanswered until then."""
        truth = await self.ask_checkout(AskCheckout(**request.model_dump()), calling)
        if isinstance(truth, StillOpen):
            raise Unanswered("VNPAY has not closed the page yet")
        return truth

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        """Send money back under vnp_RequestId = the refund's id, which VNPAY takes once a day.

        So on a later day than it was first asked, and whenever VNPAY says no, it is first looked for among the order's.
        """
        order, created = request.session_id, reading.created(request)
        if order is None:
            raise Unanswered("the refund names no page")
        today = wire_time(self._clock())[:8]
        if request.requested_at is None or wire_time(request.requested_at)[:8] != today:
            taken = await self._taken(request.refund_id, order, created)
            if taken is not None:
                return taken
        more = {
            "vnp_TransactionType": WHOLE if request.amount == request.captured_amount else PART,
            "vnp_Amount": str(request.amount * 100),
            "vnp_TransactionNo": request.reference,
        }
        told = await self._wire.refund(request.refund_id.hex, order, created, more)
        code = told["vnp_ResponseCode"]
        if code == PAID:
            reference = reading.refund_reference(told["vnp_TransactionNo"], order, created)
            return reading.outcome(request.refund_id, reference, told["vnp_TransactionStatus"])
        if code != TAKEN_BEFORE and code not in REFUSALS:
            raise Unanswered("VNPAY does not find the payment") if code == NOT_FOUND else silence(code)
        taken = await self._taken(request.refund_id, order, created)
        if taken is not None:
            return taken
        if code == TAKEN_BEFORE:
            raise Unanswered("VNPAY has another refund of this payment in work")
        return RefundRefused(refund_id=request.refund_id, reason=REFUSALS[code])

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused:
        """What has become of a refund that was taken."""
        return await self._refund_of(request.refund_id, *reading.named_by(request.reference))

    def hear(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Ring:
        """Check an IPN; `body` is its raw query."""
        return reading.hear(self._secret, self._terminal, body)

    def tell(self, ring: Ring) -> Sequence[Tiding]:
        return reading.tell(ring)

    async def movements(
        self, since: datetime, until: datetime, known: Sequence[Known]
    ) -> AsyncIterator[Sequence[Movement]]:
        """The reconciliation files of the days in [since, until), each line once."""
        day, last = since.astimezone(VIETNAM).date(), (until - timedelta(microseconds=1)).astimezone(VIETNAM).date()
        while day <= last:
            page = pages = 1
            while page <= pages:
                pages, lines = await self._wire.statement(date=f"{day:%Y%m%d}", page=str(page))
                begins = max(since, datetime.combine(day, time(), VIETNAM))
                # 5,000 take the loop a tenth of a second
                found = await asyncio.to_thread(reading.movements, lines, begins)
                if within := [each for each in found if since <= each.at < until]:
                    yield within
                page += 1
            day += timedelta(days=1)

    async def _decline(self, reference: str) -> str | None:
        """Why an order failed, in our words: querydr does not say. Told as "declined" while the statement is silent."""
        try:
            _, lines = await self._wire.statement(vnp_TxnRef=reference)
        except Unanswered:
            return "declined"
        codes = [str(line.get("vnp_ResponseCode", "")) for line in lines if line.get("kind") == "payment_failed"]
        if codes and codes[-1] not in DECLINES:
            raise UnknownCode(f"VNPAY declines with code {codes[-1][:20]}")
        return DECLINES[codes[-1]] if codes else "declined"

    async def _taken(self, refund_id: UUID, order: str, created: str) -> RefundDone | RefundRefused | None:
        """What became of a refund that VNPAY has taken; None when it has not taken it. Raises Unanswered."""
        _, lines = await self._wire.statement(vnp_TxnRef=order)
        numbers = (str(line["vnp_TransactionNo"]) for line in lines if line.get("vnp_RequestId") == refund_id.hex)
        number = next(numbers, None)
        return None if number is None else await self._refund_of(refund_id, number, order, created)

    async def _refund_of(self, refund_id: UUID, number: str, order: str, created: str) -> RefundDone | RefundRefused:
        told = await self._wire.query(order, created, number)
        if told is None:
            raise Unanswered("VNPAY does not find the refund")
        if told["vnp_TransactionType"] not in (WHOLE, PART) or told["vnp_TransactionNo"] != number:
            raise Unanswered("VNPAY speaks of another transaction")
        reference = reading.refund_reference(number, order, created)
        return reading.outcome(refund_id, reference, told["vnp_TransactionStatus"])


def client(url: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """An HTTP client for VNPAY; it dials when it is first used."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(10, connect=3),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        transport=transport,
    )
