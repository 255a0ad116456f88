"""Every fault that the payment gateway can show, shown by a process: it does what it says, once, and is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.sandbox.gateway.faults import FAULTS
from tests.integration.gateway_merchant import INTENT, PAYMENT, Merchant, merchant_in
from tests.integration.sandbox_process import eventually


@pytest.fixture
def merchant(tmp_path: Path) -> Iterator[Merchant]:
    with merchant_in(tmp_path) as opened:
        yield opened


def unanswered(ask: Callable[[], httpx.Response]) -> None:
    with pytest.raises(httpx.ReadTimeout):
        ask()


def timeout_before(merchant: Merchant) -> None:
    unanswered(lambda: merchant.post("/v1/payment_intents", PAYMENT, key="k", timeout=0.5))
    assert merchant.totals() == {}
    assert merchant.post("/v1/payment_intents", PAYMENT, key="k").status_code == 200
    assert merchant.totals() == {"vnd": 135_000}


def timeout_after_charge(merchant: Merchant) -> None:
    unanswered(lambda: merchant.post("/v1/payment_intents", PAYMENT, key="k", timeout=0.5))
    assert merchant.totals() == {"vnd": 135_000}
    again = merchant.post("/v1/payment_intents", PAYMENT, key="k")
    assert (again.json()["status"], again.headers["idempotent-replayed"]) == ("succeeded", "true")
    assert merchant.totals() == {"vnd": 135_000}


def error_500_after_charge(merchant: Merchant) -> None:
    for _ in range(2):
        assert merchant.post("/v1/payment_intents", PAYMENT, key="k").status_code == 500
    assert merchant.totals() == {"vnd": 135_000}


def refused_first(status: int, kind: str) -> Callable[[Merchant], None]:
    """Refused without an effect; the same key then does it."""

    def show(merchant: Merchant) -> None:
        answer = merchant.post("/v1/payment_intents", PAYMENT, key="k")
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
        assert merchant.totals() == {}
        assert merchant.post("/v1/payment_intents", PAYMENT, key="k").status_code == 200

    return show


def slow(merchant: Merchant) -> None:
    began = time.monotonic()
    merchant.paid()
    assert time.monotonic() - began >= 1


def webhook_lost(merchant: Merchant) -> None:
    merchant.post("/v1/payment_intents", INTENT)
    assert merchant.settled() == {"lost": 1}
    assert merchant.told() == []
    assert [event["type"] for event in merchant.get("/v1/events")["data"]] == ["payment_intent.created"]


def webhook_duplicated(merchant: Merchant) -> None:
    merchant.post("/v1/payment_intents", INTENT)
    assert merchant.settled() == {"delivered": 2}
    assert len({event["id"] for event in merchant.told()}) == 1
    assert all(merchant.genuine(*delivery) for delivery in merchant.sink.received)


def webhook_before_response(merchant: Merchant) -> None:
    merchant.post("/v1/payment_intents", INTENT)
    assert [event["type"] for event in merchant.told()] == ["payment_intent.created"]


def webhook_delayed(merchant: Merchant) -> None:
    merchant.arm("webhook_delayed", delay_seconds=0.5)
    began = time.monotonic()
    merchant.post("/v1/payment_intents", INTENT)
    merchant.settled()
    assert time.monotonic() - began >= 0.5


def webhook_reordered(merchant: Merchant) -> None:
    merchant.paid()
    last_first = ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]

    def told() -> list[str]:
        """What the payment's transaction tells; what comes of it later, in its own, may overtake that."""
        return [kind for event in merchant.told() if (kind := event["type"]) in last_first]

    eventually(lambda: len(told()) >= 3)
    assert told() == last_first


def odd_copy(oddity: str) -> Callable[[Merchant], None]:
    """A copy that no signature vouches for comes besides the true one, once, however it is received."""

    def show(merchant: Merchant) -> None:
        merchant.post("/v1/payment_intents", INTENT)
        merchant.settled()
        genuine = [merchant.genuine(*delivery) for delivery in merchant.sink.received]
        assert sorted(genuine) == [False, True]
        row = next(row for row in merchant.get("/_control/webhooks")["deliveries"] if row["oddity"])
        assert (row["oddity"], row["attempts"]) == (oddity, 1)
        if oddity == "forged":
            amounts = {event["data"]["object"]["amount"] for event in merchant.told()}
            assert amounts == {135_000, 1_350_000}

    return show


def unknown_event(merchant: Merchant) -> None:
    merchant.post("/v1/payment_intents", INTENT)
    merchant.settled()
    assert sorted(event["type"] for event in merchant.told()) == ["payment_intent.created", "sandbox.unheard_of"]
    assert all(merchant.genuine(*delivery) for delivery in merchant.sink.received)


def unknown_payment(merchant: Merchant) -> None:
    asked = merchant.post("/v1/payment_intents", INTENT).json()
    merchant.settled()
    paid = merchant.told("payment_intent.succeeded")
    assert [event["data"]["object"]["id"] != asked["id"] for event in paid] == [True]
    assert merchant.totals() == {"vnd": 50_000}


def wrong_amount(merchant: Merchant) -> None:
    session = merchant.session()
    merchant.type_card(session)
    assert merchant.totals() == {"vnd": 13_500}
    told = merchant.get(f"/v1/checkout/sessions/{session['id']}?expand[]=payment_intent")
    assert (told["amount_total"], told["payment_intent"]["amount_received"]) == (13_500, 13_500)


