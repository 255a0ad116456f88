"""VNPAY without a network, with its clock in the test's hand, and a merchant who signs by its rules."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from deploy.sandbox.vnpay import timers
from deploy.sandbox.vnpay.app import application
from deploy.sandbox.vnpay.office import Office, wire_time
from deploy.sandbox.vnpay.settings import Settings
from deploy.sandbox.vnpay.signature import HASH, QUERY_ASKED, REFUND_ASKED, joined, mac, signed_query
from tests.unit.sandbox.client import client_of

TERMINAL, SECRET = "MOTCUA01", "a secret of tests"
NOON = 1_790_000_000.0
GOOD, SHORT_OF_FUNDS = "9704198526191432198", "9704195798459170488"
ADDRESS = "127.0.0.1"


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class Shop:
    """A merchant and its payers before one sandbox."""

    http: httpx.AsyncClient
    office: Office
    clock: Clock
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def passes(self, seconds: float) -> None:
        """Time goes on, and what is due happens."""
        self.clock.now += seconds
        timers.fire_due(self.office)

    def asked(self, reference: str, **changes: str) -> dict[str, str]:
        """The parameters of a pay link of 135,000 đồng."""
        return {
            "vnp_Version": "2.1.0", "vnp_Command": "pay", "vnp_TmnCode": TERMINAL, "vnp_Amount": "13500000",
            "vnp_CurrCode": "VND", "vnp_TxnRef": reference, "vnp_OrderInfo": "Nop le phi", "vnp_OrderType": "other",
            "vnp_Locale": "vn", "vnp_ReturnUrl": "http://127.0.0.1:9/back?of=1", "vnp_IpAddr": ADDRESS,
            "vnp_CreateDate": wire_time(NOON), "vnp_ExpireDate": wire_time(NOON + 900), **changes,
        }  # fmt: skip

    async def opens(self, reference: str, secret: str = SECRET, **changes: str) -> httpx.Response:
        """A payer opens the link: the page that he comes to."""
        query = signed_query(secret, self.asked(reference, **changes))
        return await self.http.get(f"/paymentv2/vpcpay.html?{query}", follow_redirects=True)

    async def types(self, page: httpx.Response, card: str = GOOD, **changes: str) -> httpx.Response:
        form = {"bank": "NCB", "card_number": card, "card_name": "NGUYEN VAN A", "card_date": "07/15"}
        return await self.http.post(str(page.url), data=form | changes)

    async def confirms(self, page: httpx.Response, password: str = "123456") -> httpx.Response:
        return await self.http.post(f"{page.url}/otp", data={"otp": password})

    async def pays(self, reference: str, card: str = GOOD, **changes: str) -> httpx.Response:
        """All of it, to where the browser is sent at last."""
        page = await self.opens(reference, **changes)
        answer = await self.types(page, card)
        if answer.headers["location"].startswith("/paymentv2/Transaction/"):
            answer = await self.confirms(page)
        return answer

    async def queries(self, reference: str, **changes: str) -> dict[str, Any]:
        return await self._sends("querydr", QUERY_ASKED, {"vnp_TxnRef": reference, **changes})

    async def refunds(self, reference: str, amount: int, kind: str = "03", **changes: str) -> dict[str, Any]:
        told = {"vnp_TxnRef": reference, "vnp_Amount": str(amount * 100), "vnp_TransactionType": kind}
        return await self._sends("refund", REFUND_ASKED, told | {"vnp_CreateBy": "tests"} | changes)

    async def statement(self, secret: str = SECRET, **wanted: str) -> httpx.Response:
        asked = {"vnp_TmnCode": TERMINAL, "vnp_RequestId": f"s{next(self.numbers)}", **wanted}
        return await self.http.get(f"/merchant_webapi/reconcile?{signed_query(secret, asked)}")

    async def lines(self, **wanted: str) -> list[tuple[str, int]]:
        """(kind, đồng) of each line of a page of the statement."""
        answer = await self.statement(**wanted)
        assert answer.headers["x-vnpay-signature"] == mac(SECRET, answer.content)
        _, *lines = [json.loads(line) for line in answer.text.splitlines()]
        return [(line["kind"], int(line["vnp_Amount"]) // 100) for line in lines]

    def notices(self) -> list[dict[str, str]]:
        """What the IPNs say that are owed or lost, oldest first, with their `state` and `oddity`."""
        rows = self.office.store.notices(1000)
        return [dict(parse_qsl(row["query"])) | {"state": row["state"], "oddity": row["oddity"] or ""} for row in rows]

    async def arm(self, name: str, times: int = 1, delay_seconds: float = 0.0, match: str = "") -> None:
        told = {"name": name, "times": times, "delay_seconds": delay_seconds, "match": match}
        assert (await self.http.post("/_control/faults", json=told)).status_code == 200

    async def _sends(self, command: str, fields: tuple[str, ...], told: dict[str, str]) -> dict[str, Any]:
        asked = {
            "vnp_RequestId": f"r{next(self.numbers)}", "vnp_Version": "2.1.0", "vnp_Command": command,
            "vnp_TmnCode": TERMINAL, "vnp_TransactionDate": wire_time(NOON), "vnp_CreateDate": wire_time(self.clock()),
            "vnp_IpAddr": ADDRESS, "vnp_OrderInfo": "hoi", **told,
        }  # fmt: skip
        body = {HASH: mac(SECRET, joined(fields, asked))} | asked
        answer: dict[str, Any] = (await self.http.post("/merchant_webapi/api/transaction", json=body)).json()
        return answer


def told_on_the_way_back(answer: httpx.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def error_code(page: httpx.Response) -> str:
    """The code of the page that says why nothing can be paid."""
    assert page.status_code == 400, page.text
    return dict(parse_qsl(page.url.query.decode()))["code"]


@contextlib.asynccontextmanager
async def shop_in(folder: Path, **settings: Any) -> AsyncIterator[Shop]:
    clock = Clock()
    office = Office.open(Settings(folder, TERMINAL, SECRET, **settings), clock)
    async with client_of(application(office)) as http:
        yield Shop(http, office, clock)
