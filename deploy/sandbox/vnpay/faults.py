"""The faults this VNPAY can be told to show (`/_control/faults`), and those that befall a request.

`match` narrows a fault. Requests are compared as "POST /merchant_webapi/api/transaction querydr": without `match` only the
merchant's API and the statement are hit, with `"match": "/paymentv2"` the pay page. Payments and notices are compared by
their vnp_TxnRef.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from deploy.sandbox.kit.faults import Faults

API = "/merchant_webapi/"

FAULTS: Mapping[str, str] = {
    "timeout_before": "the request has no effect and is never answered (with delay_seconds: cut off after them)",
    "timeout_after_charge": "the request has its effect and is never answered (with delay_seconds: cut off after them)",
    "storm_500": "the request has no effect and is answered with 500",
    "rate_limited_429": "the request has no effect and is answered with 429",
    "slow": "the request is carried out delay_seconds (1 when 0) later",
    "not_an_answer": "a proxy's page comes instead of the answer, with 200",
    "unknown_code": "querydr or refund does its work, and answers with a code that nobody has documented",
    "notice_lost": "the IPN is never sent",
    "notice_duplicated": "the IPN is sent a second time after it was confirmed",
    "notice_before_response": "the IPN is sent before the payer's browser is answered",
    "notice_delayed": "the IPN is first sent delay_seconds (5 when 0) later",
    "notice_reordered": "the IPN waits until the next one has been confirmed",
    "notice_forged": "besides the IPN a copy with ten times the amount is sent once, signed with a wrong secret",
    "notice_unsigned": "besides the IPN a copy is sent once without a signature",
    "unknown_payment": "besides what is being paid, an order that nobody asked for is paid",
    "wrong_amount": "the payment takes a tenth of the amount, and says so everywhere",
    "pending_forever": "the payment is confirmed and stays unfinished (01)",
    "failed_then_captured": "the payment fails, and is captured after all delay_seconds (2 when 0) later",
    "refund_refused": "the refund is taken and refused (09) when the bank decides",
    "refund_pending": "the refund is taken and stays in work (05)",
    "refund_returned": "the refund goes to the bank (06), and comes back delay_seconds (1 when 0) later (09)",
}


async def before(faults: Faults, request: Request, command: str = "") -> Response | None:
    """What a fault answers instead of the request's own work. The body must have been read before."""
    if faults.befalls("storm_500", request, command):
        return JSONResponse({"message": "internal error"}, 500)
    if faults.befalls("rate_limited_429", request, command):
        return JSONResponse({"message": "too many requests"}, 429, {"Retry-After": "1"})
    if faults.befalls("not_an_answer", request, command):
        return HTMLResponse("<html><body>Bảo trì hệ thống · Maintenance</body></html>")
    await faults.delays(request, command)
    return await _silent(faults, "timeout_before", request, command)


async def after(faults: Faults, request: Request, command: str = "") -> Response | None:
    """The answer is held back after the work was done."""
    return await _silent(faults, "timeout_after_charge", request, command)


async def _silent(faults: Faults, name: str, request: Request, command: str) -> Response | None:
    return Response(status_code=504) if await faults.silences(name, request, command) else None
