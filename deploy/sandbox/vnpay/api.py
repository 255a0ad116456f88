"""`POST /merchant_webapi/api/transaction`: querydr and refund, in JSON, signed in both directions.

[V] the fields, the order in which they are signed, vnp_RequestId being unique in a day. [M] that querydr without
vnp_TransactionNo speaks of the payment, with that of a refund of the refund; that a refund refused uses no vnp_RequestId up;
that code 94 names nothing; and what is checked first.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.kit.requests import bounded_body
from deploy.sandbox.vnpay import faults
from deploy.sandbox.vnpay.codes import PART, PAYMENT, QUERY, REFUND, WHOLE
from deploy.sandbox.vnpay.office import Office, wire_time
from deploy.sandbox.vnpay.signature import (
    HASH,
    QUERY_ANSWERED,
    QUERY_ASKED,
    REFUND_ANSWERED,
    REFUND_ASKED,
    holds,
    joined,
    mac,
)

LARGEST_BODY = 16 * 1024
UNDOCUMENTED = "77"
WINDOW_SECONDS = 30 * 24 * 3600
_BOTH = {
    "vnp_RequestId": "[A-Za-z0-9]{1,32}", "vnp_Version": r"2\.1\.0", "vnp_TxnRef": "[A-Za-z0-9]{1,100}",
    "vnp_OrderInfo": ".{1,255}", "vnp_TransactionDate": "[0-9]{14}", "vnp_CreateDate": "[0-9]{14}",
    "vnp_IpAddr": "[0-9A-Fa-f.:]{2,45}",
}  # fmt: skip
_REFUND = {"vnp_TransactionType": "02|03", "vnp_Amount": "[1-9][0-9]{0,11}", "vnp_CreateBy": ".{1,245}"}
Asked = Mapping[str, str]


@dataclass(frozen=True)
class Api:
    office: Office

    async def transaction(self, request: Request) -> Response:
        asked = _read(await bounded_body(request, LARGEST_BODY))
        command = (asked or {}).get("vnp_Command", "")
        if (trouble := await faults.before(self.office.faults, request, command)) is not None:
            return trouble
        answer = self._answer(asked) if asked is not None else self._told("", {}, "03")
        if self.office.faults.befalls("unknown_code", request, command):
            answer = self._signed(command, answer | {"vnp_ResponseCode": UNDOCUMENTED})
        if (lost := await faults.after(self.office.faults, request, command)) is not None:
            return lost
        return JSONResponse(answer)

    def _answer(self, asked: Asked) -> dict[str, str]:
        command = asked.get("vnp_Command", "")
        fields = {"querydr": QUERY_ASKED, "refund": REFUND_ASKED}.get(command)
        if fields is None:
            return self._told(command, asked, "03")
        settings, store = self.office.settings, self.office.store
        if asked.get("vnp_TmnCode") != settings.terminal:
            return self._told(command, asked, "02")
        if not holds(asked.get(HASH, ""), settings.secret, joined(fields, asked)):
            return self._told(command, asked, "97")
        patterns = _BOTH | (_REFUND if command == "refund" else {})
        if any(not re.fullmatch(pattern, asked.get(name, "")) for name, pattern in patterns.items()):
            return self._told(command, asked, "03")
        if store.seen(asked["vnp_RequestId"], self.office.day()):
            return self._told(command, asked, "94")
        return self._query(asked) if command == "querydr" else self._refund(asked)

    def _query(self, asked: Asked) -> dict[str, str]:
        self.office.store.see(asked["vnp_RequestId"], self.office.day())
        row = _named(asked, self._transactions(asked))
        return self._told("querydr", asked, "91") if row is None else self._told("querydr", asked, "00", row)

    def _refund(self, asked: Asked) -> dict[str, str]:
        rows, number = self._transactions(asked), asked.get("vnp_TransactionNo", "")
        if not rows or (number not in ("", "0") and number != str(rows[0]["no"])):
            return self._told("refund", asked, "91")
        paid, refunds = rows[0], rows[1:]
        if paid["status"] != "00" or self.office.clock() - paid["at"] > WINDOW_SECONDS:
            return self._told("refund", asked, "95")
        if any(row["status"] == "05" for row in refunds):
            return self._told("refund", asked, "94")
        left = paid["amount"] - sum(row["amount"] for row in refunds if row["status"] != "09")
        kind, amount = asked["vnp_TransactionType"], int(asked["vnp_Amount"])
        if amount > left or (kind == WHOLE and amount != paid["amount"]) or (kind == PART and amount == paid["amount"]):
            return self._told("refund", asked, "93")
        order = self.office.store.purchase(asked["vnp_TxnRef"])
        assert order is not None
        no = self.office.take_refund(order, kind, amount, asked["vnp_OrderInfo"], asked["vnp_RequestId"])
        return self._told("refund", asked, "00", self.office.store.payment(no))

    def _transactions(self, asked: Asked) -> list[sqlite3.Row]:
        """Those of the order that is meant, the payment first; nothing when there is no such order."""
        order = self.office.store.purchase(asked["vnp_TxnRef"])
        if order is None or order["created"] != asked["vnp_TransactionDate"]:
            return []
        return self.office.store.payments_of(order["txn_ref"])

    def _told(self, command: str, asked: Asked, code: str, row: sqlite3.Row | None = None) -> dict[str, str]:
        told = {
            "vnp_ResponseId": secrets.token_hex(16), "vnp_Command": command, "vnp_ResponseCode": code,
            "vnp_Message": (REFUND if command == "refund" else QUERY)[code].vi,
            "vnp_TmnCode": self.office.settings.terminal, "vnp_TxnRef": asked.get("vnp_TxnRef", ""),
        }  # fmt: skip
        if row is not None:
            paid = row["status"] in ("00", "07") or row["type"] != PAYMENT
            told |= {
                "vnp_Amount": str(row["amount"]), "vnp_OrderInfo": row["info"], "vnp_BankCode": row["bank"],
                "vnp_PayDate": wire_time(row["at"]) if paid else "", "vnp_TransactionNo": str(row["no"]),
                "vnp_TransactionType": row["type"], "vnp_TransactionStatus": row["status"],
            }  # fmt: skip
            if command == "querydr":
                told |= {"vnp_PromotionCode": "", "vnp_PromotionAmount": ""}
        return self._signed(command, told)

    def _signed(self, command: str, told: dict[str, str]) -> dict[str, str]:
        fields = REFUND_ANSWERED if command == "refund" else QUERY_ANSWERED
        return told | {HASH: mac(self.office.settings.secret, joined(fields, told))}


def _named(asked: Asked, rows: list[sqlite3.Row]) -> sqlite3.Row | None:
    """The transaction that is meant: the payment, unless a number names another."""
    number = asked.get("vnp_TransactionNo", "")
    if number in ("", "0"):
        return rows[0] if rows else None
    return next((row for row in rows if str(row["no"]) == number), None)


def _read(body: bytes) -> dict[str, str] | None:
    """The request's fields, numbers as they are written; None for what is no flat object."""
    try:
        read = json.loads(body)
        told = {str(name): str(value) for name, value in read.items() if isinstance(value, str | int)}
    except (ValueError, AttributeError):
        return None
    return told if len(told) == len(read) else None
