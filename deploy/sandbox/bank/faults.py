"""The faults that this bank can be told to show (`/_control/faults`), and those that befall a request to its API.

`match` narrows a fault: requests are compared as "POST /v1/returns", transfers by the purpose that the payer wrote,
returns by their reference, notices by their type.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.requests import hold

FAULTS = {
    "timeout_before": "the request has no effect, the caller waits delay_seconds (30 when 0), then hears 504",
    "timeout_after_charge": "the return is taken, the caller waits delay_seconds (30 when 0), then hears 504",
    "storm_500": "the request has no effect and is answered with 500",
    "rate_limited_429": "the request has no effect and is answered with 429 and Retry-After",
    "not_an_answer": "a proxy's page comes instead of the answer, with 200",
    "slow": "the request is carried out delay_seconds (1 when 0) later",
    "notice_lost": "the notice is never sent",
    "notice_duplicated": "the notice is sent a second time, freshly signed",
    "notice_forged": "besides the notice a copy with ten times the amount is sent once, signed with a wrong secret",
    "notice_unsigned": "besides the notice a copy is sent once without a signature",
    "notice_stale": "besides the notice a copy is sent once with a true signature that is an hour old",
    "notice_before_response": "the notices of a transfer or a return, with its end, are sent before it is answered",
    "notice_delayed": "the notice is first sent delay_seconds (5 when 0) later",
    "notice_reordered": "the notice waits until a later one was accepted, at most delay_seconds (60 when 0)",
    "unknown_event": "besides the notice one of a type that does not exist is sent once, truly signed",
    "wrong_amount": "the payer transfers a tenth of what he was to",
    "foreign_currency": "the transfer comes in as US dollars, at 25,000 đồng",
    "purpose_lost": "the payer's bank passes no purpose on",
    "purpose_mangled": "the purpose goes through every bank's ways at once",
    "credited_twice": "the payer transfers a second time, in another transaction",
    "unknown_payment": "besides the transfer a stranger's money comes in, with a purpose of his own",
    "pending_forever": "the transfer is taken from the payer and never comes in",
    "failed_then_captured": "the app tells the payer that it failed; the money comes in delay_seconds (2 when 0) later",
    "refund_refused": "the return ends refused: the payer's account is closed",
    "refund_pending": "the return stays pending delay_seconds longer (a day when 0)",
    "refund_returned": "the return is done, and comes back delay_seconds (2 when 0) later",
    "unknown_code": "the answer about a return names a status that nobody has documented",
}
TIMEOUT_SECONDS = 30.0


def failure(status: int, code: str, message: str, **more: object) -> JSONResponse:
    """Every refusal: `code` is for programs, `message` for people."""
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status)


async def befallen(faults: Faults, request: Request) -> Response | None:
    """The answer that an armed fault gives instead of the true one, without any effect. The body must have been read."""
    subject = f"{request.method} {request.url.path}"
    if fault := faults.fires("slow", subject):
        await asyncio.sleep(fault.delay_seconds or 1.0)
    if faults.fires("storm_500", subject):
        return failure(500, "internal_error", "the bank is unwell")
    if fault := faults.fires("rate_limited_429", subject):
        limited = failure(429, "rate_limited", "too many requests")
        limited.headers["Retry-After"] = str(max(1, round(fault.delay_seconds)))
        return limited
    if faults.fires("not_an_answer", subject):
        return HTMLResponse("<html><body>Bảo trì hệ thống · Maintenance</body></html>")
    if fault := faults.fires("timeout_before", subject):
        return await timed_out(request, fault.delay_seconds)
    return None


async def timed_out(request: Request, seconds: float) -> JSONResponse:
    await hold(request, seconds or TIMEOUT_SECONDS)
    return failure(504, "timeout", "no answer in time")
