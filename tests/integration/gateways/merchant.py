"""What each gateway offers to the claims of test_port_*.py: its adapter, its sandbox as a process, and a payer.

A harness lives in NAME_merchant.py and gives a fresh sandbox: `opened(folder)`, entered in `harnesses.py`.
The claims arm timeout_before, storm_500, notice_lost, notice_duplicated, unknown_code and refund_refused by these names;
a harness translates where its sandbox says it otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, Protocol

import httpx

from chassis.clock import utc_now
from chassis.identifiers import new_id
from services.payments.domain.answers import Captured, CheckoutCreated, RefundDone
from services.payments.domain.codes import payment_code
from services.payments.domain.gateway import Gateway
from services.payments.domain.gateways import Manner
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Item, Refund
from services.payments.domain.tidings import Known
from tests.integration.gateways.misworded import Change, Where
from tests.integration.sandbox_process import Server

AMOUNT = 135_000
DOSSIER, PROCEDURE, AGENCY = "G09.20-20260609-0000001", "1.002809", "G09.20"
BENEFICIARY = "3511.0.1054321"
CUT_OFF_SECONDS = 0.2
"""After which a caller is cut off whom a fault leaves without an answer."""
Notice = tuple[bytes, dict[str, str]]


class Merchant(Protocol):
    """One adapter, its sandbox process, and a payer who sits before it."""

    @property
    def gateway(self) -> Gateway: ...

    @property
    def manner(self) -> Manner: ...

    @property
    def sandbox(self) -> Server: ...

    @property
    def payer(self) -> str | None:
        """The sealed payer where the manner asks for one, else None."""
        ...

    @property
    def after_decline(self) -> Literal["open", "closed"] | None:
        """What a page is once a try on it was declined; None where no try can be declined."""
        ...

    @property
    def page_lines(self) -> int:
        """How many lines the adapter takes at once from the statement; small, so that a few payments pass a border."""
        ...

    @property
    def create_lost(self) -> str | None:
        """The fault: the page was made, the answer was lost. None where a page is made without a request."""
        ...

    @property
    def refund_lost(self) -> str | None:
        """The fault: the refund was taken, the answer was lost. None where the gateway never refunds."""
        ...

    @property
    def pending_ends(self) -> bool:
        """Whether a refund under the fault `refund_pending` is done a little later; else it stays in work."""
        ...

    @property
    def unknown_code(self) -> Literal["checkout", "refund"]:
        """Which question meets a code that nobody has documented, once `unknown_code` is armed."""
        ...

    def at(self, url: str, seconds: float) -> Gateway:
        """The same adapter with the same secrets, for a gateway at another address that is waited for so long."""
        ...

    def through(self, transport: httpx.AsyncBaseTransport) -> Gateway:
        """The same adapter over another way to the same sandbox."""
        ...

    def misworded(self, where: Where) -> Sequence[Change]:
        """Each code of an answer about this, changed into one that nobody has documented, and signed; none where none is."""
        ...

    def misworded_notices(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        """The same notice, truly signed, once for each of its codes, which nobody has documented."""
        ...

    async def pays(self, page: CheckoutCreated, amount: int | None = None) -> None:
        """As a payer does, in the browser or in the bank's app; another `amount` only where the manner takes parts."""
        ...

    async def is_declined(self, page: CheckoutCreated) -> None:
        """A payer whose card or account has not enough money."""
        ...

    async def rings(self, count: int) -> list[Notice]:
        """The first `count` notices that the sandbox sent, as soon as they are there.

        Body (for a notice by GET: the raw query) and headers, with names in lower case.
        """
        ...

    def begins_anew(self) -> None:
        """The notices so far are forgotten and no fault is armed: another test begins, with bills of its own."""
        ...

    async def arm(self, fault: str, times: int = 1) -> None:
        """A fault `timeout…` cuts the caller off soon: how long an adapter waits is shown at a silent server."""
        ...

    async def fired(self, fault: str) -> int: ...

    def forged(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        """The same notice unsigned, signed with a wrong secret, with a changed amount, and too old where age is signed."""
        ...


def wanted(merchant: Merchant, amount: int = AMOUNT, **changes: Any) -> CreateCheckout:
    """A request for a page, as a bill makes it."""
    bill, now = new_id(), utc_now()
    fee = Item(code="gplx-doi", kind="lệ phí", name="Lệ phí cấp đổi", amount=amount, beneficiary=BENEFICIARY)
    request = CreateCheckout(
        gateway=merchant.gateway.name,
        attempt_id=new_id(),
        bill_id=bill,
        dossier_code=DOSSIER,
        amount=amount,
        description="Lệ phí cấp đổi giấy phép lái xe",
        began=now,
        closes_at=now + timedelta(minutes=merchant.manner.minutes),
        return_url="http://127.0.0.1:9/ho-so",
        payment_code=payment_code(bill),
        procedure=PROCEDURE,
        procedure_name="Đổi giấy phép lái xe",
        agency=AGENCY,
        agency_name="Cục Cảnh sát giao thông",
        items=(fee,),
        payer=merchant.payer,
    )
    return request.model_copy(update=changes)


def about(request: CreateCheckout, page: CheckoutCreated) -> AskCheckout:
    """The question about a page that was made."""
    return AskCheckout(
        gateway=request.gateway,
        attempt_id=request.attempt_id,
        session_id=page.session_id,
        began=request.began,
        closes_at=request.closes_at,
        amount=request.amount,
    )


def closing(request: CreateCheckout, page: CheckoutCreated) -> CloseCheckout:
    return CloseCheckout(**about(request, page).model_dump())


def known(request: CreateCheckout, page: CheckoutCreated) -> Known:
    """The attempt as reconciliation names it."""
    assert request.began is not None
    return Known(request.attempt_id, page.session_id, request.began, request.closes_at, request.amount)


def return_of(request: CreateCheckout, page: CheckoutCreated, money: Captured, amount: int) -> Refund:
    """A new refund of a part of a capture."""
    return Refund(
        gateway=request.gateway,
        refund_id=new_id(),
        bill_id=request.bill_id,
        dossier_code=request.dossier_code,
        reference=money.reference,
        amount=amount,
        currency=money.currency,
        reason="fee_line_refunded",
        session_id=page.session_id,
        began=request.began,
        captured_amount=money.amount,
        paid_at=money.paid_at,
        requested_at=utc_now(),
    )


def asked_again(refund: Refund, done: RefundDone) -> AskRefund:
    return AskRefund(gateway=refund.gateway, refund_id=refund.refund_id, reference=done.reference)
