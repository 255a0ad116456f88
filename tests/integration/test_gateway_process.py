"""The payment gateway as a process: what it keeps over kill -9, and webhooks that arrive in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.gateway_merchant import KEY, PAYMENT, Merchant, merchant_in
from tests.integration.sandbox_process import eventually


@pytest.fixture
def merchant(tmp_path: Path) -> Iterator[Merchant]:
    with merchant_in(tmp_path) as opened:
        yield opened


def restarted(merchant: Merchant) -> None:
    merchant.server.kill()
    merchant.server.start()


def test_what_was_charged_is_known_after_kill_9_and_is_not_charged_again(merchant: Merchant) -> None:
    first = merchant.post("/v1/payment_intents", PAYMENT, key="k-1").json()
    session = merchant.session()
    merchant.type_card(session)
    merchant.post("/v1/refunds", {"payment_intent": first["id"], "amount": "35000"})
    restarted(merchant)
    assert merchant.totals() == {"vnd": 235_000}
    again = merchant.post("/v1/payment_intents", PAYMENT, key="k-1")
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first["id"], "true")
    assert merchant.type_card(session).status_code == 303
    assert merchant.totals() == {"vnd": 235_000}


def test_a_kill_in_the_middle_of_many_payments_loses_none_that_was_answered(merchant: Merchant) -> None:
    answered: list[str] = []

    def pay() -> None:
        with httpx.Client(verify=False, timeout=30, headers={"Authorization": f"Bearer {KEY}"}) as client:
            try:
                while True:
                    answered.append(client.post(f"{merchant.server.url}/v1/payment_intents", data=PAYMENT).json()["id"])
            except httpx.TransportError:
                return

    people = [threading.Thread(target=pay) for _ in range(4)]
    for person in people:
        person.start()
    eventually(lambda: len(answered) > 100)
    merchant.server.kill()
    for person in people:
        person.join()
    merchant.server.start()
    moved = merchant.get("/_control/charges")["movements"]
    charged = [row["payment_intent"] for row in moved]
    assert set(answered) <= set(charged)
    assert len(charged) == len(set(charged)) <= len(answered) + len(people)
    merchant.settled()
    assert {event["data"]["object"]["id"] for event in merchant.told("payment_intent.succeeded")} == set(charged)


def test_webhooks_are_signed_anew_and_tried_until_accepted_over_a_kill(merchant: Merchant) -> None:
    merchant.sink.status = 500
    merchant.post("/v1/customers", {"name": "A"})
    eventually(lambda: len(merchant.sink.received) >= 3)
    restarted(merchant)
    seen = len(merchant.sink.received)
    eventually(lambda: len(merchant.sink.received) > seen)
    assert merchant.get("/v1/events")["data"][0]["pending_webhooks"] == 1
    merchant.sink.status = 204
    assert merchant.settled() == {"delivered": 1}
    assert merchant.get("/v1/events")["data"][0]["pending_webhooks"] == 0
    assert all(merchant.genuine(*delivery) for delivery in merchant.sink.received)
    assert len({event["id"] for event in merchant.told()}) == 1
    row = merchant.get("/_control/webhooks")["deliveries"][0]
    assert (row["last_status"], row["attempts"] >= 4) == (204, True)


def test_a_redirect_is_not_an_acceptance(merchant: Merchant) -> None:
    merchant.sink.status = 302
    merchant.post("/v1/customers", {"name": "A"})
    eventually(lambda: len(merchant.sink.received) >= 2)
    merchant.sink.status = 200
    merchant.settled()


def test_an_endpoint_that_is_away_is_found_again(merchant: Merchant) -> None:
    form = {"url": "http://127.0.0.1:9/nobody", "enabled_events[]": "charge.succeeded"}
    made = merchant.post("/v1/webhook_endpoints", form).json()
    merchant.paid()

    def mine() -> list[dict[str, Any]]:
        return [row for row in merchant.get("/_control/webhooks")["deliveries"] if row["endpoint"] == made["id"]]

    eventually(lambda: mine()[0]["attempts"] >= 2)
    assert mine()[0]["last_error"]
    here = merchant.get("/v1/webhook_endpoints/we_environment")["url"]
    merchant.post(f"/v1/webhook_endpoints/{made['id']}", {"url": here})
    merchant.settled()
    assert mine()[0]["state"] == "delivered"


def test_what_is_due_later_happens_after_a_kill(merchant: Merchant) -> None:
    intent = merchant.paid(payment_method="pm_card_processing")
    assert intent["status"] == "processing"
    restarted(merchant)
    eventually(lambda: merchant.get(f"/v1/payment_intents/{intent['id']}")["status"] == "succeeded")
    assert merchant.totals() == {"vnd": 135_000}