def wrong_currency(merchant: Merchant) -> None:
    session = merchant.session()
    merchant.type_card(session)
    assert merchant.totals() == {"usd": 135_000}
    assert merchant.get(f"/v1/checkout/sessions/{session['id']}")["currency"] == "usd"


def pending_forever(merchant: Merchant) -> None:
    stuck, settling = merchant.paid(), merchant.paid(payment_method="pm_card_processing")
    eventually(lambda: merchant.get(f"/v1/payment_intents/{settling['id']}")["status"] == "succeeded")
    assert merchant.get(f"/v1/payment_intents/{stuck['id']}")["status"] == "processing"


def failed_then_captured(merchant: Merchant) -> None:
    merchant.arm("failed_then_captured", delay_seconds=0.3)
    session = merchant.session()
    assert merchant.type_card(session).status_code == 402
    eventually(lambda: merchant.get(f"/v1/checkout/sessions/{session['id']}")["payment_status"] == "paid")
    assert merchant.totals() == {"vnd": 135_000}
    merchant.settled()
    kinds = [event["type"] for event in merchant.told()]
    assert {"payment_intent.payment_failed", "payment_intent.succeeded", "checkout.session.completed"} <= set(kinds)


def refund_refused(merchant: Merchant) -> None:
    answer = merchant.post("/v1/refunds", {"payment_intent": merchant.paid()["id"]})
    assert answer.json()["error"]["code"] == "charge_disputed"
    assert merchant.totals() == {"vnd": 135_000}


def refund_pending(merchant: Merchant) -> None:
    refund = merchant.post("/v1/refunds", {"payment_intent": merchant.paid()["id"]}).json()
    assert refund["status"] == "pending"
    eventually(lambda: merchant.get(f"/v1/refunds/{refund['id']}")["status"] == "succeeded")


def unknown_code(merchant: Merchant) -> None:
    path = f"/v1/checkout/sessions/{merchant.session()['id']}"
    assert [merchant.get(path)["status"] for _ in range(2)] == ["sandbox_unheard_of", "open"]


SHOWN: dict[str, Callable[[Merchant], None]] = {
    "timeout_before": timeout_before,
    "timeout_after_charge": timeout_after_charge,
    "error_500_after_charge": error_500_after_charge,
    "storm_500": refused_first(500, "api_error"),
    "rate_limited_429": refused_first(429, "invalid_request_error"),
    "conflict_409": refused_first(409, "idempotency_error"),
    "slow": slow,
    "webhook_lost": webhook_lost,
    "webhook_duplicated": webhook_duplicated,
    "webhook_before_response": webhook_before_response,
    "webhook_delayed": webhook_delayed,
    "webhook_reordered": webhook_reordered,
    "webhook_forged": odd_copy("forged"),
    "webhook_stale": odd_copy("stale"),
    "webhook_unsigned": odd_copy("unsigned"),
    "unknown_event": unknown_event,
    "unknown_payment": unknown_payment,
    "wrong_amount": wrong_amount,
    "wrong_currency": wrong_currency,
    "pending_forever": pending_forever,
    "refund_refused": refund_refused,
    "refund_pending": refund_pending,
    "unknown_code": unknown_code,
    "failed_then_captured": failed_then_captured,
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_does_what_it_says_fires_once_and_is_counted(merchant: Merchant, name: str) -> None:
    merchant.arm(name)
    SHOWN[name](merchant)
    armed = merchant.get("/_control/faults")["armed"]
    assert [(fault["name"], fault["fired"], fault["times"]) for fault in armed] == [(name, 1, 0)]


def test_a_fault_that_is_narrowed_hits_only_what_it_names(merchant: Merchant) -> None:
    merchant.arm("webhook_lost", match="payment_intent.succeeded")
    merchant.arm("storm_500", match="POST /v1/refunds")
    intent = merchant.paid()
    assert merchant.post("/v1/refunds", {"payment_intent": intent["id"]}).status_code == 500
    assert merchant.post("/v1/refunds", {"payment_intent": intent["id"]}).status_code == 200
    assert merchant.settled()["lost"] == 1
    assert merchant.told("payment_intent.succeeded") == []


def test_the_page_suffers_only_faults_that_name_it_and_never_charges_twice(merchant: Merchant) -> None:
    session = merchant.session()
    merchant.arm("timeout_after_charge", match="/c/pay")
    unanswered(lambda: merchant.type_card(session, timeout=0.5))
    assert merchant.totals() == {"vnd": 135_000}
    assert merchant.type_card(session).headers["location"] == "http://127.0.0.1:9/paid"
    assert merchant.totals() == {"vnd": 135_000}
    merchant.arm("storm_500")
    assert merchant.http.get(session["url"]).status_code == 200
    other = merchant.get("/_control/faults")["armed"][-1]
    assert (other["name"], other["fired"]) == ("storm_500", 0)


def test_an_unknown_fault_is_refused_with_the_list_of_those_there_are(merchant: Merchant) -> None:
    answer = merchant.http.post(f"{merchant.server.url}/_control/faults", json={"name": "nonsense"})
    assert answer.status_code == 404
    assert set(answer.json()["known"]) == set(FAULTS)
