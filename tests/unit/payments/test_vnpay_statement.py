"""VNPAY's reconciliation file in our words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from chassis.errors import Unanswered
from services.payments.adapters.vnpay_signature import mac, moment_of
from services.payments.domain.answers import Captured, RefundDone
from services.payments.domain.tidings import Movement
from tests.unit.payments.vnpay_till import AMOUNT, Till, port_saying, till_at
from tests.unit.sandbox.vnpay_shop import SECRET, shop_in

DAY = 24 * 3600


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with shop_in(tmp_path, fee=1_100, page_lines=2) as shop:
        yield till_at(shop)


async def test_the_statement_names_everything_as_the_answers_do(till: Till) -> None:
    request, money = await till.paid()
    refund = till.refund_of(request, money, 5_000)
    with pytest.raises(Unanswered):
        await till.refund(refund)
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
async def test_a_line_that_cannot_be_read_is_told_as_such_beside_the_others(line: object) -> None:
    good, bad = await told(LINE | {"line": 2}, line)
    assert (good.line, good.kind, good.amount) == ("2", "capture", 1)
    assert (bad.kind, bad.amount, bad.note[:10]) == ("other", 0, "unreadable")


async def test_a_statement_of_another_hand_or_for_another_question_is_no_answer() -> None:
    assert len(await told(LINE)) == 1
    with pytest.raises(Unanswered):
        await told(LINE, secret="another")
    with pytest.raises(Unanswered):
        await told(LINE, request_id="an older one")
