"""`GET /merchant_webapi/reconcile`: the reconciliation file [M]. VNPAY agrees its file with each merchant; this form is ours.

Asked with vnp_TmnCode, vnp_RequestId, vnp_CreateDate and vnp_SecureHash (as a pay link is signed), and either
  date=YYYYMMDD&page=N   the money that moved on that day in Vietnam, 5,000 lines a page: payment, refund (sent to the bank),
                         refund_returned; a line never changes, later ones come after it
  vnp_TxnRef=…           all that happened to one order, also payment_failed, refund_request and refund_refused
The answer is JSON lines: a header (the request's id, the page, their number), then a line each. `X-VNPAY-Signature` is the
HMAC-SHA512 of the body. At most 100,000 lines a day are given.
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.vnpay import faults
from deploy.sandbox.vnpay.codes import PAYMENT, QUERY
from deploy.sandbox.vnpay.office import Office, wire_time
from deploy.sandbox.vnpay.signature import HASH, holds, mac, query

MOST_LINES = 100_000


@dataclass(frozen=True)
class Statement:
    office: Office

    async def give(self, request: Request) -> Response:
        if (trouble := await faults.before(self.office.faults, request)) is not None:
            return trouble
        asked = dict(parse_qsl(request.url.query))
        if (code := self._wrong(asked)) is not None:
            return JSONResponse({"vnp_ResponseCode": code, "vnp_Message": QUERY[code].vi}, 400)
        with self.office.store.transaction():
            self.office.store.see(asked["vnp_RequestId"], self.office.day())
        rows, more = self._found(asked)
        lines = [{"vnp_RequestId": asked["vnp_RequestId"], **more}, *(self._line(row) for row in rows)]
        body = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
        signed = {"X-VNPAY-Signature": mac(self.office.settings.secret, body)}
        if (lost := await faults.after(self.office.faults, request)) is not None:
            return lost
        return Response(body, media_type="application/x-ndjson", headers=signed)

    def _wrong(self, asked: dict[str, str]) -> str | None:
        if asked.get("vnp_TmnCode") != self.office.settings.terminal:
            return "02"
        if not holds(asked.get(HASH, ""), self.office.settings.secret, query(asked)):
            return "97"
        if not re.fullmatch("[A-Za-z0-9]{1,32}", asked.get("vnp_RequestId", "")):
            return "03"
        of_day = re.fullmatch("[0-9]{8}", asked.get("date", "")) and re.fullmatch(
            "[1-9][0-9]{0,3}", asked.get("page", "")
        )
        if bool(of_day) == ("vnp_TxnRef" in asked):
            return "03"
        return "94" if self.office.store.seen(asked["vnp_RequestId"], self.office.day()) else None

    def _found(self, asked: dict[str, str]) -> tuple[list[sqlite3.Row], dict[str, object]]:
        store = self.office.store
        if "vnp_TxnRef" in asked:
            reference = asked["vnp_TxnRef"]
            return store.lines_of_order(reference), {"vnp_TxnRef": reference, "page": 1, "pages": 1}
        number, page = min(MOST_LINES, store.number_of_lines(asked["date"])), int(asked["page"])
        size = self.office.settings.page_lines
        first = (page - 1) * size
        rows = store.lines_of_day(asked["date"], first, max(0, min(size, number - first)))
        pages = max(1, -(-number // size))
        return rows, {"date": asked["date"], "page": page, "pages": pages, "lines": number}

    def _line(self, row: sqlite3.Row) -> dict[str, object]:
        return {
            "line": row["id"], "kind": row["kind"], "time": wire_time(row["moved_at"]), "vnp_TxnRef": row["txn_ref"],
            "vnp_TransactionDate": row["created"], "vnp_TransactionNo": str(row["no"]),
            "vnp_TransactionType": row["type"], "vnp_Amount": str(row["amount"]), "vnp_BankCode": row["bank"],
            "fee": self.office.settings.fee if row["kind"] == "payment" and row["type"] == PAYMENT else 0,
            "vnp_RequestId": row["request_id"], "vnp_ResponseCode": row["response"],
        }  # fmt: skip
