"""Who speaks to payments over HTTP in tests: citizens, officers, operators, payers' banks, and whoever has a link."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.identifiers import new_id
from tests.database import Server as Postgres
from tests.integration.payments_counter import AGENCY, Counter, Dossier, open_counter
from tests.integration.sandbox_process import Server, free_port, running

BANK, BANK_KEY, PLATFORM_KEY = "VCB", "key-of-a-payers-bank", "key-of-the-platforms-question"
PARTNER, PARTNER_SECRET = "MOTCUA", "secret-of-the-platform"
ACCOUNT = {
    "BANK_KEY": "key-of-our-bank",
    "BANK_WEBHOOK_SECRET": "secret-of-our-banks-notices",
    "BANK_WEBHOOK_URL": "http://127.0.0.1:9/nobody",
    "BANK_BIN": "970403",
    "BANK_ACCOUNT": "1017595600",
}
PUBLIC = "https://phi.example.vn"
OTHER_AGENCY = "H55"
PAYER = {"name": "Nguyễn Văn An", "paper": "019090001234", "address": "Phường Phan Đình Phùng, Thái Nguyên"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def told(bank: Server) -> dict[str, Any]:
    """Settings with each way to pay; at the national platform nobody answers."""
    nobody = f"http://127.0.0.1:{free_port()}"
    return {
        "public_url": PUBLIC,
        "trusted_proxies": "127.0.0.2",
        "link_key": "key-of-links-in-tests",
        "bank_keys": {BANK: BANK_KEY, "national": PLATFORM_KEY},
        "payer_key": "A" * 43,
        "bank_url": bank.url,
        "bank_key": ACCOUNT["BANK_KEY"],
        "bank_webhook_secret": ACCOUNT["BANK_WEBHOOK_SECRET"],
        "bank_bin": ACCOUNT["BANK_BIN"],
        "bank_account": ACCOUNT["BANK_ACCOUNT"],
        "bank_name": "Ngân hàng thử nghiệm",
        "bank_holder": "KHO BẠC NHÀ NƯỚC",
        "national_url": nobody,
        "national_partner": PARTNER,
        "national_secret": PARTNER_SECRET,
        "statement_seconds": 3600,
    }


def wait_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests wait for the outside as they always do, and not long: in this test nobody answers there."""
    for name in ("paying.CHECKOUT_SECONDS", "api.checkouts.CHECKOUT_SECONDS", "taking.CLOSING_SECONDS"):
        monkeypatch.setattr(f"services.payments.{name}", 0.5)


class People:
    """Everybody, at one counter."""

    def __init__(self, counter: Counter, our_bank: Server) -> None:
        self.counter, self._our_bank = counter, our_bank
        self._signed = set[tuple[int, bytes, str]]()

    async def citizen(self, dossier: Dossier, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """The dossier's citizen, about its bill: `path` goes on behind the bill's id."""
        claims = {"person_id": str(dossier.person), "sub": f"citizen {dossier.person}"}
        return await self.asks("citizen", method, await self.at(dossier, path), body, claims, **more)

    async def officer(
        self,
        dossier: Dossier,
        method: str,
        path: str,
        body: Any = None,
        name: str = "lan",
        agency: str = AGENCY,
        key: str | None = None,
    ) -> httpx.Response:
        """An officer, about a bill, with a new key for each request unless one is given."""
        claims = {"agency": agency, "sub": name, "name": name}
        return await self.asks("officer", method, await self.at(dossier, path), body, claims, key or str(new_id()))

    async def operator(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        return await self.asks("operator", method, path, body, {"sub": "vận hành"}, key or str(new_id()))

    async def asks(
        self, role: str, method: str, path: str, body: Any, claims: dict[str, Any], key: str | None = None
    ) -> httpx.Response:
        headers = self.counter.issuer.bearer(role, **claims) | ({"Idempotency-Key": key} if key else {})
        return await self.counter.http.request(method, path, json=body, headers=headers)

    async def bank(
        self, path: str, body: dict[str, Any], key: str | None = None, *, ago: float = 0, secret: str = BANK_KEY
    ) -> httpx.Response:
        """A payer's bank, which signs what it says; `ago` in seconds."""
        content = json.dumps(body).encode()
        headers = {
            "X-Bank": BANK,
            "X-Signature": self.signature(content, ago, secret),
            "Content-Type": "application/json",
        }
        return await self.counter.http.post(
            path, content=content, headers=headers | {"Idempotency-Key": key or str(new_id())}
        )

    def signature(self, content: bytes, ago: float = 0, secret: str = BANK_KEY) -> str:
        # Never twice the same: the clock of a bank goes on between two requests, that of a test may not.
        stamp = int(self.counter.clock().timestamp() - ago)
        while (stamp, content, secret) in self._signed:
            stamp -= 1
        self._signed.add((stamp, content, secret))
        mac = hmac.new(secret.encode(), f"{stamp}.".encode() + content, hashlib.sha256).hexdigest()
        return f"t={stamp},v1={mac}"

    async def at(self, dossier: Dossier, path: str) -> str:
        return f"/payments/{await self.bill_id(dossier)}{path}"

    async def bill_id(self, dossier: Dossier) -> UUID:
        found: UUID = (await self.counter.bill(dossier))["bill_id"]
        return found

    async def code(self, dossier: Dossier) -> str:
        """The payment code of its bill."""
        found: str = (await self.counter.bill(dossier))["code"]
        return found

    async def transfers(self, picture_text: str, amount: int) -> None:
        """A payer scans a picture in his bank's app, and changes the amount."""
        async with httpx.AsyncClient(base_url=self._our_bank.url, timeout=30) as app:
            scanned = await app.get("/app", params={"qr": picture_text})
            form = dict(re.findall(r'name="(bin|account|amount|purpose|token)" value="([^"]*)"', scanned.text))
            typed = form | {"amount": str(amount), "payer": "binh"}
            done = await app.post("/app/transfers", data=typed, follow_redirects=True)
            assert "Chuyển tiền thành công" in done.text, done.text

    async def paid(self, dossier: Dossier, voucher: str | None = None) -> None:
        """Its fees are paid at the counter."""
        bill = await self.counter.bill(dossier)
        body = {"amount": bill["amount"], "voucher": voucher or str(new_id())}
        answer = await self.officer(dossier, "POST", "/counter", body, name="thu ngân")
        assert (answer.status_code, answer.json()["state"]) == (200, "paid"), answer.text


@asynccontextmanager
async def open_people(postgres: Postgres, folder: Path) -> AsyncIterator[People]:
    """Everybody at a counter with each way to pay, until the block is left."""
    with running(Server("bank", folder / "bank", ACCOUNT)) as bank:
        async with open_counter(postgres, folder, **told(bank)) as counter:
            yield People(counter, bank)
