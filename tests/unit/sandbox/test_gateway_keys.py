"""Idempotency keys: one key, one effect, one answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.sandbox.gateway_client import Gateway, gateway_in

PAYMENT = {"amount": 135_000, "currency": "vnd", "payment_method": "pm_card_visa", "confirm": True}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_in(tmp_path) as opened:
        yield opened


async def test_the_same_request_again_is_answered_the_same_and_charged_once(gateway: Gateway) -> None:
    first = await gateway.post("/v1/payment_intents", PAYMENT, Idempotency_Key="k")
    again = await gateway.post("/v1/payment_intents", PAYMENT, Idempotency_Key="k")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert "idempotent-replayed" not in first.headers
    assert await gateway.totals() == {"vnd": 135_000}


async def test_the_order_of_parameters_does_not_make_another_request(gateway: Gateway) -> None:
    await gateway.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k")
    turned = dict(reversed(PAYMENT.items()))
    assert (await gateway.post("/v1/payment_intents", turned, Idempotency_Key="k")).status_code == 200
    assert await gateway.totals() == {"vnd": 135_000}


async def test_another_body_or_operation_under_a_used_key_is_400(gateway: Gateway) -> None:
    intent = await gateway.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k")
    for path, form in (
        ("/v1/payment_intents", PAYMENT | {"amount": 1}),
        ("/v1/refunds", {"payment_intent": intent["id"]}),
    ):
        answer = await gateway.post(path, form, Idempotency_Key="k")
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "idempotency_error"
    assert await gateway.totals() == {"vnd": 135_000}


async def test_a_request_that_fails_validation_leaves_the_key_unused(gateway: Gateway) -> None:
    for wrong in ({"amount": 0}, {"colour": "red"}, {"customer": "cus_none"}):
        refused = await gateway.post("/v1/payment_intents", PAYMENT | wrong, Idempotency_Key="k")
        assert refused.status_code in (400, 404)
    assert (await gateway.post("/v1/payment_intents", PAYMENT, Idempotency_Key="k")).status_code == 200


async def test_a_decline_uses_the_key_and_is_replayed(gateway: Gateway) -> None:
    form = PAYMENT | {"payment_method": "pm_card_chargeDeclined"}
    first = await gateway.post("/v1/payment_intents", form, Idempotency_Key="k")
    again = await gateway.post("/v1/payment_intents", form, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (402, 402)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await gateway.found("/v1/payment_intents"))["data"]) == 1


async def test_two_requests_at_once_under_one_key_are_one_success_and_one_409(gateway: Gateway) -> None:
    await gateway.arm("slow", delay_seconds=0.05)
    answers = await asyncio.gather(
        *(gateway.post("/v1/payment_intents", PAYMENT, Idempotency_Key="k") for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    conflict = next(answer for answer in answers if answer.status_code == 409)
    assert conflict.json()["error"]["code"] == "idempotency_key_in_use"
    assert await gateway.totals() == {"vnd": 135_000}


async def test_a_key_is_forgotten_after_24_hours(gateway: Gateway) -> None:
    first = await gateway.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k")
    gateway.clock.now += 24 * 3600 - 1
    assert (await gateway.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k"))["id"] == first["id"]
    gateway.clock.now += 1
    assert (await gateway.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k"))["id"] != first["id"]


async def test_keys_are_kept_over_a_restart(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as before:
        first = await before.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k")
    async with gateway_in(tmp_path) as after:
        assert (await after.made("/v1/payment_intents", PAYMENT, Idempotency_Key="k"))["id"] == first["id"]
        assert await after.totals() == {"vnd": 135_000}


async def test_a_key_longer_than_255_characters_is_refused(gateway: Gateway) -> None:
    assert (await gateway.post("/v1/customers", {}, Idempotency_Key="k" * 256)).status_code == 400
    assert (await gateway.post("/v1/customers", {}, Idempotency_Key="k" * 255)).status_code == 200


async def test_reading_needs_no_key_and_ignores_one(gateway: Gateway) -> None:
    for _ in range(2):
        answer = await gateway.get("/v1/balance", Idempotency_Key="k")
        assert "idempotent-replayed" not in answer.headers
