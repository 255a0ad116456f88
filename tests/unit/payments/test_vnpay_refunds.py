"""VNPAY's refunds under one request id, over lost answers and midnight."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments.adapters.vnpay_signature import HASH, REFUND_ANSWERED, joined, mac
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import AskRefund, Refund
from tests.unit.payments.till import CALLING
from tests.unit.payments.vnpay_till import AMOUNT, Till, port_saying, till_at
from tests.unit.sandbox.vnpay_shop import SECRET, SHORT_OF_FUNDS, TERMINAL, shop_in

DAY = 24 * 3600


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    """Refunds are three seconds in work."""
    async with shop_in(tmp_path, fee=1_100, page_lines=2) as shop:
        yield till_at(shop)


async def in_work(till: Till, refund: Refund) -> None:
    with pytest.raises(Unanswered, match="in work"):
        await till.refund(refund)


async def moved(till: Till) -> list[tuple[str, int]]:
    lines = await till.movements(till.now() - timedelta(days=9), till.now() + timedelta(seconds=1))
    return [(line.kind, line.amount) for line in lines]


async def test_a_refund_is_unanswered_while_it_is_in_work_and_done_once_the_bank_has_it(till: Till) -> None:
    request, money = await till.paid()
    refund = till.refund_of(request, money, AMOUNT)
    await in_work(till, refund)
    await in_work(till, refund)
    till.shop.passes(3)
    done = await till.refund(refund)
    assert isinstance(done, RefundDone)
    assert await till.refund(refund) == done
    question = AskRefund(gateway="vnpay", refund_id=refund.refund_id, reference=done.reference)
    assert await till.port.ask_refund(question, CALLING) == done
    assert await moved(till) == [("capture", AMOUNT), ("refund", AMOUNT)]


async def test_a_refund_whose_answer_was_lost_before_midnight_is_not_made_again_after_it(till: Till) -> None:
    """VNPAY knows a request id for a day only."""
    request, money = await till.paid()
    refund = till.refund_of(request, money, 5_000)
    await till.shop.arm("timeout_after_charge", delay_seconds=0.01, match="refund")
    with pytest.raises(Unanswered):
        await till.refund(refund)
    till.shop.passes(DAY)
    done = await till.refund(refund)
    assert isinstance(done, RefundDone)
    assert await moved(till) == [("capture", AMOUNT), ("refund", 5_000)]
    later = till.refund_of(request, money, 5_000)
    till.shop.passes(DAY)
    await in_work(till, later)  # never taken: it is made on the later day
    till.shop.passes(3)
    assert isinstance(await till.refund(later), RefundDone)


async def test_a_second_refund_waits_until_the_first_is_out_of_work(till: Till) -> None:
    """Code 94 stands for two things: this one was taken before, or another one is in work."""
    request, money = await till.paid()
    first, second = till.refund_of(request, money, 5_000), till.refund_of(request, money, 5_000)
    await in_work(till, first)
    with pytest.raises(Unanswered, match="another refund"):
        await till.refund(second)
    till.shop.passes(3)
    assert isinstance(await till.refund(first), RefundDone)
    await in_work(till, second)
    till.shop.passes(3)
    answers = [await till.refund(first), await till.refund(second)]
    assert [answer.refund_id for answer in answers] == [first.refund_id, second.refund_id]
    assert await moved(till) == [("capture", AMOUNT), ("refund", 5_000), ("refund", 5_000)]


async def test_more_than_is_left_and_what_was_never_paid_is_refused(till: Till) -> None:
    request, money = await till.paid()
    much = till.refund_of(request, money, AMOUNT + 1)
    assert await till.refund(much) == RefundRefused(refund_id=much.refund_id, reason="amount_too_large")
    unpaid = till.request()
    await till.pays(unpaid, SHORT_OF_FUNDS)
    number = till.shop.office.store.payments_of(unpaid.attempt_id.hex)[0]["no"]
    none = till.refund_of(unpaid, money.model_copy(update={"reference": str(number)}), AMOUNT)
    assert await till.refund(none) == RefundRefused(refund_id=none.refund_id, reason="not_refundable")


async def test_a_refusal_is_not_believed_of_a_refund_that_was_taken(till: Till) -> None:
    """VNPAY may notice that nothing is left before it notices that the request is the one that took it."""
    request, money = await till.paid()
    refund = till.refund_of(request, money, AMOUNT)
    await in_work(till, refund)
    till.shop.passes(3)
    till.shop.office.store.connection.execute("delete from request")
    assert isinstance(await till.refund(refund), RefundDone)


async def test_a_payment_that_is_not_found_is_no_refusal(till: Till) -> None:
    request, money = await till.paid()
    refund = till.refund_of(request, money.model_copy(update={"reference": "77"}), 5_000)
    with pytest.raises(Unanswered, match="does not find"):
        await till.refund(refund)
    for changes in ({"session_id": None}, {"began": None}):
        with pytest.raises(Unanswered):
            await till.refund(refund.model_copy(update=changes))


async def test_a_refund_may_be_refused_or_come_back_from_the_bank(till: Till) -> None:
    request, money = await till.paid()
    await till.shop.arm("refund_refused")
    refused = till.refund_of(request, money, 5_000)
    await in_work(till, refused)
    till.shop.passes(3)
    assert await till.refund(refused) == RefundRefused(refund_id=refused.refund_id, reason="refused_by_bank")
    await till.shop.arm("refund_returned", delay_seconds=60)
    returned = till.refund_of(request, money, 6_000)
    await in_work(till, returned)
    till.shop.passes(3)
    done = await till.refund(returned)
    assert isinstance(done, RefundDone)
    till.shop.passes(60)
    question = AskRefund(gateway="vnpay", refund_id=returned.refund_id, reference=done.reference)
    assert isinstance(await till.port.ask_refund(question, CALLING), RefundRefused)
    assert await moved(till) == [("capture", AMOUNT), ("refund", 6_000), ("refund_returned", 6_000)]


@pytest.mark.parametrize("reference", ["", "7", "1.2", "1.2.3.4"])
async def test_a_reference_that_names_no_refund_is_no_answer(till: Till, reference: str) -> None:
    question = AskRefund(gateway="vnpay", refund_id=new_id(), reference=reference)
    with pytest.raises(Unanswered):
        await till.port.ask_refund(question, CALLING)


async def test_the_reference_of_a_payment_is_not_taken_for_a_refund(till: Till) -> None:
    request, money = await till.paid()
    line = (await till.movements(till.now() - timedelta(days=1), till.now() + timedelta(days=1)))[0]
    created = till.shop.asked("x")["vnp_CreateDate"]
    reference = f"{line.reference}.{request.attempt_id.hex}.{created}"
    with pytest.raises(Unanswered, match="another transaction"):
        await till.port.ask_refund(AskRefund(gateway="vnpay", refund_id=new_id(), reference=reference), CALLING)
    assert line.reference == money.reference


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [("00", "05", Unanswered), ("98", "", Unanswered), ("91", "", Unanswered), ("77", "", UnknownCode), ("00", "77", UnknownCode)],
)  # fmt: skip
async def test_codes_that_decide_nothing_are_no_answer(
    till: Till, code: str, status: str, expected: type[Unanswered]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        told = {
            "vnp_ResponseCode": code, "vnp_TransactionStatus": status, "vnp_TmnCode": TERMINAL,
            "vnp_TxnRef": json.loads(request.content)["vnp_TxnRef"], "vnp_TransactionNo": "7",
        }  # fmt: skip
        return httpx.Response(200, json=told | {HASH: mac(SECRET, joined(REFUND_ANSWERED, told))})

    request, money = await till.paid()
    refund = till.refund_of(request, money, 5_000).model_copy(update={"requested_at": datetime.now().astimezone()})
    with pytest.raises(expected) as error:
        await port_saying(answer).refund(refund, CALLING)
    assert type(error.value) is expected


async def test_what_was_taken_before_is_looked_for_whoever_says_so(till: Till) -> None:
    """Code 94 decides nothing by itself, so it need not be signed."""
    request, money = await till.paid()
    refund = till.refund_of(request, money, 5_000).model_copy(update={"requested_at": datetime.now().astimezone()})

    def answer(question: httpx.Request) -> httpx.Response:
        if question.method == "POST":
            return httpx.Response(200, json={"vnp_ResponseCode": "94"})
        asked = dict(parse_qsl(question.url.query.decode()))
        body = json.dumps({"vnp_RequestId": asked["vnp_RequestId"], "pages": 1}).encode()
        return httpx.Response(200, content=body, headers={"X-VNPAY-Signature": mac(SECRET, body)})

    with pytest.raises(Unanswered, match="another refund"):
        await port_saying(answer).refund(refund, CALLING)
