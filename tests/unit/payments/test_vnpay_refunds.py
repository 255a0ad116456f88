"""VNPAY's refunds under one request id, over lost answers and midnight; and what its reconciliation file says."""

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
from services.payments.adapters.vnpay_signature import HASH, REFUND_ANSWERED, joined, mac, moment_of
from services.payments.domain.gateway import (
    AskRefund,
    Captured,
    Movement,
    Refund,
    RefundDone,
    RefundRefused,
    UnknownCode,
)
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
    await in_work(till, refund)
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


async def test_the_statement_names_everything_as_the_answers_do(till: Till) -> None:
    request, money = await till.paid()
    refund = till.refund_of(request, money, 5_000)
    await in_work(till, refund)
    till.shop.passes(3)
    done = await till.refund(refund)
    assert isinstance(done, RefundDone)
    capture, back = await till.movements(till.now() - timedelta(hours=1), till.now() + timedelta(seconds=1))
    assert capture == Movement(
        line=capture.line, kind="capture", reference=money.reference, amount=AMOUNT, currency="VND", at=money.paid_at,
        fee=1_100, attempt_id=request.attempt_id,
    )  # fmt: skip
    assert back == Movement(
        line=back.line, kind="refund", reference=done.reference, amount=5_000, currency="VND", at=till.now(),
        attempt_id=request.attempt_id, refund_id=refund.refund_id,
    )  # fmt: skip


async def test_the_statement_of_a_time_has_each_line_of_it_once_over_days_and_pages(till: Till) -> None:
    """Days are those of Vietnam, the time has its beginning and not its end."""
    moneys: list[Captured] = []
    for _ in range(7):
        moneys.append((await till.paid())[1])
        till.shop.passes(DAY / 3)
    whole = await till.movements(moneys[0].paid_at, till.now())
    assert [line.reference for line in whole] == [money.reference for money in moneys]
    middle = await till.movements(moneys[2].paid_at, moneys[5].paid_at)
    assert [line.reference for line in middle] == [money.reference for money in moneys[2:5]]
    assert await till.movements(moneys[3].paid_at, moneys[3].paid_at) == []


async def test_money_that_nobody_asked_for_is_in_the_statement_under_its_own_order(till: Till) -> None:
    await till.shop.arm("unknown_payment")
    request, _ = await till.paid()
    stranger, mine = await till.movements(till.now() - timedelta(hours=1), till.now() + timedelta(hours=1))
    assert (stranger.amount, mine.attempt_id) == (50_000, request.attempt_id)
    assert stranger.attempt_id not in (None, request.attempt_id)


LINE = {
    "line": 1, "kind": "payment", "time": "20260609120000", "vnp_TxnRef": "x", "vnp_TransactionDate": "20260609115900",
    "vnp_TransactionNo": "7", "vnp_Amount": "100", "fee": 0, "vnp_RequestId": "",
}  # fmt: skip


async def told(*lines: object, secret: str = SECRET, request_id: str | None = None) -> list[Movement]:
    """What the adapter makes of these lines."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = dict(parse_qsl(request.url.query.decode()))
        header = {"vnp_RequestId": request_id or asked["vnp_RequestId"], "pages": 1}
        body = "".join(f"{json.dumps(line)}\n" for line in (header, *lines)).encode()
        return httpx.Response(200, content=body, headers={"X-VNPAY-Signature": mac(secret, body)})

    noon = moment_of("20260609120000")
    moves = port_saying(answer).movements(noon, noon + timedelta(hours=1), [])
    return [line async for page in moves for line in page]


async def test_a_line_of_another_kind_is_shown_as_such(till: Till) -> None:
    (line,) = await told(LINE | {"kind": "adjustment"})
    assert (line.kind, line.note, line.attempt_id) == ("other", "adjustment", None)


@pytest.mark.parametrize("line", [{}, 7, LINE | {"vnp_Amount": "150"}, LINE | {"time": "noon"}, LINE | {"fee": "x"}])
async def test_a_statement_that_cannot_be_read_is_no_answer(line: object) -> None:
    with pytest.raises(Unanswered):
        await told(LINE, line)


async def test_a_statement_of_another_hand_or_for_another_question_is_no_answer() -> None:
    assert len(await told(LINE)) == 1
    with pytest.raises(Unanswered):
        await told(LINE, secret="another")
    with pytest.raises(Unanswered):
        await told(LINE, request_id="an older one")
