"""Checkout Sessions and the page on which a person types a card."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.sandbox.gateway_client import NOON, Gateway, gateway_in

GOOD, DECLINED, ASKS, ASKS_THEN_POOR = "4242424242424242", "4000000000000002", "4000000000003220", "4000008260003178"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_in(tmp_path) as opened:
        yield opened


async def shown(gateway: Gateway, session: dict[str, Any]) -> dict[str, Any]:
    return await gateway.found(f"/v1/checkout/sessions/{session['id']}", {"expand": ["payment_intent"]})


def said_beside(page: httpx.Response, field: str) -> str:
    """The error that belongs to the field, found as a screen reader finds it."""
    named = re.search(rf'<input id="{field}"[^>]*aria-invalid="true" aria-describedby="(\w+)"', page.text)
    assert named is not None, f"{field} is not marked as wrong"
    told = re.search(rf'id="{named[1]}">(.*?)</p>', page.text, re.DOTALL)
    assert told is not None
    return told[1]


async def test_a_session_is_paid_on_its_page_and_the_person_sent_on(gateway: Gateway) -> None:
    session = await gateway.session(client_reference_id="G01-1", payment_intent_data={"metadata": {"bill": "b-1"}})
    assert (session["status"], session["payment_status"], session["payment_intent"]) == ("open", "unpaid", None)
    assert session["url"] == f"http://127.0.0.1:8000/c/pay/{session['id']}"
    assert session["expires_at"] == int(NOON) + 86_400
    page = await gateway.http.get(session["url"])
    for text in (
        "135.000 ₫",
        "Lệ phí cấp đổi giấy phép lái xe",
        "G01-1",
        "http://127.0.0.1:8080/back",
        "Số thẻ",
        "Card number",
    ):
        assert text in page.text
    paid = await gateway.type_card(session, "4242 4242 4242 4242", card_name="NGUYỄN VĂN A", email="a@example.vn")
    assert paid.status_code == 303
    assert paid.headers["location"] == f"http://127.0.0.1:8080/paid?session={session['id']}"
    after = await shown(gateway, session)
    assert (after["status"], after["payment_status"], after["url"]) == ("complete", "paid", None)
    assert after["customer_details"]["email"] == "a@example.vn"
    assert after["payment_intent"]["metadata"] == {"bill": "b-1"}
    assert await gateway.events() == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"
    ]  # fmt: skip
    moved = (await gateway.http.get("/_control/charges")).json()["movements"]
    told = (moved[0]["checkout_session"], moved[0]["client_reference_id"], moved[0]["metadata"])
    assert told == (session["id"], "G01-1", {"bill": "b-1"})


async def test_the_page_needs_no_script_and_loads_nothing_from_elsewhere(gateway: Gateway) -> None:
    page = await gateway.http.get((await gateway.session())["url"])
    assert "<script" not in page.text
    assert not re.search(r'(src|href)="(?!#|http://127\.0\.0\.1:8080/)', page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].endswith("http://127.0.0.1:8080")
    assert page.headers["cache-control"] == "no-store"


async def test_what_the_merchant_writes_is_shown_as_text(gateway: Gateway) -> None:
    price = {"currency": "vnd", "unit_amount": 1000, "product_data": {"name": "<script>alert(1)</script>"}}
    session = await gateway.session(line_items=[{"quantity": 2, "price_data": price}])
    page = await gateway.http.get(session["url"])
    assert "<script" not in page.text
    assert "2 × 1.000 ₫" in page.text


async def test_paying_twice_in_two_tabs_takes_the_money_once(gateway: Gateway) -> None:
    session = await gateway.session()
    for _ in range(2):
        assert (await gateway.type_card(session, GOOD)).status_code == 303
    assert "Đã nhận thanh toán" in (await gateway.http.get(f"/c/pay/{session['id']}")).text
    assert await gateway.totals() == {"vnd": 135_000}


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"card_number": "4242424242424241"}, "card_number", "Số thẻ không đúng"),
        ({"card_number": ""}, "card_number", "Hãy nhập số thẻ"),
        ({"card_expiry": "13/40"}, "card_expiry", "hết hạn"),
        ({"card_expiry": "01/20"}, "card_expiry", "hết hạn"),
        ({"card_expiry": "soon"}, "card_expiry", "09/29"),
        ({"card_cvc": "12"}, "card_cvc", "3 chữ số"),
        ({"card_number": "378282246310005"}, "card_cvc", "4 chữ số"),
        ({"email": "a@"}, "email", "không đúng"),
    ],
)
async def test_a_mistyped_field_is_said_beside_it_and_nothing_is_tried(
    gateway: Gateway, typed: dict[str, str], field: str, words: str
) -> None:
    session = await gateway.session()
    page = await gateway.type_card(session, typed.pop("card_number", GOOD), **typed)
    assert page.status_code == 400
    assert words in said_beside(page, field)
    assert page.text.count('aria-invalid="true"') == 1
    assert (await shown(gateway, session))["payment_intent"] is None


async def test_every_mistake_is_said_at_once_and_the_security_code_never_comes_back(gateway: Gateway) -> None:
    page = await gateway.type_card(await gateway.session(), "1", card_expiry="", card_cvc="9876", email="x")
    assert page.text.count('aria-invalid="true"') == 4
    assert 'role="alert"' in page.text
    assert "9876" not in page.text


async def test_a_declined_card_leaves_the_session_open_for_another(gateway: Gateway) -> None:
    session = await gateway.session()
    for number, words in ((DECLINED, "từ chối"), ("4000000000009995", "không đủ số dư")):
        page = await gateway.type_card(session, number)
        assert page.status_code == 402
        assert words in said_beside(page, "card_number")
        assert number not in page.text
    assert "CVC" in said_beside(await gateway.type_card(session, "4000000000000127"), "card_cvc")
    assert "hết hạn" in said_beside(await gateway.type_card(session, "4000000000000069"), "card_expiry")
    assert "thử nghiệm" in said_beside(await gateway.type_card(session, "4539578763621486"), "card_number")
    between = await shown(gateway, session)
    assert (between["status"], between["payment_intent"]["status"]) == ("open", "requires_payment_method")
    assert (await gateway.type_card(session, GOOD)).status_code == 303
    after = await shown(gateway, session)
    assert (after["payment_status"], after["payment_intent"]["id"]) == ("paid", between["payment_intent"]["id"])
    assert (await gateway.events()).count("payment_intent.payment_failed") == 5
    assert await gateway.totals() == {"vnd": 135_000}


async def test_three_d_secure_is_asked_refused_asked_again_and_authorised(gateway: Gateway) -> None:
    session = await gateway.session()
    asked = await gateway.type_card(session, ASKS)
    assert asked.headers["location"].startswith("/3ds/")
    assert "Bạn có đồng ý thanh toán?" in (await gateway.http.get(asked.headers["location"])).text
    refused = await gateway.decide(asked, "refuse")
    assert refused.status_code == 402
    assert "3-D Secure" in said_beside(refused, "card_number")
    authorised = await gateway.decide(await gateway.type_card(session, ASKS), "authorise")
    assert authorised.headers["location"].startswith("http://127.0.0.1:8080/paid")
    assert (await shown(gateway, session))["payment_status"] == "paid"


async def test_a_card_may_be_declined_after_three_d_secure(gateway: Gateway) -> None:
    session = await gateway.session()
    page = await gateway.decide(await gateway.type_card(session, ASKS_THEN_POOR), "authorise")
    assert page.status_code == 402
    assert "không đủ số dư" in said_beside(page, "card_number")
    assert (await shown(gateway, session))["status"] == "open"


@pytest.mark.parametrize(
    ("number", "event", "payment_status"),
    [
        ("4000007040000009", "checkout.session.async_payment_succeeded", "paid"),
        ("4000007040000017", "checkout.session.async_payment_failed", "unpaid"),
    ],
)
async def test_a_processing_card_completes_the_session_and_is_decided_later(
    gateway: Gateway, number: str, event: str, payment_status: str
) -> None:
    session = await gateway.session()
    assert (await gateway.type_card(session, number)).status_code == 303
    between = await shown(gateway, session)
    assert (between["status"], between["payment_status"]) == ("complete", "unpaid")
    gateway.pass_time(10)
    assert (await shown(gateway, session))["payment_status"] == payment_status
    assert event in await gateway.events()


async def test_an_expired_session_takes_no_card_and_its_intent_is_cancelled(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.type_card(session, DECLINED)
    asked = await gateway.type_card(session, ASKS)
    path = f"/v1/checkout/sessions/{session['id']}"
    assert (await gateway.made(f"{path}/expire"))["status"] == "expired"
    assert (await gateway.decide(asked, "authorise")).status_code == 410
    page = await gateway.type_card(session, GOOD)
    assert page.status_code == 410
    assert "đã hết hạn" in page.text
    assert "http://127.0.0.1:8080/back" in page.text
    assert (await shown(gateway, session))["payment_intent"]["status"] == "canceled"
    assert (await gateway.events())[-2:] == ["payment_intent.canceled", "checkout.session.expired"]
    again = await gateway.post(f"{path}/expire")
    assert again.status_code == 400
    assert await gateway.totals() == {}


async def test_a_paid_session_cannot_be_expired(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.type_card(session, GOOD)
    answer = await gateway.post(f"/v1/checkout/sessions/{session['id']}/expire")
    assert "status of complete" in answer.json()["error"]["message"]
    gateway.pass_time(90_000)
    assert (await shown(gateway, session))["status"] == "complete"


async def test_a_session_expires_by_itself_at_its_time(gateway: Gateway) -> None:
    session = await gateway.session(expires_at=int(NOON) + 1800)
    gateway.pass_time(1799)
    assert (await shown(gateway, session))["status"] == "open"
    gateway.pass_time(1)
    assert (await shown(gateway, session))["status"] == "expired"
    assert await gateway.events() == ["checkout.session.expired"]


async def test_a_late_capture_comes_to_an_open_session_and_never_to_a_closed_one(gateway: Gateway) -> None:
    await gateway.arm("failed_then_captured", times=2)
    open_one, closed = await gateway.session(), await gateway.session()
    for session in (open_one, closed):
        assert (await gateway.type_card(session, GOOD)).status_code == 402
    await gateway.made(f"/v1/checkout/sessions/{closed['id']}/expire")
    gateway.pass_time(3)
    assert (await shown(gateway, open_one))["payment_status"] == "paid"
    assert (await shown(gateway, closed))["payment_intent"]["status"] == "canceled"
    assert await gateway.totals() == {"vnd": 135_000}


async def test_a_late_capture_does_not_come_on_top_of_another_card(gateway: Gateway) -> None:
    await gateway.arm("failed_then_captured")
    session = await gateway.session()
    for status in (402, 303):
        assert (await gateway.type_card(session, GOOD)).status_code == status
    gateway.pass_time(3)
    assert await gateway.totals() == {"vnd": 135_000}


async def test_the_intent_of_a_session_is_left_to_the_session(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.type_card(session, DECLINED)
    path = f"/v1/payment_intents/{(await shown(gateway, session))['payment_intent']['id']}"
    for verb, form in (("confirm", {"payment_method": "pm_card_visa"}), ("cancel", {})):
        assert "Checkout Session" in (await gateway.post(f"{path}/{verb}", form)).json()["error"]["message"]


async def test_an_unknown_page_says_so(gateway: Gateway) -> None:
    assert (await gateway.http.get("/c/pay/cs_test_none")).status_code == 404
    assert (await gateway.type_card({"id": "cs_test_none"}, GOOD)).status_code == 404


async def test_the_control_page_shows_money_webhooks_and_faults_and_arms_one(gateway: Gateway) -> None:
    await gateway.paid()
    page = await gateway.http.get("/_control")
    for text in ("135.000 ₫", "payment_intent.succeeded", "timeout_after_charge"):
        assert text in page.text
    armed = await gateway.http.post("/_control/arm", data={"name": "slow", "match": "/v1/refunds"})
    assert armed.status_code == 303
    assert (await gateway.http.get("/_control/faults")).json()["armed"][0]["match"] == "/v1/refunds"
    assert (await gateway.http.post("/_control/arm", data={"name": "nonsense"})).status_code == 404
