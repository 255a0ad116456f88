"""Checkout Sessions over the API: what they accept and how they are found again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.gateway_client import NOON, Gateway, gateway_in

GOOD = "4242424242424242"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_in(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"expires_at": int(NOON) + 1799}, "expires_at"),
        ({"expires_at": int(NOON) + 86_401}, "expires_at"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"cancel_url": "/back"}, "cancel_url"),
        ({"mode": "subscription"}, "mode"),
        ({"ui_mode": "embedded_page"}, "ui_mode"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price_data]"),
        ({"line_items": [{"quantity": 0}]}, "line_items[0][quantity]"),
        ({"currency": "usd"}, "line_items"),
        ({"customer_email": "a@b.vn", "customer": "cus_1"}, "customer"),
        ({"discounts": [{"coupon": "x"}]}, "discounts"),
    ],
)
async def test_a_session_that_cannot_be_is_refused_by_parameter(
    gateway: Gateway, change: dict[str, Any], param: str
) -> None:
    price = {"currency": "vnd", "unit_amount": 1000, "product_data": {"name": "a"}}
    form = {"mode": "payment", "success_url": "http://a.vn", "line_items": [{"quantity": 1, "price_data": price}]}
    answer = await gateway.post("/v1/checkout/sessions", form | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_the_ui_mode_is_named_as_its_version_names_it(gateway: Gateway) -> None:
    price = {"currency": "vnd", "unit_amount": 1000, "product_data": {"name": "a"}}
    form = {"mode": "payment", "success_url": "http://a.vn", "line_items": [{"quantity": 1, "price_data": price}]}
    old = await gateway.made("/v1/checkout/sessions", form | {"ui_mode": "hosted"}, Stripe_Version="2025-09-30.clover")
    assert old["ui_mode"] == "hosted"
    assert (await gateway.made("/v1/checkout/sessions", form | {"ui_mode": "hosted_page"}))["ui_mode"] == "hosted_page"
    oldest = await gateway.made("/v1/checkout/sessions", form, Stripe_Version="2020-08-27")
    assert oldest["payment_intent"].startswith("pi_")


async def test_sessions_are_listed_by_state_payment_and_person_and_their_items_shown(gateway: Gateway) -> None:
    paid, open_one = await gateway.session(customer_email="a@example.vn"), await gateway.session()
    await gateway.type_card(paid, GOOD)
    intent = (await gateway.found(f"/v1/checkout/sessions/{paid['id']}"))["payment_intent"]
    for query, expected in (
        ({"status": "open"}, open_one), ({"payment_intent": intent}, paid),
        ({"customer_details": {"email": "a@example.vn"}}, paid),
    ):  # fmt: skip
        listed = await gateway.found("/v1/checkout/sessions", query)
        assert [session["id"] for session in listed["data"]] == [expected["id"]]
    items = await gateway.found(f"/v1/checkout/sessions/{paid['id']}/line_items")
    assert items["data"][0]["amount_total"] == 135_000
    changed = await gateway.made(f"/v1/checkout/sessions/{paid['id']}", {"metadata": {"a": "1"}})
    assert changed["metadata"] == {"a": "1"}
