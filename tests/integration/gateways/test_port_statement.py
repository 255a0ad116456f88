"""What every gateway's statement must say (domain/gateway.py), over its sandbox as a real process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.clock import utc_now
from services.payments.domain.answers import RefundDone
from services.payments.domain.questions import Refund
from tests.integration.gateways.claims import SOON, done, earlier, paid, statement, told
from tests.integration.gateways.harnesses import HARNESSES
from tests.integration.gateways.merchant import AMOUNT, Merchant, known, return_of


@pytest.fixture(params=HARNESSES)
async def merchant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Merchant]:
    """A gateway that has no other payments: its statement is looked at whole."""
    async with HARNESSES[request.param](tmp_path) as opened:
        yield opened


async def test_what_is_heard_is_what_is_told_when_asked_and_what_the_statement_says(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    _, _, tiding = await told(merchant, request)
    heard = tiding.captured
    assert heard is not None
    assert heard.heard_only
    named = (tiding.attempt_id, tiding.bill_id, tiding.payment_code)
    assert {request.attempt_id, request.bill_id, request.payment_code} & set(named)
    assert heard.money_id == money.money_id
    ((line,),) = await statement(merchant, [known(request, page)], 1)
    assert line.kind == "capture"
    for each in (heard, line):
        assert (each.amount, each.currency, each.reference) == (money.amount, money.currency, money.reference)
    assert abs(heard.paid_at - money.paid_at) < SOON
    assert abs(line.at - money.paid_at) < SOON


async def test_money_is_found_when_all_notices_are_lost(merchant: Merchant) -> None:
    await merchant.arm("notice_lost", times=100)
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    ((line,),) = await statement(merchant, [known(request, page)], 1)
    assert line.reference == money.reference
    assert await merchant.fired("notice_lost") >= 1


async def test_the_statement_has_each_capture_and_refund_once_over_the_borders_of_its_pages(merchant: Merchant) -> None:
    requests = [earlier(merchant) for _ in range(merchant.page_lines + 1)]
    payments = [await paid(merchant, request) for request in requests]
    attempts = [known(request, page) for request, (page, _) in zip(requests, payments, strict=True)]
    refunds: list[tuple[Refund, RefundDone]] = []
    if merchant.manner.refundable is not None:
        for request, (page, money) in zip(requests, payments, strict=True):
            refund = return_of(request, page, money, 20_000)
            refunds.append((refund, await done(merchant, refund)))
    pages = await statement(merchant, attempts, len(requests) + len(refunds))
    assert all(len(page) <= merchant.page_lines for page in pages)
    lines = [line for page in pages for line in page]
    assert len({line.line for line in lines}) == len(lines)
    captures = {line.reference: line for line in lines if line.kind == "capture"}
    for request, (_, money) in zip(requests, payments, strict=True):
        line = captures.pop(money.reference)
        assert (line.amount, line.currency) == (AMOUNT, "VND")
        assert request.attempt_id == line.attempt_id or request.payment_code == line.payment_code
    assert captures == {}
    returned = {line.reference: line for line in lines if line.kind == "refund"}
    for refund, answer in refunds:
        line = returned.pop(answer.reference)
        assert (line.amount, line.currency) == (20_000, "VND")
        assert line.refund_id in (refund.refund_id, None)
    assert returned == {}


async def test_another_time_has_no_lines(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, _ = await paid(merchant, request)
    await statement(merchant, [known(request, page)], 1)
    now = utc_now()
    later = merchant.gateway.movements(now + timedelta(hours=1), now + timedelta(hours=2), [])
    assert [line async for lines in later for line in lines] == []
