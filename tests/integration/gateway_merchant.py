"""A merchant of the payment gateway, which runs as a process, and the endpoint that hears its webhooks."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.integration.sandbox_process import Server, Sink, eventually, loopback, running

KEY, SECRET = "sk_test_process", "whsec_process"
PAYMENT = {"amount": "135000", "currency": "vnd", "payment_method": "pm_card_visa", "confirm": "true"}
INTENT = {"amount": "135000", "currency": "vnd"}


@dataclass
class Merchant:
    """One gateway, what it told us, and how to ask it."""

    server: Server
    sink: Sink
    http: httpx.Client = field(default_factory=loopback)

    def post(
        self, path: str, form: dict[str, str] | None = None, key: str = "", timeout: float = 30.0
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.post(f"{self.server.url}{path}", data=form or {}, headers=headers, timeout=timeout)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(f"{self.server.url}{path}", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def paid(self, **more: str) -> dict[str, Any]:
        answer = self.post("/v1/payment_intents", PAYMENT | more)
        assert answer.status_code == 200, answer.text
        intent: dict[str, Any] = answer.json()
        return intent

    def session(self) -> dict[str, Any]:
        item = "line_items[0]"
        form = {
            "mode": "payment", "success_url": "http://127.0.0.1:9/paid", f"{item}[quantity]": "1",
            f"{item}[price_data][currency]": "vnd", f"{item}[price_data][unit_amount]": "135000",
            f"{item}[price_data][product_data][name]": "Lệ phí",
        }  # fmt: skip
        answer = self.post("/v1/checkout/sessions", form)
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

    def type_card(
        self, session: dict[str, Any], number: str = "4242424242424242", timeout: float = 30.0
    ) -> httpx.Response:
        typed = {"card_number": number, "card_expiry": "12/40", "card_cvc": "123"}
        return self.http.post(session["url"], data=typed, timeout=timeout)

    def arm(self, name: str, times: int = 1, delay_seconds: float = 0.0, match: str = "") -> None:
        fault = {"name": name, "times": times, "delay_seconds": delay_seconds, "match": match}
        self.http.post(f"{self.server.url}/_control/faults", json=fault).raise_for_status()

    def totals(self) -> dict[str, int]:
        totals: dict[str, int] = self.get("/_control/charges")["totals"]
        return totals

    def told(self, kind: str = "") -> list[dict[str, Any]]:
        """The events received, every delivery of them, in the order of arrival."""
        events = [json.loads(body) for _, body in list(self.sink.received)]
        return [event for event in events if not kind or event["type"] == kind]

    def settled(self) -> dict[str, int]:
        """The states of all deliveries once none is pending."""

        def states() -> dict[str, int]:
            found: dict[str, int] = self.get("/_control/webhooks?limit=0")["states"]
            return {} if "pending" in found else found

        return eventually(states)

    def genuine(self, headers: Any, body: bytes) -> bool:
        """Does the signature hold, as Stripe's documentation has it checked, within five minutes?"""
        parts = dict(part.split("=", 1) for part in headers.get("stripe-signature", "t=0,v1=").split(","))
        expected = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


@contextlib.contextmanager
def merchant_in(folder: Path) -> Iterator[Merchant]:
    """A gateway over the data in `folder` that waits only a moment before what it does later."""
    sink = Sink()
    with sink.listening() as url:
        told = {
            "GATEWAY_SECRET_KEY": KEY, "GATEWAY_WEBHOOK_URL": url, "GATEWAY_WEBHOOK_SECRET": SECRET,
            "GATEWAY_RETRY_SECONDS": "0.1", "GATEWAY_SETTLE_SECONDS": "0.3", "GATEWAY_BALANCE_SECONDS": "0.1",
        }  # fmt: skip
        with running(Server("gateway", folder, told)) as server:
            yield Merchant(server, sink)
