"""VNPAY's pay page: what link it takes, what a payer may type, and what the merchant hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.vnpay.office import wire_time
from deploy.sandbox.vnpay.signature import HASH, mac, query
from tests.unit.sandbox.vnpay_shop import (
    GOOD,
    NOON,
    SECRET,
    SHORT_OF_FUNDS,
    Shop,
    error_code,
    shop_in,
    told_on_the_way_back,
)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop_in(tmp_path) as opened:
        yield opened


async def test_a_payer_with_a_good_card_pays_and_the_merchant_hears_it_twice(shop: Shop) -> None:
    page = await shop.opens("order1")
    assert "135.000 ₫" in page.text
    assert (await shop.types(page)).status_code == 303
    back = await shop.confirms(page)
    assert back.headers["location"].startswith("http://127.0.0.1:9/back?of=1&vnp_Amount=13500000&")
    told = told_on_the_way_back(back)
    assert told.pop("of") == "1"
    signature = told.pop(HASH)
    assert signature == mac(SECRET, query(told))
    assert (told["vnp_ResponseCode"], told["vnp_TransactionStatus"], told["vnp_BankCode"]) == ("00", "00", "NCB")
    assert told["vnp_PayDate"] == wire_time(NOON)
    (notice,) = shop.notices()
    assert notice.items() >= (told | {HASH: signature, "state": "pending"}).items()


@pytest.mark.parametrize(
    ("card", "response"),
    [(SHORT_OF_FUNDS, "51"), ("9704192181368742", "09"), ("9704193370791314", "12"), ("9704194841945513", "99")],
)
async def test_a_card_that_fails_ends_the_order_for_good(shop: Shop, card: str, response: str) -> None:
    page = await shop.opens("order1")
    told = told_on_the_way_back(await shop.types(page, card))
    assert (told["vnp_ResponseCode"], told["vnp_TransactionStatus"]) == (response, "02")
    assert error_code(await shop.opens("order1")) == "01"
    assert (await shop.types(page)).headers["location"].endswith("code=01")
    assert await shop.lines(vnp_TxnRef="order1") == [("payment_failed", 135_000)]


async def test_an_order_is_paid_once(shop: Shop) -> None:
    page = await shop.opens("order1")
    await shop.types(page)
    await shop.confirms(page)
    for answer in (await shop.confirms(page), await shop.types(page), await shop.http.post(f"{page.url}/cancel")):
        assert answer.headers["location"].endswith("code=01")
    assert error_code(await shop.opens("order1")) == "01"
    assert await shop.lines(vnp_TxnRef="order1") == [("payment", 135_000)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_ExpireDate": wire_time(NOON)}, "15"),
        ({"vnp_ExpireDate": "20269999999999"}, "03"),
        ({"vnp_CreateDate": "yesterday"}, "03"),
        ({"vnp_Amount": "0"}, "03"),
        ({"vnp_Amount": "1000000000000"}, "03"),
        ({"vnp_Version": "2.0.0"}, "03"),
        ({"vnp_CurrCode": "USD"}, "03"),
        ({"vnp_ReturnUrl": "javascript:alert(1)"}, "03"),
        ({"vnp_TxnRef": "a b"}, "03"),
        ({"vnp_OrderInfo": ""}, "03"),
        ({"vnp_TmnCode": "OTHER123"}, "72"),
        ({"vnp_BankCode": "NOBANK"}, "76"),
    ],
)
async def test_a_link_that_cannot_be_paid_says_why(shop: Shop, changes: dict[str, str], code: str) -> None:
    assert error_code(await shop.opens("order1", **changes)) == code
    assert (await shop.queries("order1"))["vnp_ResponseCode"] == "91"


async def test_a_link_signed_by_another_or_changed_afterwards_is_refused(shop: Shop) -> None:
    assert error_code(await shop.opens("order1", secret="stolen")) == "70"
    page = await shop.opens("order1")
    link = str(page.history[0].url)
    changed = await shop.http.get(link.replace("13500000", "10000"), follow_redirects=True)
    assert error_code(changed) == "70"
    assert error_code(await shop.http.get(link.partition(f"&{HASH}")[0], follow_redirects=True)) == "70"


async def test_the_same_link_is_the_same_page_and_another_link_of_that_order_is_none(shop: Shop) -> None:
    first, again = await shop.opens("order1"), await shop.opens("order1")
    assert first.url == again.url
    assert error_code(await shop.opens("order1", vnp_Amount="500")) == "01"


async def test_a_page_closes_when_its_time_is_over_and_not_before(shop: Shop) -> None:
    page = await shop.opens("order1")
    shop.passes(899)
    assert (await shop.types(page)).status_code == 303
    shop.clock.now += 1  # the page knows before the timer does
    assert (await shop.confirms(page)).headers["location"].endswith("code=15")
    assert error_code(await shop.opens("order1")) == "15"
    shop.passes(0)
    assert (await shop.queries("order1"))["vnp_TransactionStatus"] == "02"
    assert [notice["vnp_ResponseCode"] for notice in shop.notices()] == ["11"]


async def test_without_an_expiry_a_page_stands_for_a_quarter_of_an_hour(shop: Shop) -> None:
    assert (await shop.opens("order1", vnp_ExpireDate="")).status_code == 200
    shop.clock.now += 900
    assert error_code(await shop.opens("order2", vnp_ExpireDate="")) == "15"


async def test_what_is_mistyped_may_be_typed_again_twice(shop: Shop) -> None:
    page = await shop.opens("order1")
    for changes in ({"card_name": "TRAN VAN B"}, {"card_number": "9704000000000000"}):
        assert (await shop.types(page, **changes)).status_code == 400
    assert (await shop.types(page, GOOD, card_name=" nguyen van a ")).status_code == 303
    for wrong in ("000000", "1"):
        assert (await shop.confirms(page, wrong)).status_code == 400
    told = told_on_the_way_back(await shop.confirms(page, "654321"))
    assert (told["vnp_ResponseCode"], told["vnp_TransactionStatus"]) == ("79", "02")


async def test_a_card_mistyped_three_times_ends_the_order(shop: Shop) -> None:
    page = await shop.opens("order1")
    answers = [await shop.types(page, card_date="12/99") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 303]
    assert told_on_the_way_back(answers[-1])["vnp_ResponseCode"] == "10"


async def test_a_payer_may_leave_pay_by_app_or_meet_a_bank_under_maintenance(shop: Shop) -> None:
    left = await shop.http.post(f"{(await shop.opens('order1')).url}/cancel")
    app = await shop.types(await shop.opens("order2", vnp_BankCode="VNPAYQR"), bank="VNPAYQR")
    bank = await shop.types(await shop.opens("order3"), bank="SHB")
    told = [told_on_the_way_back(answer) for answer in (left, app, bank)]
    assert [each["vnp_ResponseCode"] for each in told] == ["24", "00", "75"]
    assert told[1]["vnp_CardType"] == "QRCODE"


async def test_a_bank_that_never_answers_leaves_the_payment_unfinished_past_its_time(shop: Shop) -> None:
    await shop.arm("pending_forever")
    page = await shop.opens("order1")
    await shop.types(page)
    assert (await shop.confirms(page)).status_code == 200
    shop.passes(7 * 24 * 3600)
    assert (await shop.queries("order1"))["vnp_TransactionStatus"] == "01"
    assert shop.notices() == []


async def test_a_failure_may_turn_into_a_capture(shop: Shop) -> None:
    await shop.arm("failed_then_captured", delay_seconds=60)
    assert told_on_the_way_back(await shop.pays("order1"))["vnp_ResponseCode"] == "99"
    shop.passes(60)
    assert (await shop.queries("order1"))["vnp_TransactionStatus"] == "00"
    assert [notice["vnp_ResponseCode"] for notice in shop.notices()] == ["99", "00"]


async def test_another_amount_is_told_alike_everywhere(shop: Shop) -> None:
    await shop.arm("wrong_amount")
    told = told_on_the_way_back(await shop.pays("order1"))
    assert told["vnp_Amount"] == (await shop.queries("order1"))["vnp_Amount"] == "1350000"
    assert await shop.lines(vnp_TxnRef="order1") == [("payment", 13_500)]


async def test_notices_can_be_lost_doubled_forged_unsigned_and_told_of_strangers(shop: Shop) -> None:
    for fault in ("notice_lost", "notice_duplicated", "notice_forged", "notice_unsigned"):
        await shop.arm(fault)
    await shop.pays("order1")
    found = [(notice["oddity"], notice["state"], notice["vnp_Amount"]) for notice in shop.notices()]
    assert found == [
        ("", "lost", "13500000"),
        ("duplicate", "pending", "13500000"),
        ("forged", "pending", "135000000"),
        ("unsigned", "pending", "13500000"),
    ]
    await shop.arm("unknown_payment")
    await shop.pays("order2")
    stranger, mine = shop.notices()[-2:]
    assert (stranger["vnp_Amount"], mine["vnp_TxnRef"]) == ("5000000", "order2")


async def test_faults_hit_the_pay_page_only_where_they_are_told_to(shop: Shop) -> None:
    await shop.arm("storm_500")
    assert (await shop.opens("order1")).status_code == 200
    await shop.arm("storm_500", match="/paymentv2/vpcpay")
    assert (await shop.opens("order1")).status_code == 500
    assert (await shop.opens("order1")).status_code == 200
    await shop.arm("timeout_after_charge", delay_seconds=0.01, match="/otp")
    await shop.pays("order1")
    assert (await shop.queries("order1"))["vnp_TransactionStatus"] == "00"


async def test_people_see_cards_orders_and_notices(shop: Shop) -> None:
    await shop.pays("order1")
    page = (await shop.http.get("/")).text
    for words in (GOOD, "order1", "135.000 ₫", "pending_forever"):
        assert words in page
