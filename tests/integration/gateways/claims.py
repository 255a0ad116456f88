"""Steps that the claims of test_port_*.py have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import TypeVar

from chassis.clock import utc_now
from services.payments.domain.answers import (
    Captured,
    CheckoutCreated,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
)
from services.payments.domain.questions import CreateCheckout, Refund
from services.payments.domain.tidings import Known, Movement, Ring, Tiding
from tests.integration.gateways.asking import CALLING, until
from tests.integration.gateways.merchant import Merchant, Notice, about, wanted

SOON = timedelta(minutes=1)
Answer = TypeVar("Answer", StillOpen, Captured, SessionClosed)


async def made(merchant: Merchant, request: CreateCheckout) -> CheckoutCreated:
    page = await merchant.gateway.create_checkout(request, CALLING)
    assert isinstance(page, CheckoutCreated), page
    return page


async def truth(merchant: Merchant, request: CreateCheckout, page: CheckoutCreated, kind: type[Answer]) -> Answer:
    """What the gateway says of the page, as soon as it is of this kind."""

    async def asked() -> Answer | None:
        answer = await merchant.gateway.ask_checkout(about(request, page), CALLING)
        return answer if isinstance(answer, kind) else None

    return await until(asked)


async def paid(merchant: Merchant, request: CreateCheckout) -> tuple[CheckoutCreated, Captured]:
    page = await made(merchant, request)
    await merchant.pays(page)
    return page, await truth(merchant, request, page, Captured)


async def settled(merchant: Merchant, refund: Refund) -> RefundDone | RefundRefused:
    """What becomes of a refund, asked for again and again under its own id."""

    async def asked() -> RefundDone | RefundRefused:
        return await merchant.gateway.refund(refund, CALLING)

    return await until(asked)


async def done(merchant: Merchant, refund: Refund) -> RefundDone:
    answer = await settled(merchant, refund)
    assert isinstance(answer, RefundDone), answer
    return answer


async def statement(merchant: Merchant, attempts: Sequence[Known], lines: int) -> list[list[Movement]]:
    """The pages of the gateway's statement, as soon as it has so many lines; and they stay so many."""

    async def read() -> list[list[Movement]] | None:
        now = utc_now()
        moved = merchant.gateway.movements(now - timedelta(hours=1), now + SOON, attempts)
        pages = [list(page) async for page in moved]
        return pages if sum(map(len, pages)) >= lines else None

    await until(read)
    pages = await until(read)
    assert sum(map(len, pages)) == lines, pages
    return pages


async def told(merchant: Merchant, request: CreateCheckout) -> tuple[Notice, Ring, Tiding]:
    """The first notice that tells of this page's money, what was heard, and what it tells. Raises TimeoutError."""
    for number in count(1):
        notice = (await merchant.rings(number))[-1]
        ring = merchant.gateway.hear(*notice, utc_now())
        for tiding in tidings(merchant, ring, request):
            if tiding.captured is not None:
                return notice, ring, tiding
    raise AssertionError


def tidings(merchant: Merchant, ring: Ring, request: CreateCheckout) -> list[Tiding]:
    """What a notice tells of this page: at a gateway that others share, notices about theirs come too."""
    ours = {request.attempt_id, request.bill_id, request.payment_code}
    told = merchant.gateway.tell(ring)
    return [each for each in told if ours & {each.attempt_id, each.bill_id, each.payment_code}]


def earlier(merchant: Merchant) -> CreateCheckout:
    """A page begun three quarters of an hour ago, so that gateways without a statement are asked about it."""
    return wanted(merchant, began=utc_now() - timedelta(minutes=45))
