"""What every gateway's adapter must keep to (domain/gateway.py) of its pages, over its sandbox as a real process.

A claim that does not apply to a gateway says by which part of its manner.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from chassis.clock import utc_now
from chassis.errors import Unanswered
from services.payments.domain.answers import Captured, CheckoutCreated, SessionClosed, StillOpen
from services.payments.domain.gateway import Gateway, UnknownCode
from services.payments.domain.questions import Refund
from services.payments.domain.tidings import Movement
from tests.integration.gateways.asking import CALLING, saying, until
from tests.integration.gateways.claims import SOON, done, earlier, made, paid, truth
from tests.integration.gateways.merchant import AMOUNT, Merchant, about, closing, known, return_of, wanted
from tests.integration.gateways.misworded import Misworded


async def test_a_page_is_made_once_however_often_it_is_asked_for(merchant: Merchant) -> None:
    request, other = wanted(merchant), wanted(merchant)
    pages = [await made(merchant, request) for _ in range(3)]
    assert pages[0] == pages[1] == pages[2]
    assert pages[0].attempt_id == request.attempt_id
    assert bool(pages[0].url) != bool(pages[0].picture_text)
    assert (await made(merchant, other)).session_id != pages[0].session_id


async def test_a_page_whose_answer_was_lost_is_the_same_page(merchant: Merchant) -> None:
    request = wanted(merchant)
    if merchant.create_lost is None:
        async with saying(None) as url:  # made without a request: no answer can be lost, whoever is silent
            page = await merchant.at(url, 0.3).create_checkout(request, CALLING)
        assert isinstance(page, CheckoutCreated)
        assert page.attempt_id == request.attempt_id
        return
    await merchant.arm(merchant.create_lost)
    with pytest.raises(Unanswered):
        await merchant.gateway.create_checkout(request, CALLING)
    assert await merchant.fired(merchant.create_lost) == 1
    page = await made(merchant, request)
    assert await made(merchant, request) == page
    await merchant.pays(page)
    assert (await truth(merchant, request, page, Captured)).amount == AMOUNT


async def test_an_unpaid_page_may_still_be_paid(merchant: Merchant) -> None:
    request = wanted(merchant)
    page = await made(merchant, request)
    assert await merchant.gateway.ask_checkout(about(request, page), CALLING) == StillOpen(
        attempt_id=request.attempt_id
    )


async def test_a_paid_page_tells_what_was_taken_and_when(merchant: Merchant) -> None:
    request = wanted(merchant)
    page, money = await paid(merchant, request)
    assert (money.attempt_id, money.amount, money.currency) == (request.attempt_id, AMOUNT, "VND")
    assert (money.gateway, money.heard_only) == (merchant.gateway.name, False)
    assert money.reference
    assert money.money_id == request.attempt_id or merchant.manner.parts
    assert abs(money.paid_at - utc_now()) < SOON
    assert await truth(merchant, request, page, Captured) == money


async def test_two_payments_have_two_references(merchant: Merchant) -> None:
    _, first = await paid(merchant, wanted(merchant))
    _, second = await paid(merchant, wanted(merchant))
    assert first.reference != second.reference
    assert first.money_id != second.money_id


async def test_a_declined_try_is_told_in_our_words_and_the_page_ends_or_goes_on(merchant: Merchant) -> None:
    if merchant.after_decline is None:
        assert merchant.manner.parts, "only a transfer cannot be declined on our page"
        return
    request = wanted(merchant)
    page = await made(merchant, request)
    await merchant.is_declined(page)
    answer: StillOpen | SessionClosed
    if merchant.after_decline == "closed":
        answer = await truth(merchant, request, page, SessionClosed)
    else:
        answer = await truth(merchant, request, page, StillOpen)
    assert answer.decline in ("insufficient_funds", "declined")
    assert answer.decline_reference
    if merchant.after_decline == "open":
        await merchant.pays(page)
        assert (await truth(merchant, request, page, Captured)).amount == AMOUNT


@pytest.mark.parametrize("fault", ["timeout_before", "storm_500"])
async def test_trouble_at_the_gateway_is_waited_over(merchant: Merchant, fault: str) -> None:
    request = wanted(merchant)
    page = await made(merchant, request)
    await merchant.arm(fault)
    with pytest.raises(Unanswered):
        await merchant.gateway.ask_checkout(about(request, page), CALLING)
    assert await merchant.fired(fault) == 1
    assert isinstance(await merchant.gateway.ask_checkout(about(request, page), CALLING), StillOpen)


async def test_a_page_is_closed_as_its_manner_says(merchant: Merchant) -> None:
    request = wanted(merchant)
    page = await made(merchant, request)
    if merchant.manner.closes == "asked":
        for _ in range(2):
            answer = await merchant.gateway.close_checkout(closing(request, page), CALLING)
            assert answer == SessionClosed(attempt_id=request.attempt_id)
        assert isinstance(await merchant.gateway.ask_checkout(about(request, page), CALLING), SessionClosed)
    elif merchant.manner.closes == "itself":
        with pytest.raises(Unanswered):
            await merchant.gateway.close_checkout(closing(request, page), CALLING)
        now = utc_now()
        over = wanted(merchant, began=now - timedelta(minutes=45), closes_at=now - timedelta(minutes=30))
        old = await made(merchant, over)
        assert await truth(merchant, over, old, SessionClosed) == SessionClosed(attempt_id=over.attempt_id)
        assert isinstance(await merchant.gateway.close_checkout(closing(over, old), CALLING), SessionClosed)
    else:
        await merchant.pays(page)  # never closed: it can be paid for ever
        assert (await truth(merchant, request, page, Captured)).amount == AMOUNT


async def test_closing_a_paid_page_tells_of_the_money(merchant: Merchant) -> None:
    if merchant.manner.closes == "never":
        return  # close_checkout is never asked of it
    request = wanted(merchant)
    page, money = await paid(merchant, request)
    assert await merchant.gateway.close_checkout(closing(request, page), CALLING) == money


async def test_a_code_that_nobody_documented_is_said_aloud_and_decides_nothing(merchant: Merchant) -> None:
    request = wanted(merchant)
    if merchant.unknown_code == "checkout":
        page = await made(merchant, request)
        await merchant.arm("unknown_code")
        with pytest.raises(UnknownCode):
            await merchant.gateway.ask_checkout(about(request, page), CALLING)
        assert isinstance(await merchant.gateway.ask_checkout(about(request, page), CALLING), StillOpen)
    else:
        page, money = await paid(merchant, request)
        await merchant.arm("unknown_code")
        refund = return_of(request, page, money, AMOUNT)
        with pytest.raises(UnknownCode):
            await merchant.gateway.refund(refund, CALLING)
        await done(merchant, refund)
    assert await merchant.fired("unknown_code") == 1


@pytest.mark.parametrize("where", ["page", "refund"])
async def test_no_code_of_an_answer_decides_anything_when_nobody_documented_it(
    merchant: Merchant, where: Literal["page", "refund"]
) -> None:
    """Each is said aloud; then the same is asked again, and what the gateway did is found."""
    changes = merchant.misworded(where)
    assert changes or (where == "refund" and merchant.manner.refundable is None)
    request = wanted(merchant)
    page, money = await paid(merchant, request)

    async def asked(gateway: Gateway, refund: Refund) -> None:
        if where == "refund":
            await gateway.refund(refund, CALLING)
        else:
            await gateway.create_checkout(request, CALLING)
            await gateway.ask_checkout(about(request, page), CALLING)

    for number, change in enumerate(changes, 1):
        misworded = Misworded(change)
        gateway, refund = merchant.through(misworded), return_of(request, page, money, number)
        with pytest.raises(UnknownCode):
            await asked(gateway, refund)
        assert misworded.changed
        if where == "refund":
            await done(merchant, refund)
    assert await truth(merchant, request, page, Captured) == money


async def test_a_line_whose_code_nobody_documented_is_neither_payment_nor_refund(merchant: Merchant) -> None:
    """It is said aloud, or told as a movement that reconciliation finds and a person looks at."""
    request = earlier(merchant)
    page, money = await paid(merchant, request)

    async def lines(gateway: Gateway) -> list[Movement]:
        now = utc_now()
        moved = gateway.movements(now - timedelta(hours=1), now + SOON, [known(request, page)])
        return [line async for lines in moved for line in lines]

    async def is_there() -> bool | None:
        return any(line.reference == money.reference for line in await lines(merchant.gateway)) or None

    await until(is_there)
    for change in merchant.misworded("statement"):
        misworded = Misworded(change)
        try:
            told = await lines(merchant.through(misworded))
        except UnknownCode:
            told = []
        assert misworded.changed
        assert all(line.kind == "other" and line.note for line in told), told


async def test_a_page_that_the_gateway_does_not_know_is_not_closed(merchant: Merchant) -> None:
    """It may only not be known yet."""
    request = wanted(merchant)
    page = await made(merchant, wanted(merchant))
    strange = page.model_copy(update={"session_id": f"{page.session_id[:-4]}zzzz"})
    try:
        answer = await merchant.gateway.ask_checkout(about(request, strange), CALLING)
    except Unanswered:
        return
    assert isinstance(answer, StillOpen)
