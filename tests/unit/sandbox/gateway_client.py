"""The payment gateway without a network: its memory in a folder, its clock in the test's hand."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from deploy.sandbox.gateway import timers
from deploy.sandbox.gateway.main import application, office
from deploy.sandbox.gateway.settings import Settings
from deploy.sandbox.gateway.work import Office
from tests.unit.sandbox.client import client_of

KEY = "sk_test_gateway"
NOON = 1_790_000_000.0
SUCCESS = "http://127.0.0.1:8080/paid?session={CHECKOUT_SESSION_ID}"

Values = Mapping[str, Any]


def pairs(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A value as the names and texts of a form with brackets."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from pairs(value, f"{name}[{key}]" if name else str(key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from pairs(value, f"{name}[{index}]")
    else:
        yield name, {True: "true", False: "false"}[values] if isinstance(values, bool) else str(values)


def encode(values: Values) -> str:
    return urlencode(list(pairs(values)))


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class Gateway:
    """`post`, `get` and `delete` speak as a merchant does; `pass_time` lets happen what is due."""

    http: httpx.AsyncClient
    office: Office
    clock: Clock

    async def post(self, path: str, values: Values | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        form = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        return await self.http.post(path, content=encode(values or {}), headers=form | named)

    async def get(self, path: str, values: Values | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        query = f"{path}?{encode(values)}" if values else path
        return await self.http.get(query, headers={"Authorization": f"Bearer {KEY}"} | named)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path, headers={"Authorization": f"Bearer {KEY}"})

    async def made(self, path: str, values: Values | None = None, **headers: str) -> dict[str, Any]:
        """What a POST made, which must have gone well."""
        answer = await self.post(path, values, **headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def found(self, path: str, values: Values | None = None) -> dict[str, Any]:
        answer = await self.get(path, values)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def arm(self, name: str, times: int = 1, match: str = "", delay_seconds: float = 0.0) -> None:
        fault = {"name": name, "times": times, "match": match, "delay_seconds": delay_seconds}
        answer = await self.http.post("/_control/faults", json=fault)
        assert answer.status_code == 200, answer.text

    async def fired(self, name: str) -> int:
        armed = (await self.http.get("/_control/faults")).json()["armed"]
        return next(int(fault["fired"]) for fault in armed if fault["name"] == name)

    async def paid(self, amount: int = 135_000, **more: Any) -> dict[str, Any]:
        """A PaymentIntent that took money at once."""
        form = {"amount": amount, "currency": "vnd", "payment_method": "pm_card_visa", "confirm": True}
        return await self.made("/v1/payment_intents", form | more)

    async def session(self, amount: int = 135_000, **more: Any) -> dict[str, Any]:
        price = {"currency": "vnd", "unit_amount": amount, "product_data": {"name": "Lệ phí cấp đổi giấy phép lái xe"}}
        form = {
            "mode": "payment",
            "success_url": SUCCESS,
            "cancel_url": "http://127.0.0.1:8080/back",
            "line_items": [{"quantity": 1, "price_data": price}],
        }
        return await self.made("/v1/checkout/sessions", form | more)

    async def type_card(self, session: Values, number: str, **changes: str) -> httpx.Response:
        """What the page answers to a card."""
        typed = {"card_number": number, "card_expiry": "12/40", "card_cvc": "123"} | changes
        return await self.http.post(f"/c/pay/{session['id']}", data=typed)

    async def decide(self, page: httpx.Response, decision: str) -> httpx.Response:
        """Answer the 3-D Secure question that the page led to."""
        assert page.status_code == 303, page.text
        return await self.http.post(page.headers["location"], data={"decision": decision})

    async def events(self) -> list[str]:
        """The types of all events, oldest first."""
        listed = await self.found("/v1/events", {"limit": 100})
        return [event["type"] for event in listed["data"]][::-1]

    async def totals(self) -> dict[str, int]:
        """What the account holds, as the control side tells it."""
        told: dict[str, int] = (await self.http.get("/_control/charges")).json()["totals"]
        return told

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        while timers.fire_due(self.office):
            pass


@contextlib.asynccontextmanager
async def gateway_in(folder: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway over the memory in `folder`, with an endpoint for webhooks unless told otherwise."""
    told = {"webhook_url": "http://127.0.0.1:9/hook", "webhook_secret": "whsec_test"} | settings
    clock = Clock()
    opened = office(Settings(data=folder, secret_key=KEY, public_url="http://127.0.0.1:8000", **told), clock)
    async with client_of(application(opened)) as http:
        yield Gateway(http, opened, clock)
