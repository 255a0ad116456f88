"""VNPAY's querydr, refund and reconciliation file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.sandbox.vnpay import codes
from deploy.sandbox.vnpay.office import wire_time
from deploy.sandbox.vnpay.signature import HASH, QUERY_ANSWERED, REFUND_ANSWERED, joined, mac
from tests.unit.sandbox.vnpay_shop import NOON, SECRET, SHORT_OF_FUNDS, Shop, shop_in

DAY = 24 * 3600
TODAY = wire_time(NOON)[:8]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop_in(tmp_path, fee=1_100, page_lines=10) as opened:
        yield opened


def told(answer: dict[str, Any]) -> tuple[str, str]:
    """(code, status), once the signature was found right."""
    fields = REFUND_ANSWERED if answer["vnp_Command"] == "refund" else QUERY_ANSWERED
    assert answer[HASH] == mac(SECRET, joined(fields, answer))
    return answer["vnp_ResponseCode"], answer.get("vnp_TransactionStatus", "")


async def test_a_query_tells_of_an_order_from_when_its_page_was_opened(shop: Shop) -> None:
    assert told(await shop.queries("order1")) == ("91", "")
    page = await shop.opens("order1")
    assert told(await shop.queries("order1")) == ("00", "01")
    await shop.types(page)
    await shop.confirms(page)
    answer = await shop.queries("order1")
    assert told(answer) == ("00", "00")
    assert (answer["vnp_Amount"], answer["vnp_PayDate"], answer["vnp_TransactionType"]) == (
        "13500000",
        wire_time(NOON),
        codes.PAYMENT,
    )
    assert told(await shop.queries("order1", vnp_TransactionDate=wire_time(NOON + 1))) == ("91", "")
    assert told(await shop.queries("order1", vnp_TransactionNo="1")) == ("91", "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_TmnCode": "OTHER123"}, "02"),
        ({HASH: "0" * 128}, "97"),
        ({"vnp_Version": "2.0.0"}, "03"),
        ({"vnp_TransactionDate": "soon"}, "03"),
        ({"vnp_IpAddr": ""}, "03"),
        ({"vnp_RequestId": "x" * 33}, "03"),
        ({"vnp_Command": "pay"}, "03"),
    ],
)
async def test_a_question_that_is_wrong_is_answered_with_a_code_and_has_no_effect(
    shop: Shop, changes: dict[str, str], code: str
) -> None:
    await shop.pays("order1")
    assert (await shop.queries("order1", **changes))["vnp_ResponseCode"] == code
    assert (await shop.refunds("order1", 5_000, **changes))["vnp_ResponseCode"] == code
    assert await shop.lines(vnp_TxnRef="order1") == [("payment", 135_000)]


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"vnp_Command": {}}', b"\xff", b'{"vnp_Command": [1]}'])
async def test_what_is_no_request_is_of_a_wrong_form(shop: Shop, body: bytes) -> None:
    answer = await shop.http.post("/merchant_webapi/api/transaction", content=body)
    assert answer.json()["vnp_ResponseCode"] == "03"


async def test_a_request_id_is_taken_once_a_day(shop: Shop) -> None:
    await shop.pays("order1")
    answers = [await shop.queries("order1", vnp_RequestId="same") for _ in range(2)]
    assert [told(answer)[0] for answer in answers] == ["00", "94"]
    shop.passes(DAY)
    assert told(await shop.queries("order1", vnp_RequestId="same"))[0] == "00"


async def test_a_refund_is_in_work_then_with_the_bank(shop: Shop) -> None:
    await shop.pays("order1")
    taken = await shop.refunds("order1", 35_000)
    assert told(taken) == ("00", "05")
    assert told(await shop.refunds("order1", 5_000)) == ("94", "")
    assert await shop.lines(date=TODAY, page="1") == [("payment", 135_000)]
    shop.passes(3)
    named = await shop.queries("order1", vnp_TransactionNo=taken["vnp_TransactionNo"])
    assert (told(named), named["vnp_TransactionType"], named["vnp_Amount"]) == (("00", "06"), "03", "3500000")
    assert (await shop.queries("order1"))["vnp_TransactionType"] == "01"
    assert await shop.lines(date=TODAY, page="1") == [("payment", 135_000), ("refund", 35_000)]


async def test_no_more_goes_back_than_was_paid_and_the_whole_only_once(shop: Shop) -> None:
    await shop.pays("order1")
    for amount, kind, code in (
        (135_001, "03", "93"), (100_000, "02", "93"), (135_000, "03", "93"), (35_000, "03", "00"),
        (135_000, "02", "93"), (100_001, "03", "93"), (100_000, "03", "00"), (1, "03", "93"),
    ):  # fmt: skip
        assert told(await shop.refunds("order1", amount, kind))[0] == code, (amount, kind)
        shop.passes(3)
    await shop.pays("order2")
    assert told(await shop.refunds("order2", 135_000, "02"))[0] == "00"


async def test_what_was_not_paid_or_long_ago_is_not_refunded(shop: Shop) -> None:
    await shop.pays("order1", SHORT_OF_FUNDS)
    await shop.pays("order2")
    assert told(await shop.refunds("order1", 5_000))[0] == "95"
    assert told(await shop.refunds("nobody", 5_000))[0] == "91"
    assert told(await shop.refunds("order2", 5_000, vnp_TransactionNo="77"))[0] == "91"
    shop.passes(31 * DAY)
    assert told(await shop.refunds("order2", 5_000))[0] == "95"


async def test_a_refund_that_was_not_taken_uses_no_request_id_up(shop: Shop) -> None:
    await shop.pays("order1")
    assert told(await shop.refunds("order1", 500_000, vnp_RequestId="mine"))[0] == "93"
    assert told(await shop.refunds("order1", 5_000, vnp_RequestId="mine"))[0] == "00"
    shop.passes(3)
    assert told(await shop.refunds("order1", 5_000, vnp_RequestId="mine"))[0] == "94"


@pytest.mark.parametrize(
    ("fault", "status", "kinds"),
    [
        ("refund_refused", "09", ["payment"]),
        ("refund_pending", "05", ["payment"]),
        ("refund_returned", "09", ["payment", "refund", "refund_returned"]),
    ],
)
async def test_refunds_may_be_refused_stay_in_work_or_come_back(
    shop: Shop, fault: str, status: str, kinds: list[str]
) -> None:
    await shop.pays("order1")
    await shop.arm(fault)
    taken = await shop.refunds("order1", 35_000)
    shop.passes(3)
    shop.passes(DAY)
    assert told(await shop.queries("order1", vnp_TransactionNo=taken["vnp_TransactionNo"])) == ("00", status)
    days = (TODAY, wire_time(shop.clock())[:8])
    assert [kind for day in days for kind, _ in await shop.lines(date=day, page="1")] == kinds
    again = await shop.refunds("order1", 135_000, "02")
    assert told(again)[0] == {"refund_pending": "94"}.get(fault, "00")


async def test_a_days_file_has_each_movement_once_over_its_pages(shop: Shop) -> None:
    for number in range(12):
        await shop.pays(f"order{number}")
        await shop.refunds(f"order{number}", 5_000)
        shop.passes(3)
    await shop.pays("unpaid", SHORT_OF_FUNDS)
    lines: list[dict[str, Any]] = []
    for page in ("1", "2", "3"):
        answer = await shop.statement(date=TODAY, page=page)
        header, *more = [json.loads(line) for line in answer.text.splitlines()]
        assert (header["page"], header["pages"], header["lines"]) == (int(page), 3, 24)
        assert len(more) == (4 if page == "3" else 10)
        lines += more
    assert len({line["line"] for line in lines}) == 24
    assert sorted(line["kind"] for line in lines) == ["payment"] * 12 + ["refund"] * 12
    assert sum(line["fee"] for line in lines) == 12 * 1_100
    assert await shop.lines(date=TODAY, page="4") == []
    assert await shop.lines(date="20200101", page="1") == []


async def test_the_file_is_for_the_merchant_alone_and_each_question_is_answered_once(shop: Shop) -> None:
    refused = [
        await shop.statement("stolen", date=TODAY, page="1"),
        await shop.statement(date=TODAY, page="1", vnp_TmnCode="OTHER123"),
        await shop.statement(date=TODAY),
        await shop.statement(date=TODAY, page="1", vnp_TxnRef="order1"),
    ]
    found = [await shop.statement(date=TODAY, page="1", vnp_RequestId="same") for _ in range(2)]
    assert [answer.json()["vnp_ResponseCode"] for answer in refused] == ["97", "02", "03", "03"]
    assert (found[0].status_code, found[1].json()["vnp_ResponseCode"]) == (200, "94")


async def test_money_and_what_is_due_survive_a_new_process(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await shop.pays("order1")
        await shop.refunds("order1", 35_000)
    async with shop_in(tmp_path) as again:
        again.passes(3)
        assert await again.lines(vnp_TxnRef="order1") == [
            ("payment", 135_000),
            ("refund_request", 35_000),
            ("refund", 35_000),
        ]
        assert [notice["state"] for notice in again.notices()] == ["pending"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [("storm_500", 500), ("rate_limited_429", 429), ("not_an_answer", 200), ("timeout_before", 504)],
)
async def test_an_ailing_api_moves_nothing(shop: Shop, fault: str, status: int) -> None:
    await shop.pays("order1")
    await shop.arm(fault, delay_seconds=0.01, match="refund")
    assert told(await shop.queries("order1"))[0] == "00"
    answer = await shop.http.post("/merchant_webapi/api/transaction", json={"vnp_Command": "refund"})
    assert answer.status_code == status
    assert await shop.lines(vnp_TxnRef="order1") == [("payment", 135_000)]


def test_every_code_says_how_sure_it_is() -> None:
    tables = (codes.RESPONSES, codes.STATUSES, codes.QUERY, codes.REFUND, codes.PAGE_ERRORS)
    assert {code.source for table in tables for code in table.values()} == {"V", "M"}
    assert all(len(name) == 2 and code.vi for table in tables for name, code in table.items())
