"""The API as Stripe documents it: who may ask, in which version, for what, and how lists and errors look."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.gateway_client import KEY, NOON, Gateway, gateway_in


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_in(tmp_path) as opened:
        yield opened


def error_of(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


def ids_of(listed: dict[str, Any]) -> list[str]:
    return [item["id"] for item in listed["data"]]


async def test_without_a_key_or_with_another_nothing_is_shown(gateway: Gateway) -> None:
    for headers in ({}, {"Authorization": "Bearer sk_test_other"}, {"Authorization": "Basic !"}):
        answer = await gateway.http.get("/v1/balance", headers=headers)
        assert error_of(answer, 401)["type"] == "invalid_request_error"
        assert answer.headers["www-authenticate"].startswith("Basic")


async def test_the_key_may_come_as_the_user_of_basic_authentication(gateway: Gateway) -> None:
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    assert (await gateway.http.get("/v1/balance", headers={"Authorization": f"Basic {basic}"})).status_code == 200


async def test_the_message_about_a_wrong_key_does_not_repeat_it(gateway: Gateway) -> None:
    answer = await gateway.http.get("/v1/balance", headers={"Authorization": "Bearer sk_live_verysecret"})
    assert "verysecret" not in answer.text


async def test_every_answer_has_a_request_id_under_which_the_request_is_found(gateway: Gateway) -> None:
    good, bad = await gateway.get("/v1/balance"), await gateway.get("/v1/charges/ch_none")
    assert good.headers["request-id"] != bad.headers["request-id"]
    log = await gateway.http.get(error_of(bad, 404)["request_log_url"])
    assert log.json()["id"] == bad.headers["request-id"]
    assert (await gateway.http.get("/_control/requests/req_none")).status_code == 404


@pytest.mark.parametrize("version", ["2014-01-31", "2020-08-27", "2024-06-20", "2025-03-31.basil", "2026-10-28.endive"])
async def test_any_dated_version_is_taken_and_said_again(gateway: Gateway, version: str) -> None:
    answer = await gateway.get("/v1/balance", Stripe_Version=version)
    assert answer.status_code == 200
    assert answer.headers["stripe-version"] == version


@pytest.mark.parametrize("version", ["latest", "2024-13-01", "20240620"])
async def test_a_version_without_a_date_is_refused(gateway: Gateway, version: str) -> None:
    assert "version" in error_of(await gateway.get("/v1/balance", Stripe_Version=version), 400)["message"]


async def test_payment_method_types_is_unknown_from_the_version_that_dropped_it(gateway: Gateway) -> None:
    form = {"amount": 1000, "currency": "vnd", "payment_method_types": ["card"]}
    new = await gateway.post("/v1/payment_intents", form, Stripe_Version="2026-09-30.endive")
    assert error_of(new, 400)["code"] == "parameter_unknown"
    old = await gateway.post("/v1/payment_intents", form, Stripe_Version="2026-08-26.dahlia")
    assert old.json()["payment_method_types"] == ["card"]


async def test_older_versions_see_the_shapes_of_their_time(gateway: Gateway) -> None:
    intent = await gateway.paid()
    old = (await gateway.get(f"/v1/payment_intents/{intent['id']}", Stripe_Version="2020-08-27")).json()
    assert [charge["id"] for charge in old["charges"]["data"]] == [intent["latest_charge"]]
    assert "latest_charge" not in old
    assert "charges" not in intent
    charge = (await gateway.get(f"/v1/charges/{intent['latest_charge']}", Stripe_Version="2020-08-27")).json()
    assert charge["refunds"]["data"] == []
    assert intent["capture_method"] == "automatic_async"
    form = {"amount": 1000, "currency": "vnd"}
    before = (await gateway.post("/v1/payment_intents", form, Stripe_Version="2023-10-16")).json()
    assert before["capture_method"] == "automatic"


async def test_an_unknown_parameter_is_named_wherever_it_stands(gateway: Gateway) -> None:
    error = error_of(await gateway.post("/v1/payment_intents", {"amount": 1, "currency": "vnd", "colour": "red"}), 400)
    assert (error["code"], error["param"]) == ("parameter_unknown", "colour")
    item = {"quantity": 1, "price_data": {"currency": "vnd", "unit_amount": 1, "product_data": {"name": "a", "b": "c"}}}
    form = {"mode": "payment", "success_url": "http://a.vn", "line_items": [item]}
    error = error_of(await gateway.post("/v1/checkout/sessions", form), 400)
    assert error["param"] == "line_items[0][price_data][product_data][b]"


async def test_a_parameter_that_is_known_but_not_acted_on_is_refused_not_dropped(gateway: Gateway) -> None:
    form = {"amount": 1000, "currency": "vnd", "application_fee_amount": 10}
    error = error_of(await gateway.post("/v1/payment_intents", form), 400)
    assert error["param"] == "application_fee_amount"
    assert "does not act on it" in error["message"]


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ({"currency": "vnd"}, "amount", "parameter_missing"),
        ({"amount": "12.5", "currency": "vnd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 0, "currency": "vnd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 10**13, "currency": "vnd"}, "amount", "amount_too_large"),
        ({"amount": 10**8, "currency": "usd"}, "amount", "amount_too_large"),
        ({"amount": 1, "currency": "xyz"}, "currency", None),
        ({"amount": 1, "currency": "vnd", "capture_method": "later"}, "capture_method", None),
        ({"amount": 1, "currency": "vnd", "confirm": "yes"}, "confirm", None),
        ({"amount": 1, "currency": "vnd", "metadata": {"k" * 41: "v"}}, "metadata[" + "k" * 41 + "]", None),
        ({"amount": 1, "currency": "vnd", "metadata": {"k": "v" * 501}}, "metadata[k]", None),
        ({"amount": 1, "currency": "vnd", "metadata": {f"k{n}": "v" for n in range(51)}}, "metadata", None),
        ({"amount": 1, "currency": "vnd", "customer": "cus_none"}, "customer", "resource_missing"),
        ({"amount": 1, "currency": "vnd", "payment_method": "pm_none"}, "payment_method", "resource_missing"),
        ({"amount": 1, "currency": "vnd", "return_url": "http://a.vn"}, "return_url", None),
        ({"amount": 1, "currency": "vnd", "receipt_email": "nobody"}, "receipt_email", "email_invalid"),
    ],
)
async def test_each_bad_parameter_is_refused_by_name(
    gateway: Gateway, form: dict[str, Any], param: str, code: str | None
) -> None:
    error = error_of(await gateway.post("/v1/payment_intents", form), 404 if code == "resource_missing" else 400)
    assert (error["type"], error["param"], error.get("code")) == ("invalid_request_error", param, code)


@pytest.mark.parametrize(
    "path",
    [
        "payment_intents/pi_1", "charges/ch_1", "refunds/re_1", "customers/cus_1", "events/evt_1",
        "checkout/sessions/cs_test_1", "balance_transactions/txn_1", "payment_methods/pm_1", "webhook_endpoints/we_1",
    ],
)  # fmt: skip
async def test_an_unknown_id_is_404_resource_missing(gateway: Gateway, path: str) -> None:
    assert error_of(await gateway.get(f"/v1/{path}"), 404)["code"] == "resource_missing"


async def test_an_id_of_another_kind_is_unknown(gateway: Gateway) -> None:
    intent = await gateway.paid()
    assert (await gateway.get(f"/v1/charges/{intent['id']}")).status_code == 404


async def test_what_is_no_operation_is_404_and_what_is_no_form_is_400(gateway: Gateway) -> None:
    assert "Unrecognized request URL" in error_of(await gateway.get("/v1/unicorns"), 404)["message"]
    assert "Unrecognized request URL" in error_of(await gateway.delete("/v1/balance"), 404)["message"]
    json = await gateway.post("/v1/customers", {"name": "A"}, Content_Type="application/json")
    assert "application/x-www-form-urlencoded" in error_of(json, 400)["message"]
    assert error_of(await gateway.get("/v1/balance?a[b=1"), 400)["type"] == "invalid_request_error"
    large = await gateway.post("/v1/customers", {"name": "A" * 1_100_000})
    assert error_of(large, 413)["type"] == "invalid_request_error"


async def test_lists_are_walked_forward_and_back_without_gap_or_repeat(gateway: Gateway) -> None:
    made = [(await gateway.made("/v1/customers", {"name": f"K{n}"}))["id"] for n in range(7)]
    forward: list[str] = []
    page = await gateway.found("/v1/customers", {"limit": 3})
    while True:
        forward += [item["id"] for item in page["data"]]
        if not page["has_more"]:
            break
        page = await gateway.found("/v1/customers", {"limit": 3, "starting_after": forward[-1]})
    assert forward == made[::-1]
    back = await gateway.found("/v1/customers", {"limit": 3, "ending_before": made[1]})
    assert [item["id"] for item in back["data"]] == [made[4], made[3], made[2]]
    assert back["has_more"] is True
    last = await gateway.found("/v1/customers", {"limit": 3, "ending_before": made[4]})
    assert ([item["id"] for item in last["data"]], last["has_more"]) == ([made[6], made[5]], False)
    assert last["url"] == "/v1/customers"


async def test_lists_refuse_what_they_cannot_mean(gateway: Gateway) -> None:
    assert error_of(await gateway.get("/v1/customers", {"limit": 101}), 400)["param"] == "limit"
    assert (
        error_of(await gateway.get("/v1/customers", {"starting_after": "cus_none"}), 404)["param"] == "starting_after"
    )
    one = (await gateway.made("/v1/customers"))["id"]
    both = await gateway.get("/v1/customers", {"starting_after": one, "ending_before": one})
    assert "only specify one" in error_of(both, 400)["message"]


async def test_lists_are_narrowed_by_what_belongs_and_by_time(gateway: Gateway) -> None:
    customer = (await gateway.made("/v1/customers", {"email": "a@example.vn"}))["id"]
    first = await gateway.paid(customer=customer)
    gateway.pass_time(100)
    second = await gateway.paid()
    assert ids_of(await gateway.found("/v1/payment_intents", {"customer": customer})) == [first["id"]]
    assert ids_of(await gateway.found("/v1/charges", {"payment_intent": second["id"]})) == [second["latest_charge"]]
    assert ids_of(await gateway.found("/v1/payment_intents", {"created": {"gte": int(NOON) + 100}})) == [second["id"]]
    assert ids_of(await gateway.found("/v1/payment_intents", {"created": int(NOON)})) == [first["id"]]
    assert ids_of(await gateway.found("/v1/customers", {"email": "a@example.vn"})) == [customer]
    kinds = await gateway.found("/v1/events", {"type": "charge.*", "limit": 100})
    assert {event["type"] for event in kinds["data"]} == {"charge.succeeded", "charge.updated"}
    several = await gateway.found("/v1/events", {"types": ["customer.created", "charge.updated"]})
    assert {event["type"] for event in several["data"]} == {"customer.created", "charge.updated"}


async def test_expand_fills_in_what_an_id_stands_for_also_in_lists(gateway: Gateway) -> None:
    intent = await gateway.paid()
    gateway.pass_time(1)
    path = f"/v1/payment_intents/{intent['id']}"
    deep = await gateway.found(path, {"expand": ["latest_charge.balance_transaction", "payment_method"]})
    assert deep["latest_charge"]["balance_transaction"]["net"] == 135_000
    assert deep["payment_method"]["card"]["last4"] == "4242"
    listed = await gateway.found("/v1/payment_intents", {"expand": ["data.latest_charge"]})
    assert listed["data"][0]["latest_charge"]["amount"] == 135_000
    refund = await gateway.made("/v1/refunds", {"payment_intent": intent["id"], "expand": ["charge.refunds"]})
    assert refund["charge"]["refunds"]["data"][0]["id"] == refund["id"]
    for wrong in ("amount", "nonsense", "latest_charge.nonsense"):
        assert "cannot be expanded" in error_of(await gateway.get(path, {"expand": [wrong]}), 400)["message"]
    assert (
        "data.customer" in error_of(await gateway.get("/v1/payment_intents", {"expand": ["customer"]}), 400)["message"]
    )


async def test_an_expansion_that_is_refused_leaves_nothing_done(gateway: Gateway) -> None:
    form = {
        "amount": 1000,
        "currency": "vnd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "expand": ["nonsense"],
    }
    error_of(await gateway.post("/v1/payment_intents", form), 400)
    assert await gateway.totals() == {}
    assert (await gateway.found("/v1/payment_intents"))["data"] == []


async def test_metadata_is_merged_and_an_empty_text_unsets(gateway: Gateway) -> None:
    customer = await gateway.made(
        "/v1/customers", {"name": "A", "phone": "0912345678", "metadata": {"a": "1", "b": "2"}}
    )
    path = f"/v1/customers/{customer['id']}"
    changed = await gateway.made(path, {"phone": "", "metadata": {"a": "", "c": "3"}})
    assert (changed["phone"], changed["metadata"]) == (None, {"b": "2", "c": "3"})
    assert (await gateway.made(path, {"metadata": ""}))["metadata"] == {}
    events = await gateway.found("/v1/events", {"type": "customer.updated"})
    assert events["data"][1]["data"]["previous_attributes"] == {"phone": "0912345678", "metadata": {"a": "1", "b": "2"}}
    answer = await gateway.post("/v1/payment_intents", {"amount": 1, "currency": "vnd", "capture_method": ""})
    assert error_of(answer, 400)["code"] == "parameter_invalid_empty"


async def test_a_deleted_customer_is_remembered_as_deleted_and_takes_no_more_payments(gateway: Gateway) -> None:
    customer = (await gateway.made("/v1/customers", {"name": "A"}))["id"]
    assert (await gateway.delete(f"/v1/customers/{customer}")).json()["deleted"] is True
    assert (await gateway.found(f"/v1/customers/{customer}"))["deleted"] is True
    assert (await gateway.found("/v1/customers"))["data"] == []
    form = {"amount": 1000, "currency": "vnd", "customer": customer}
    assert error_of(await gateway.post("/v1/payment_intents", form), 404)["param"] == "customer"


async def test_an_event_is_a_snapshot_and_names_the_request_that_caused_it(gateway: Gateway) -> None:
    answer = await gateway.post("/v1/customers", {"name": "Trước"}, Idempotency_Key="k-1")
    await gateway.made(f"/v1/customers/{answer.json()['id']}", {"name": "Sau"})
    created = (await gateway.found("/v1/events", {"type": "customer.created"}))["data"][0]
    assert created["data"]["object"]["name"] == "Trước"
    assert created["request"] == {"id": answer.headers["request-id"], "idempotency_key": "k-1"}
    assert created["pending_webhooks"] == 1
    assert (await gateway.found(f"/v1/events/{created['id']}")) == created


async def test_nothing_of_the_gateways_own_leaves_it(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.type_card(session, "4242424242424242")
    seen = [await gateway.get(f"/v1/{path}") for path in ("events?limit=100", "charges", "payment_intents")]
    seen.append(
        await gateway.get(f"/v1/checkout/sessions/{session['id']}", {"expand": ["line_items", "payment_intent"]})
    )
    seen.append(await gateway.get("/v1/webhook_endpoints"))
    assert all(answer.status_code == 200 for answer in seen)
    assert not any('"_' in answer.text or "4242424242424242" in answer.text for answer in seen)
    assert "whsec" not in seen[-1].text


async def test_webhook_endpoints_are_made_changed_and_removed(gateway: Gateway) -> None:
    form = {"url": "http://127.0.0.1:9/mine", "enabled_events": ["charge.succeeded", "charge.failed"]}
    made = await gateway.made("/v1/webhook_endpoints", form)
    assert made["secret"].startswith("whsec_")
    path = f"/v1/webhook_endpoints/{made['id']}"
    assert "secret" not in await gateway.found(path)
    await gateway.paid()
    told = (await gateway.http.get("/_control/webhooks")).json()["deliveries"]
    assert [row["type"] for row in told if row["endpoint"] == made["id"]] == ["charge.succeeded"]
    await gateway.made(path, {"disabled": True})
    await gateway.paid()
    assert (await gateway.delete(path)).json()["deleted"] is True
    told = (await gateway.http.get("/_control/webhooks")).json()["deliveries"]
    assert [row["state"] for row in told if row["endpoint"] == made["id"]] == ["cancelled"]
    for wrong in ({"url": "ftp://a"}, {"url": "http://ví-dụ.vn/"}, {"enabled_events": ["*"]}):
        assert (await gateway.post("/v1/webhook_endpoints", wrong)).status_code == 400
