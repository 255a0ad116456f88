"""What partners ask: INIT, QUERY, GET_BILL. Every answer is JSON with MaLoi, but a receipt that is a PDF.

The codes other than 00 and 99 are from memory; the paths too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.requests import bounded_body, same_secret
from deploy.sandbox.national import checks
from deploy.sandbox.national.deliveries import Deliveries
from deploy.sandbox.national.notices import told_of
from deploy.sandbox.national.office import Office, ReferenceTakenError
from deploy.sandbox.national.receipts import receipt_of
from deploy.sandbox.national.signature import is_genuine

LARGEST_BODY = 64 * 1024
WRONG_FIELD, UNKNOWN_PARTNER, WRONG_SIGNATURE, TAKEN, NOT_FOUND, NOT_READY = "01", "02", "03", "04", "05", "06"
UNDOCUMENTED = "68"

Message = Mapping[str, Any]
Operation = Callable[[Request, Message], Awaitable[Response]]


class RefusedError(Exception):
    """`code` is MaLoi, the text MoTaLoi."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Api:
    office: Office
    deliveries: Deliveries

    def routes(self) -> list[Route]:
        return [
            Route("/payment/init", self._serving("INIT", self.init), methods=["POST"]),
            Route("/payment/query", self._serving("QUERY", self.query), methods=["POST"]),
            Route("/payment/get-bill", self._serving("GET_BILL", self.get_bill), methods=["POST"]),
        ]

    async def init(self, request: Request, message: Message) -> Response:
        refuse(checks.wrong_with_init(message, self.office.clock()))
        try:
            row = self.office.open_page(message)
        except ReferenceTakenError:
            raise RefusedError(TAKEN, "MaThamChieu đã được dùng cho giao dịch khác") from None
        if self.office.faults.befalls("notice_before_response", request):
            self.office.pay(row["reference"], "VCB")
            await self.deliveries.send_now(row["reference"])
        return self._success(message, UrlThanhToan=f"{self.office.settings.public_url}/thanh-toan/{row['token']}")

    async def query(self, _: Request, message: Message) -> Response:
        refuse(checks.wrong_with_question(message))
        row = self._found(message)
        state = "3" if row["state"] == "open" else "4" if row["state"] == "failed" else "1"
        if row["state"] == "paid" and (row["tells_from"] is None or row["tells_from"] > self.office.clock()):
            state = "3"
        told = told_of(row, self.office.settings, self.office.faults) if state != "3" else {}
        return self._success(message, TrangThaiGD=state, **told)

    async def get_bill(self, _: Request, message: Message) -> Response:
        refuse(checks.wrong_with_question(message))
        row = self._found(message)
        known = self.office.faults
        if row["state"] != "paid" or known.fires("bill_not_ready", row["reference"]):
            raise RefusedError(NOT_READY, "Chưa có biên lai của giao dịch này")
        if self.office.settings.bill == "json" or known.fires("bill_json", row["reference"]):
            receipt = json.loads(row["message"]).get("ThongTinBienLai", {})
            return self._success(message, SoBienLai=row["number"], SoTien=row["taken"], ThongTinBienLai=receipt)
        return Response(await asyncio.to_thread(receipt_of, dict(row)), media_type="application/pdf")

    def _serving(self, kind: str, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        """The operation, with what befalls its request and its answer."""

        async def serve(request: Request) -> Response:
            known, body = self.office.faults, await bounded_body(request, LARGEST_BODY)
            if known.befalls("storm_500", request):
                return HTMLResponse("<html><body>Internal Server Error</body></html>", 500)
            await known.delays(request)
            if await known.silences("timeout_before", request):
                return Response(status_code=504)
            message: Message = {}
            try:
                if known.befalls("unknown_code", request):
                    raise RefusedError(UNDOCUMENTED, "")
                message = self._read(kind, body)
                answer = await operation(request, message)
            except RefusedError as refused:
                answer = JSONResponse({**_head(message), "MaLoi": refused.code, "MoTaLoi": str(refused)})
            if await known.silences("timeout_after_charge", request):
                return Response(status_code=504)
            return self._as_faults_would(request, answer)

        return serve

    def _read(self, kind: str, body: bytes) -> Message:
        """The message, from our partner and truly signed. Raises RefusedError."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or message.get("LoaiBanTin") != kind:
            raise RefusedError(WRONG_FIELD, f"LoaiBanTin phải là {kind}")
        if not same_secret(str(message.get("MaDoiTac", "")), self.office.settings.partner):
            raise RefusedError(UNKNOWN_PARTNER, "MaDoiTac không đúng")
        if not is_genuine(kind, message, self.office.settings.secret):
            raise RefusedError(WRONG_SIGNATURE, "MaXacThuc không đúng")
        return message

    def _found(self, message: Message) -> Any:
        row = self.office.store.payment(str(message["MaThamChieu"]))
        if row is None:
            raise RefusedError(NOT_FOUND, "Không tìm thấy giao dịch")
        return row

    def _success(self, message: Message, **more: Any) -> JSONResponse:
        return JSONResponse({**_head(message), "MaLoi": "00", "MoTaLoi": "Thành công", **more})

    def _as_faults_would(self, request: Request, answer: Response) -> Response:
        known = self.office.faults
        if known.befalls("not_an_answer", request):
            return HTMLResponse("<html><body>Bảo trì hệ thống · Maintenance</body></html>")
        if not isinstance(answer, JSONResponse):
            return answer
        body = json.loads(bytes(answer.body))
        for name, success in (("answer_zero", "0"), ("answer_number", 0)):
            if body["MaLoi"] == "00" and known.befalls(name, request):
                body["MaLoi"] = success
        if known.befalls("answer_wrapped", request):
            body = {"error_code": 0, "message": json.dumps(body, ensure_ascii=False)}
        return JSONResponse(body)


def refuse(wrong: list[str]) -> None:
    """Raises RefusedError with everything that is wrong, if anything is."""
    if wrong:
        raise RefusedError(WRONG_FIELD, "; ".join(wrong))


def _head(message: Message) -> dict[str, str]:
    return {name: str(message.get(name, "")) for name in ("LoaiBanTin", "MaDoiTac", "MaThamChieu")}
