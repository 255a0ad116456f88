"""What the adapter of every gateway that refunds must keep to (domain/gateway.py), over its sandbox as a real process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.errors import Unanswered
from services.payments.domain.answers import RefundRefused
from services.payments.domain.gateways import GATEWAYS
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.claims import done, earlier, paid, settled, statement
from tests.integration.gateways.harnesses import HARNESSES
from tests.integration.gateways.merchant import AMOUNT, Merchant, asked_again, known, return_of

REFUNDING = [name for name in HARNESSES if GATEWAYS[name].refundable is not None]
"""Of the others an officer pays out: `refund` is never asked of them."""


@pytest.fixture(params=REFUNDING)
async def merchant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Merchant]:
    """A gateway that has no other payments: its statement is looked at whole."""
    async with HARNESSES[request.param](tmp_path) as opened:
        yield opened


async def test_a_part_goes_back_then_the_rest_and_no_more(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    part, rest = return_of(request, page, money, 35_000), return_of(request, page, money, AMOUNT - 35_000)
    answers = [await done(merchant, part), await done(merchant, rest)]
    assert [answer.refund_id for answer in answers] == [part.refund_id, rest.refund_id]
    assert answers[0].reference != answers[1].reference
    assert isinstance(await settled(merchant, return_of(request, page, money, 1)), RefundRefused)
    lines = [line for page_ in await statement(merchant, [known(request, page)], 3) for line in page_]
    went = {line.reference: (line.amount, line.currency) for line in lines if line.kind == "refund"}
    assert went == {answers[0].reference: (35_000, "VND"), answers[1].reference: (AMOUNT - 35_000, "VND")}


async def test_a_refund_asked_for_again_is_one_refund(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    refund = return_of(request, page, money, 35_000)
    first = await done(merchant, refund)
    assert await done(merchant, refund) == first
    assert await merchant.gateway.ask_refund(asked_again(refund, first), CALLING) == first
    await statement(merchant, [known(request, page)], 2)


async def test_a_refund_whose_answer_was_lost_is_one_refund(merchant: Merchant) -> None:
    assert merchant.refund_lost is not None
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    refund = return_of(request, page, money, 35_000)
    await merchant.arm(merchant.refund_lost)
    with pytest.raises(Unanswered):
        await merchant.gateway.refund(refund, CALLING)
    assert await merchant.fired(merchant.refund_lost) == 1
    answer = await done(merchant, refund)
    lines = [line for page_ in await statement(merchant, [known(request, page)], 2) for line in page_]
    (went,) = [line for line in lines if line.kind == "refund"]
    assert (went.amount, went.reference) == (35_000, answer.reference)


async def test_a_refund_that_the_gateway_has_in_work_is_no_answer_and_is_not_begun_anew(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    refund = return_of(request, page, money, 35_000)
    await merchant.arm("refund_pending")
    with pytest.raises(Unanswered):
        await merchant.gateway.refund(refund, CALLING)
    assert await merchant.fired("refund_pending") == 1
    if merchant.pending_ends:
        answer = await done(merchant, refund)
        lines = [line for page_ in await statement(merchant, [known(request, page)], 2) for line in page_]
        assert [line.reference for line in lines if line.kind == "refund"] == [answer.reference]
    else:
        with pytest.raises(Unanswered):
            await merchant.gateway.refund(refund, CALLING)


async def test_a_refund_that_the_gateway_refuses_is_refused_and_moves_nothing(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    await merchant.arm("refund_refused")
    refund = return_of(request, page, money, 35_000)
    answer = await settled(merchant, refund)
    assert isinstance(answer, RefundRefused)
    assert answer.refund_id == refund.refund_id
    assert answer.reason
    assert await merchant.fired("refund_refused") == 1
    lines = [line for page_ in await statement(merchant, [known(request, page)], 1) for line in page_]
    assert [line.kind for line in lines] == ["capture"]
