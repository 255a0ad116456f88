"""Whatever merchants, people and banks do in whatever order: money moves once, and every book says the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from deploy.sandbox.gateway.cards import CARDS
from tests.unit.sandbox.gateway_client import Gateway, gateway_in

Answer = TypeVar("Answer")
TOKENS = st.sampled_from([card.tokens[0] for card in CARDS])
NUMBERS = st.sampled_from([card.number for card in CARDS if card.brand != "amex"])
AMOUNTS = st.integers(1, 500_000)


class Merchant(RuleBasedStateMachine):
    """Payments of both kinds, paid, refused, captured, cancelled, refunded and left to time."""

    intents = Bundle("intents")
    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.gateway: Gateway = self.run(self.stack.enter_async_context(gateway_in(folder, webhook_url="")))

    def run(self, work: Awaitable[Answer]) -> Answer:
        return self.loop.run_until_complete(_finish(work))

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()

    @rule(target=intents, amount=AMOUNTS, manual=st.booleans())
    def ask(self, amount: int, manual: bool) -> str:
        form = {"amount": amount, "currency": "vnd", "capture_method": "manual" if manual else "automatic_async"}
        return str(self.run(self.gateway.made("/v1/payment_intents", form))["id"])

    @rule(target=sessions, amount=AMOUNTS)
    def open_page(self, amount: int) -> str:
        return str(self.run(self.gateway.session(amount))["id"])

    @rule(intent=intents, token=TOKENS)
    def confirm(self, intent: str, token: str) -> None:
        self.tried(self.gateway.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": token}))

    @rule(intent=intents, amount=AMOUNTS)
    def capture(self, intent: str, amount: int) -> None:
        self.tried(self.gateway.post(f"/v1/payment_intents/{intent}/capture", {"amount_to_capture": amount}))

    @rule(intent=consumes(intents))
    def cancel(self, intent: str) -> None:
        self.tried(self.gateway.post(f"/v1/payment_intents/{intent}/cancel"))

    @rule(intent=intents, amount=AMOUNTS)
    def refund(self, intent: str, amount: int) -> None:
        self.tried(self.gateway.post("/v1/refunds", {"payment_intent": intent, "amount": amount}))

    @rule(session=sessions, number=NUMBERS, decision=st.sampled_from(["authorise", "refuse", "leave"]))
    def type_card(self, session: str, number: str, decision: str) -> None:
        answer = self.run(self.gateway.type_card({"id": session}, number))
        assert answer.status_code in (303, 402, 410), answer.text
        if "/3ds/" in answer.headers.get("location", "") and decision != "leave":
            self.run(self.gateway.decide(answer, decision))

    @rule(session=sessions)
    def expire(self, session: str) -> None:
        self.tried(self.gateway.post(f"/v1/checkout/sessions/{session}/expire"))

    @rule(seconds=st.sampled_from([1, 6, 86_400]))
    def wait(self, seconds: int) -> None:
        self.gateway.pass_time(seconds)

    def tried(self, asked: Awaitable[Any]) -> None:
        """Refusals are fine, failures are not."""
        answer = self.run(asked)
        assert answer.status_code in (200, 400, 402), answer.text

    @invariant()
    def every_book_says_the_same(self) -> None:
        store = self.gateway.office.store
        moved = store.movements()
        charges = {charge["id"]: charge for charge in store.select("charge")}
        for intent in store.select("payment_intent"):
            mine = [row for row in moved if row["payment_intent"] == intent["id"]]
            taken = [row["amount"] for row in mine if row["kind"] == "charge"]
            assert len(taken) <= 1
            assert sum(taken) == intent["amount_received"]
            assert (intent["status"] == "succeeded") == bool(taken)
            kept = sum(row["amount"] for row in mine)
            assert 0 <= kept <= intent["amount"]
            if taken:
                charge = charges[intent["latest_charge"]]
                assert charge["amount"] - charge["amount_refunded"] == kept
        for session in store.select("checkout.session"):
            intent = store.find("payment_intent", session["payment_intent"] or "") or {"status": "none"}
            assert (session["payment_status"] == "paid") == (intent["status"] == "succeeded")
            assert session["status"] != "expired" or intent["status"] in ("none", "canceled")


async def _finish(work: Awaitable[Answer]) -> Answer:
    return await work


TestMoney = Merchant.TestCase
TestMoney.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
