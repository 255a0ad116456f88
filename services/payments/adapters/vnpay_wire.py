"""Questions to VNPAY over HTTP: signed there and back; anything but a signed answer is Unanswered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chassis.clock import Clock
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments.adapters.breaker import about, understood
from services.payments.adapters.vnpay_codes import NOT_FOUND, PAID, SILENCES, TAKEN_BEFORE
from services.payments.adapters.vnpay_signature import (
    HASH,
    QUERY_ANSWERED,
    QUERY_ASKED,
    REFUND_ANSWERED,
    REFUND_ASKED,
    is_mac,
    joined,
    mac,
    signed_query,
    wire_time,
)
from services.payments.domain.gateway import UnknownCode

VERSION = "2.1.0"
_API, _STATEMENT = "/merchant_webapi/api/transaction", "/merchant_webapi/reconcile"
Told = Mapping[str, str]


@dataclass(frozen=True)
class Wire:
    """`address`: this server's IP address, which VNPAY wants to know."""

    client: httpx.AsyncClient
    terminal: str
    secret: str
    clock: Clock
    address: str = "127.0.0.1"

    async def query(self, reference: str, created: str, number: str = "") -> Told | None:
        """What VNPAY says of an order, or of its transaction with this number; None when it knows none.

        Raises Unanswered, UnknownCode.
        """
        # A question has no effect, and VNPAY wants another id each time: this one is no key.
        asked = self._asked("querydr", new_id().hex, reference, created, f"Truy van {reference}")
        told = await self._post(asked | ({"vnp_TransactionNo": number} if number else {}), QUERY_ASKED, QUERY_ANSWERED)
        code = told["vnp_ResponseCode"]
        if code == NOT_FOUND:
            return None
        if code != PAID:
            raise silence(code)
        return told

    async def refund(self, request_id: str, reference: str, created: str, more: Told) -> Told:
        """The answer to a refund request, whatever its code. Raises Unanswered."""
        asked = self._asked("refund", request_id, reference, created, f"Hoan tien {request_id}")
        return await self._post(asked | {"vnp_CreateBy": "motcua", **more}, REFUND_ASKED, REFUND_ANSWERED)

    async def statement(self, **wanted: str) -> tuple[int, Sequence[Mapping[str, Any]]]:
        """How many pages there are, and the lines of one: of `date` and `page`, or all of the order `vnp_TxnRef`."""
        asked = {
            "vnp_TmnCode": self.terminal,
            "vnp_RequestId": new_id().hex,
            "vnp_CreateDate": wire_time(self.clock()),
            **wanted,
        }
        response = await self._send("GET", f"{_STATEMENT}?{signed_query(self.secret, asked)}", wanted.get("vnp_TxnRef"))
        with understood(response):
            _require_200(response)
            return self._lines(response, asked["vnp_RequestId"])

    def _lines(self, response: httpx.Response, request_id: str) -> tuple[int, Sequence[Mapping[str, Any]]]:
        if not is_mac(response.headers.get("X-VNPAY-Signature", ""), self.secret, response.content):
            raise Unanswered("VNPAY's statement is not signed")
        try:
            first, *lines = response.content.splitlines()
            header = json.loads(first)
            answers, pages = header["vnp_RequestId"], int(header["pages"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise Unanswered(f"VNPAY's statement cannot be read: {type(error).__name__}") from None
        if answers != request_id:
            raise Unanswered("VNPAY's statement answers another question")
        return pages, [_line(line) for line in lines]

    def _asked(self, command: str, request_id: str, reference: str, created: str, info: str) -> dict[str, str]:
        return {
            "vnp_RequestId": request_id, "vnp_Version": VERSION, "vnp_Command": command, "vnp_TmnCode": self.terminal,
            "vnp_TxnRef": reference, "vnp_TransactionDate": created, "vnp_CreateDate": wire_time(self.clock()),
            "vnp_IpAddr": self.address, "vnp_OrderInfo": info,
        }  # fmt: skip

    async def _post(self, asked: dict[str, str], signed: Sequence[str], answered: Sequence[str]) -> Told:
        body = asked | {HASH: mac(self.secret, joined(signed, asked))}
        response = await self._send("POST", _API, asked["vnp_TxnRef"], body)
        with understood(response):
            _require_200(response)
            return self._told(response, asked["vnp_TxnRef"], answered)

    def _told(self, response: httpx.Response, reference: str, answered: Sequence[str]) -> Told:
        try:
            told = {str(name): "" if value is None else str(value) for name, value in response.json().items()}
        except (ValueError, AttributeError, RecursionError):
            raise Unanswered("VNPAY's answer is no JSON object") from None
        code = told.get("vnp_ResponseCode", "")
        # What says nothing about money need not be believed, only told: VNPAY may not sign that it refuses to hear us.
        if code == TAKEN_BEFORE:
            return told
        if code in SILENCES:
            raise silence(code)
        if not is_mac(told.get(HASH, ""), self.secret, joined(answered, told)):
            raise Unanswered("VNPAY's answer is not signed")
        if (told.get("vnp_TmnCode"), told.get("vnp_TxnRef")) != (self.terminal, reference):
            raise Unanswered("VNPAY's answer is about something else")
        return told

    async def _send(self, method: str, path: str, order: str | None, body: Told | None = None) -> httpx.Response:
        try:
            return await self.client.request(method, path, json=body, extensions=about(order) if order else None)
        except httpx.HTTPError as error:
            raise Unanswered(f"VNPAY does not answer: {type(error).__name__}") from None


def _require_200(response: httpx.Response) -> None:
    if response.status_code != 200:
        raise Unanswered(f"VNPAY answers {response.status_code}")


def _line(told: bytes) -> Mapping[str, Any]:
    """A line of the statement; what cannot be read is named by its bytes alone."""
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"told": told}


def silence(code: str) -> Unanswered:
    """The error for a code that says nothing about money, or that nobody has documented."""
    return Unanswered(SILENCES[code]) if code in SILENCES else UnknownCode(f"VNPAY answers with code {code[:20]}")
