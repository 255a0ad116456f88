"""What every gateway's adapter must keep to (domain/gateway.py), shown over its sandbox as a real process.

A claim that does not apply to a gateway says by which part of its manner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from chassis.clock import utc_now
from chassis.errors import Refusal, Unanswered
from services.payments.domain.gateway import (
    AskRefund,
    Captured,
    CheckoutCreated,
    CreateCheckout,
    Gateway,
    Known,
    Movement,
    Refund,
    RefundDone,
    RefundRefused,
    Ring,
    SessionClosed,
    StillOpen,
    Tiding,
    UnknownCode,
)
from tests.integration.gateways.asking import CALLING, http, saying, until
from tests.integration.gateways.harnesses import HARNESSES
from tests.integration.gateways.merchant import (
    AMOUNT,
    Merchant,
    Notice,
    about,
    asked_again,
    closing,
    known,
    return_of,
    wanted,
)

SOON = timedelta(minutes=1)
Answer = TypeVar("Answer", StillOpen, Captured, SessionClosed)

NO_ANSWER = {
    "a proxy's page": http("200 OK", "<html><body>Hệ thống đang bảo trì</body></html>", "text/html"),
    "a proxy's trouble": http("502 Bad Gateway", "<html>Bad Gateway</html>", "text/html"),
    "trouble": http("500 Internal Server Error", '{"error":"trouble"}'),
    "too much": http("429 Too Many Requests", '{"error":"slow down"}'),
    "not found": http("404 Not Found", '{"error":"not found"}'),
    "a refusal by nobody": http("400 Bad Request", '{"message":"bad request"}'),
    "a redirect": http("302 Found", "", "text/html", "Location: http://127.0.0.1:9/"),
    "an empty object": http("200 OK", "{}"),
    "a list": http("200 OK", "[]"),
    "null": http("200 OK", "null"),
    "a number": http("200 OK", "7"),
    "nothing": http("200 OK", ""),
    "half of it": http("200 OK", '{"status":"paid"}')[:-3],
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "a closed door": b"",
    "silence": None,
}


@pytest.fixture(params=HARNESSES)
async def merchant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Merchant]:
    async with HARNESSES[request.param](tmp_path) as opened:
        yield opened


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


async def told(merchant: Merchant) -> tuple[Notice, Ring, Tiding]:
    """The first notice that tells of money, what was heard, and what it tells."""
    for count in range(1, 20):
        notice = (await merchant.rings(count))[-1]
        ring = merchant.gateway.hear(*notice, utc_now())
        for tiding in merchant.gateway.tell(ring):
            if tiding.captured is not None:
                return notice, ring, tiding
    raise AssertionError("no notice tells of money")


def earlier(merchant: Merchant) -> CreateCheckout:
    """A page begun three quarters of an hour ago, so that gateways without a statement are asked about it."""
    return wanted(merchant, began=utc_now() - timedelta(minutes=45))


def never_refunds(merchant: Merchant) -> bool:
    """Whether its manner says that an officer pays out: `refund` is never asked of it."""
    assert (merchant.manner.refundable is None) == (merchant.refund_lost is None)
    return merchant.manner.refundable is None


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


async def asks_everything(gateway: Gateway, merchant: Merchant) -> None:
    """Whatever is asked of this gateway is Unanswered, and no more than that."""
    request = earlier(merchant)
    page = CheckoutCreated(attempt_id=request.attempt_id, session_id="none", url="http://127.0.0.1:9/")
    if merchant.create_lost is not None:
        with pytest.raises(Unanswered):
            await gateway.create_checkout(request, CALLING)
    else:
        page = await made(merchant, request)
    with pytest.raises(Unanswered):
        await gateway.ask_checkout(about(request, page), CALLING)
    if merchant.manner.closes != "never":
        with pytest.raises(Unanswered):
            await gateway.close_checkout(closing(request, page), CALLING)
    if merchant.manner.refundable is not None:
        money = Captured(
            attempt_id=request.attempt_id, amount=AMOUNT, currency="VND", reference="12345678", paid_at=utc_now()
        )
        refund = return_of(request, page, money, AMOUNT)
        with pytest.raises(Unanswered):
            await gateway.refund(refund, CALLING)
        question = AskRefund(gateway=gateway.name, refund_id=refund.refund_id, reference=str(refund.refund_id))
        with pytest.raises(Unanswered):
            await gateway.ask_refund(question, CALLING)
    now = utc_now()
    with pytest.raises(Unanswered):
        [page async for page in gateway.movements(now - timedelta(hours=1), now, [known(request, page)])]


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
@pytest.mark.parametrize("name", HARNESSES)
async def test_what_the_gateway_did_not_say_definitely_is_no_answer(
    name: str, answer: bytes | None, tmp_path: Path
) -> None:
    async with HARNESSES[name](tmp_path) as merchant, saying(answer) as url:
        await asks_everything(merchant.at(url, 0.3), merchant)


async def test_nobody_there_is_no_answer(merchant: Merchant) -> None:
    async with saying(b"") as url:
        pass
    await asks_everything(merchant.at(url, 0.3), merchant)


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


async def test_what_is_heard_is_what_is_told_when_asked_and_what_the_statement_says(merchant: Merchant) -> None:
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    _, _, tiding = await told(merchant)
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


async def test_copies_of_a_notice_are_one_event(merchant: Merchant) -> None:
    """So that each is worked off once, whoever sent it again."""
    await merchant.arm("notice_duplicated", times=100)
    await paid(merchant, wanted(merchant))
    heard: list[Ring] = []
    for count in range(1, 30):
        heard.append(merchant.gateway.hear(*(await merchant.rings(count))[-1], utc_now()))
        ids = Counter(ring.event_id for ring in heard)
        twice = [ring for ring in heard if ids[ring.event_id] > 1 and merchant.gateway.tell(ring)]
        if twice:
            break
    assert len(twice) == 2
    assert merchant.gateway.tell(twice[0]) == merchant.gateway.tell(twice[1])
    assert await merchant.fired("notice_duplicated") >= 1


async def test_a_notice_that_is_forged_unsigned_changed_or_too_old_is_refused(merchant: Merchant) -> None:
    await paid(merchant, wanted(merchant))
    notice, _, _ = await told(merchant)
    forged = merchant.forged(*notice)
    assert len(forged) >= 3
    for body, headers in [*forged, (b"", notice[1]), (notice[0] + b"x", notice[1]), (notice[0][:-1], notice[1])]:
        with pytest.raises(Refusal) as refusal:
            merchant.gateway.hear(body, headers, utc_now())
        assert refusal.value.status == 400


async def test_an_event_of_a_type_that_nobody_knows_tells_nothing(merchant: Merchant) -> None:
    await paid(merchant, wanted(merchant))
    _, ring, _ = await told(merchant)
    assert list(merchant.gateway.tell(replace(ring, kind="sandbox.unheard_of"))) == []


async def test_money_is_found_when_all_notices_are_lost(merchant: Merchant) -> None:
    await merchant.arm("notice_lost", times=100)
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    ((line,),) = await statement(merchant, [known(request, page)], 1)
    assert line.reference == money.reference
    assert await merchant.fired("notice_lost") >= 1


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


async def test_a_part_goes_back_then_the_rest_and_no_more(merchant: Merchant) -> None:
    if never_refunds(merchant):
        return
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
    if never_refunds(merchant):
        return
    request = earlier(merchant)
    page, money = await paid(merchant, request)
    refund = return_of(request, page, money, 35_000)
    first = await done(merchant, refund)
    assert await done(merchant, refund) == first
    assert await merchant.gateway.ask_refund(asked_again(refund, first), CALLING) == first
    await statement(merchant, [known(request, page)], 2)


async def test_a_refund_whose_answer_was_lost_is_one_refund(merchant: Merchant) -> None:
    if never_refunds(merchant):
        return
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


async def test_a_refund_that_the_gateway_refuses_is_refused_and_moves_nothing(merchant: Merchant) -> None:
    if never_refunds(merchant):
        return
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
