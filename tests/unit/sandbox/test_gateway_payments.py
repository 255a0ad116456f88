"""PaymentIntents, charges and refunds: what each test card does, and that money moves once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.gateway_client import Gateway, gateway_in

INTENT = {"amount": 135_000, "currency": "vnd"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_in(tmp_path) as opened:
        yield opened


def error_of(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


async def test_a_payment_walks_from_created_to_succeeded(gateway: Gateway) -> None:
    intent = await gateway.made("/v1/payment_intents", INTENT | {"metadata": {"bill": "b-1"}})
    assert (intent["status"], intent["latest_charge"]) == ("requires_payment_method", None)
    path = f"/v1/payment_intents/{intent['id']}"
    assert (await gateway.made(path, {"payment_method": "pm_card_visa"}))["status"] == "requires_confirmation"
    paid = await gateway.made(f"{path}/confirm")
    assert (paid["status"], paid["amount_received"], paid["metadata"]) == ("succeeded", 135_000, {"bill": "b-1"})
    assert await gateway.events() == [
        "payment_intent.created", "payment_intent.updated", "charge.succeeded", "payment_intent.succeeded"
    ]  # fmt: skip
    assert await gateway.totals() == {"vnd": 135_000}


async def test_an_asynchronous_capture_has_its_balance_transaction_a_little_later(gateway: Gateway) -> None:
    path = f"/v1/charges/{(await gateway.paid())['latest_charge']}"
    assert (await gateway.found(path))["balance_transaction"] is None
    gateway.pass_time(1)
    charge = await gateway.found(path)
    entry = await gateway.found(f"/v1/balance_transactions/{charge['balance_transaction']}")
    assert (entry["amount"], entry["fee"], entry["source"]) == (135_000, 0, charge["id"])
    assert (await gateway.events())[-1] == "charge.updated"
    at_once = await gateway.paid(capture_method="automatic", expand=["latest_charge"])
    assert at_once["latest_charge"]["balance_transaction"] is not None


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
async def test_each_declined_card_says_why_takes_nothing_and_leaves_the_intent_open(
    gateway: Gateway, card: str, code: str, decline_code: str
) -> None:
    answer = await gateway.post("/v1/payment_intents", INTENT | {"payment_method": card, "confirm": True})
    error = error_of(answer, 402)
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, decline_code)
    intent = await gateway.found(f"/v1/payment_intents/{error['payment_intent']['id']}", {"expand": ["latest_charge"]})
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["decline_code"] == decline_code
    assert (intent["latest_charge"]["status"], intent["latest_charge"]["failure_code"]) == ("failed", code)
    assert (await gateway.events())[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert await gateway.totals() == {}
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    assert (await gateway.made(path, {"payment_method": "pm_card_visa"}))["status"] == "succeeded"
    assert await gateway.totals() == {"vnd": 135_000}


@pytest.mark.parametrize(
    ("card", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 2020}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "12"}, "invalid_cvc", "cvc"),
    ],
)
async def test_a_mistyped_card_is_refused_before_anything_happens(
    gateway: Gateway, card: dict[str, Any], code: str, param: str
) -> None:
    data = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040} | card}
    answer = await gateway.post("/v1/payment_intents", INTENT | {"payment_method_data": data, "confirm": True})
    error = error_of(answer, 402)
    assert (error["type"], error["code"], error["param"]) == ("card_error", code, param)
    assert (await gateway.found("/v1/payment_intents"))["data"] == []


async def test_a_card_that_is_no_test_card_is_declined_and_its_number_kept_nowhere(
    gateway: Gateway, tmp_path: Path
) -> None:
    number = "4539578763621486"
    data = {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}}
    method = await gateway.made("/v1/payment_methods", data)
    assert method["card"]["last4"] == "1486"
    answer = await gateway.post("/v1/payment_intents", INTENT | {"payment_method": method["id"], "confirm": True})
    assert error_of(answer, 402)["decline_code"] == "test_mode_live_card"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert number.encode() not in kept


async def test_three_d_secure_takes_the_money_only_when_authorised(gateway: Gateway) -> None:
    form = INTENT | {
        "payment_method": "pm_card_threeDSecure2Required",
        "confirm": True,
        "return_url": "http://a.vn/?x=1",
    }
    intent = await gateway.made("/v1/payment_intents", form)
    assert intent["status"] == "requires_action"
    page = intent["next_action"]["redirect_to_url"]["url"]
    assert "135.000 ₫" in (await gateway.http.get(page)).text
    refused = await gateway.http.post(page, data={"decision": "refuse"})
    assert refused.headers["location"].endswith("&redirect_status=failed")
    path = f"/v1/payment_intents/{intent['id']}"
    assert (await gateway.found(path))["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert await gateway.totals() == {}
    again = {"payment_method": "pm_card_threeDSecure2Required", "return_url": "http://a.vn/"}
    await gateway.made(f"{path}/confirm", again)
    authorised = await gateway.http.post(page, data={"decision": "authorise"})
    assert authorised.headers["location"].startswith(f"http://a.vn/?payment_intent={intent['id']}&")
    assert (await gateway.found(path))["status"] == "succeeded"
    await gateway.http.post(page, data={"decision": "authorise"})
    assert await gateway.totals() == {"vnd": 135_000}
    assert (await gateway.http.get("/3ds/" + intent["id"] + "_secret_guess")).status_code == 404


async def test_a_card_that_needs_authentication_fails_where_nobody_can_give_it(gateway: Gateway) -> None:
    form = INTENT | {"payment_method": "pm_card_threeDSecure2Required", "confirm": True, "off_session": True}
    assert error_of(await gateway.post("/v1/payment_intents", form), 402)["code"] == "authentication_required"


@pytest.mark.parametrize(
    ("card", "status", "total"),
    [("pm_card_processing", "succeeded", {"vnd": 135_000}), ("pm_card_processingFails", "requires_payment_method", {})],
)
async def test_a_processing_card_is_decided_later(
    gateway: Gateway, card: str, status: str, total: dict[str, int]
) -> None:
    intent = await gateway.made("/v1/payment_intents", INTENT | {"payment_method": card, "confirm": True})
    assert intent["status"] == "processing"
    assert await gateway.totals() == {}
    gateway.pass_time(4)
    path = f"/v1/payment_intents/{intent['id']}"
    assert (await gateway.found(path))["status"] == "processing"
    assert (await gateway.post(f"{path}/confirm", {"payment_method": "pm_card_visa"})).status_code == 400
    gateway.pass_time(1)
    assert (await gateway.found(path))["status"] == status
    assert await gateway.totals() == total


async def test_an_authorised_amount_is_captured_in_part_and_the_rest_released(gateway: Gateway) -> None:
    intent = await gateway.paid(capture_method="manual")
    assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", 135_000)
    assert await gateway.totals() == {}
    path = f"/v1/payment_intents/{intent['id']}/capture"
    assert error_of(await gateway.post(path, {"amount_to_capture": 135_001}), 400)["code"] == "amount_too_large"
    assert (await gateway.made(path, {"amount_to_capture": 100_000}))["amount_received"] == 100_000
    assert await gateway.totals() == {"vnd": 100_000}
    assert error_of(await gateway.post(path), 400)["code"] == "payment_intent_unexpected_state"
    refund = await gateway.made("/v1/refunds", {"payment_intent": intent["id"]})
    assert refund["amount"] == 100_000


async def test_a_cancelled_intent_takes_no_money_ever(gateway: Gateway) -> None:
    for intent in (await gateway.made("/v1/payment_intents", INTENT), await gateway.paid(capture_method="manual")):
        path = f"/v1/payment_intents/{intent['id']}"
        assert (await gateway.made(f"{path}/cancel", {"cancellation_reason": "abandoned"}))["status"] == "canceled"
        for verb in ("confirm", "capture", "cancel"):
            form = {"payment_method": "pm_card_visa"} if verb == "confirm" else {}
            assert (
                error_of(await gateway.post(f"{path}/{verb}", form), 400)["code"] == "payment_intent_unexpected_state"
            )
    paid = await gateway.paid()
    assert (await gateway.post(f"/v1/payment_intents/{paid['id']}/cancel")).status_code == 400
    assert await gateway.totals() == {"vnd": 135_000}


async def test_refunds_never_give_back_more_than_is_left(gateway: Gateway) -> None:
    intent = await gateway.paid()
    part = await gateway.made(
        "/v1/refunds", {"payment_intent": intent["id"], "amount": 35_000, "metadata": {"why": "x"}}
    )
    assert (part["status"], part["charge"]) == ("succeeded", intent["latest_charge"])
    over = error_of(await gateway.post("/v1/refunds", {"payment_intent": intent["id"], "amount": 100_001}), 400)
    assert over["param"] == "amount"
    assert "100.000 ₫" in over["message"]
    rest = await gateway.made("/v1/refunds", {"charge": intent["latest_charge"], "reason": "duplicate"})
    assert rest["amount"] == 100_000
    charge = await gateway.found(f"/v1/charges/{intent['latest_charge']}")
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 135_000)
    nothing = error_of(await gateway.post("/v1/refunds", {"payment_intent": intent["id"]}), 400)
    assert nothing["code"] == "charge_already_refunded"
    assert await gateway.totals() == {"vnd": 0}
    listed = await gateway.found("/v1/refunds", {"payment_intent": intent["id"]})
    assert [refund["id"] for refund in listed["data"]] == [rest["id"], part["id"]]
    changed = await gateway.made(f"/v1/refunds/{part['id']}", {"metadata": {"why": ""}})
    assert changed["metadata"] == {}


async def test_what_took_no_money_cannot_be_refunded(gateway: Gateway) -> None:
    open_one = await gateway.made("/v1/payment_intents", INTENT)
    held = await gateway.paid(capture_method="manual")
    for form in (
        {"payment_intent": open_one["id"]},
        {"charge": held["latest_charge"]},
        {},
        {"charge": "a", "payment_intent": "b"},
    ):
        assert (await gateway.post("/v1/refunds", form)).status_code == 400
    assert (await gateway.post("/v1/refunds", {"payment_intent": "pi_none"})).status_code == 404


async def test_a_slow_refund_is_pending_first_and_a_failed_one_gives_the_money_back(gateway: Gateway) -> None:
    slow, failing = (
        await gateway.paid(payment_method="pm_card_pendingRefund"),
        await gateway.paid(payment_method="pm_card_refundFail"),
    )
    pending = await gateway.made("/v1/refunds", {"payment_intent": slow["id"]})
    doomed = await gateway.made("/v1/refunds", {"payment_intent": failing["id"]})
    assert (pending["status"], doomed["status"]) == ("pending", "succeeded")
    assert await gateway.totals() == {"vnd": 0}
    gateway.pass_time(10)
    assert (await gateway.found(f"/v1/refunds/{pending['id']}"))["status"] == "succeeded"
    failed = await gateway.found(f"/v1/refunds/{doomed['id']}", {"expand": ["charge", "failure_balance_transaction"]})
    assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert failed["charge"]["amount_refunded"] == 0
    assert failed["failure_balance_transaction"]["amount"] == 135_000
    assert await gateway.totals() == {"vnd": 135_000}
    assert "refund.failed" in await gateway.events()


async def test_the_balance_and_the_statement_agree_with_what_moved(gateway: Gateway) -> None:
    intent = await gateway.paid()
    await gateway.paid(amount=999, currency="usd")
    await gateway.made("/v1/refunds", {"payment_intent": intent["id"], "amount": 35_000})
    gateway.pass_time(1)
    entries = (await gateway.found("/v1/balance_transactions"))["data"]
    available = {line["currency"]: line["amount"] for line in (await gateway.found("/v1/balance"))["available"]}
    assert available == await gateway.totals() == {"usd": 999, "vnd": 100_000}
    sums = {code: sum(entry["net"] for entry in entries if entry["currency"] == code) for code in available}
    assert sums == available
    moved = (await gateway.http.get("/_control/charges")).json()["movements"]
    assert [(row["kind"], row["amount"]) for row in moved] == [
        ("charge", 135_000),
        ("charge", 999),
        ("refund", -35_000),
    ]
    assert moved[0]["source"] == intent["latest_charge"]
