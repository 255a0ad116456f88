"""VNPAY as the claims of test_port_*.py see it: the adapter, the sandbox as a process, and a payer with a domestic card."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl

import httpx

from services.payments.adapters import vnpay
from services.payments.adapters.vnpay import Vnpay
from services.payments.adapters.vnpay_codes import Heard, ipn_answer
from services.payments.adapters.vnpay_signature import (
    HASH,
    QUERY_ANSWERED,
    REFUND_ANSWERED,
    joined,
    mac,
    signed_query,
)
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.gateways import GATEWAYS, Manner
from tests.integration.gateways.asking import until
from tests.integration.gateways.merchant import CUT_OFF_SECONDS, Notice
from tests.integration.gateways.misworded import Change, Where
from tests.integration.sandbox_process import Server, running

TERMINAL, SECRET = "MOTCUA01", "vnpay-secret-of-the-tests"
GOOD, SHORT_OF_FUNDS = "9704198526191432198", "9704195798459170488"
PAGE_LINES = 3


@dataclass
class Listener:
    """An HTTP server that remembers the queries with which it is asked, and answers as the merchant's IPN address does."""

    heard: Heard = "ok"
    received: list[Notice] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[str]:
        """The address to ask."""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = httpx.Response(200, json=ipn_answer(listener.heard)).content
                listener.received.append((self.path.partition("?")[2].encode(), headers))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/webhooks/vnpay"
            finally:
                server.shutdown()


@dataclass
class VnpayMerchant:
    """The harness; a refund goes to the bank at once, unless a fault says otherwise."""

    gateway: Vnpay
    sandbox: Server
    listener: Listener
    manner: Manner = GATEWAYS["vnpay"]
    payer: str | None = None
    after_decline: Literal["open", "closed"] | None = "closed"
    page_lines: int = PAGE_LINES
    create_lost: str | None = None
    refund_lost: str | None = "timeout_after_charge"
    pending_ends: bool = False
    unknown_code: Literal["checkout", "refund"] = "checkout"

    def at(self, url: str, seconds: float) -> Vnpay:
        http = vnpay.client(url)
        http.timeout = httpx.Timeout(seconds)
        return Vnpay(http, TERMINAL, SECRET)

    def through(self, transport: httpx.AsyncBaseTransport) -> Vnpay:
        return Vnpay(vnpay.client(self.sandbox.url, transport), TERMINAL, SECRET)

    def misworded(self, where: Where) -> Sequence[Change]:
        if where == "statement":
            return (_of_lines,)
        command = "querydr" if where == "page" else "refund"
        return [_of_answer(command, code) for code in ("vnp_ResponseCode", "vnp_TransactionStatus")]

    def misworded_notices(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        told = dict(parse_qsl(body.partition(f"&{HASH}=".encode())[0].decode()))
        codes = ("vnp_ResponseCode", "vnp_TransactionStatus")
        return [(signed_query(SECRET, told | {code: "77"}).encode(), headers) for code in codes]

    async def pays(self, page: CheckoutCreated, amount: int | None = None) -> None:
        assert amount is None, "VNPAY's page knows its amount"
        assert await types(page.url, GOOD, "123456") == 303

    async def is_declined(self, page: CheckoutCreated) -> None:
        assert await types(page.url, SHORT_OF_FUNDS) == 303

    async def rings(self, count: int) -> list[Notice]:
        async def there() -> list[Notice] | None:
            received = self.listener.received[:count]
            return received if len(received) == count else None

        return await until(there)

    def begins_anew(self) -> None:
        self.sandbox.disarm()
        self.listener.received.clear()

    async def arm(self, fault: str, times: int = 1) -> None:
        self.sandbox.arm(fault, times, CUT_OFF_SECONDS if fault.startswith("timeout") else 0.0)

    async def fired(self, fault: str) -> int:
        return self.sandbox.fired(fault)

    def forged(self, body: bytes, headers: dict[str, str]) -> list[Notice]:
        """VNPAY signs no age: a notice that is old is none of these."""
        query, _, signature = body.partition(f"&{HASH}=".encode())
        told = dict(parse_qsl(query.decode()))
        dearer = signed_query("stolen", told | {"vnp_Amount": f"{told['vnp_Amount']}0"}).partition(f"&{HASH}=")[0]
        return [
            (query, headers),
            (signed_query("stolen", told).encode(), headers),
            (f"{dearer}&{HASH}={signature.decode()}".encode(), headers),
        ]


def _of_answer(command: str, code: str) -> Change:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != "POST" or json.loads(request.content)["vnp_Command"] != command:
            return None
        told = answer.json() | {code: "77"}
        signed = joined(QUERY_ANSWERED if command == "querydr" else REFUND_ANSWERED, told)
        return httpx.Response(200, json=told | {HASH: mac(SECRET, signed)})

    return change


def _of_lines(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
    if request.method != "GET":
        return None
    header, *lines = answer.content.splitlines()
    told = [json.dumps(json.loads(line) | {"kind": "sandbox_unheard_of"}).encode() for line in lines]
    content = b"\n".join((header, *told))
    return httpx.Response(200, content=content, headers={"X-VNPAY-Signature": mac(SECRET, content)})


async def types(url: str, card: str, password: str | None = None) -> int:
    """A payer opens the link, types a card and, where it is asked for, the password; the last status that VNPAY answers."""
    async with httpx.AsyncClient(verify=False, timeout=30) as browser:
        page = await browser.get(url, follow_redirects=True)
        assert page.status_code == 200, page.text
        form = {"bank": "NCB", "card_number": card, "card_name": "NGUYEN VAN A", "card_date": "07/15"}
        answer = await browser.post(page.url, data=form)
        if password is not None and answer.status_code == 303:
            answer = await browser.post(f"{page.url}/otp", data={"otp": password})
        return answer.status_code


def told(url: str) -> dict[str, str]:
    """What the sandbox is told; `url` is where it rings."""
    return {
        "VNPAY_TERMINAL": TERMINAL, "VNPAY_SECRET": SECRET, "VNPAY_IPN_URL": url, "VNPAY_REFUND_SECONDS": "0",
        "VNPAY_RETRY_SECONDS": "0.1", "VNPAY_PAGE_LINES": str(PAGE_LINES),
    }  # fmt: skip


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[VnpayMerchant]:
    """A fresh sandbox with its data in a folder, until the block is left."""
    listener = Listener()
    with listener.listening() as url, running(Server("vnpay", folder, told(url))) as server:
        async with vnpay.client(server.url) as client:
            yield VnpayMerchant(Vnpay(client, TERMINAL, SECRET), server, listener)
