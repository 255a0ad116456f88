"""An SMS carrier as Vietnamese aggregators offer: messages in over HTTP, delivery receipts out, asked for truth.

Phone numbers ending 001 are delivered, 002 fail for good, 003 fail for now, all others are delivered. Use numbers
from +84590000000 to +84590009999, which reach nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from deploy.sandbox.kit.background import background
from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import page, templates, utc_time
from deploy.sandbox.kit.requests import bearer, bounded_body, hold, same_secret
from deploy.sandbox.sms.receipts import Receipts, connection
from deploy.sandbox.sms.store import ReferenceReusedError, Store
from deploy.sandbox.sms.submission import Submission, read

FAULTS = {
    "timeout_before": "the SMS is not taken, the caller waits delay_seconds (30 when 0), then hears 504",
    "timeout_after_send": "the SMS is sent, the caller waits delay_seconds (30 when 0), then hears 504",
    "storm_500": "any request to /messages is answered with 500, nothing is sent",
    "rate_limited_429": "any request to /messages is answered with 429 and Retry-After, nothing is sent",
    "receipt_lost": "the SMS reaches its end, its receipt is never posted",
    "receipt_duplicated": "an accepted receipt is posted a second time",
    "receipt_before_response": "the receipt is posted before POST /messages is answered",
    "receipt_delayed": "the receipt is posted delay_seconds (5 when 0) later than usual",
    "slow": "any request to /messages is answered delay_seconds (1 when 0) later",
}
LARGEST_BODY = 16 * 1024
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Settings:
    """`delivery_seconds`: from accepting an SMS to its arrival on the phone."""

    data: Path
    token: str
    receipt_url: str
    receipt_secret: str
    delivery_seconds: float = 0.2


def application(settings: Settings) -> Starlette:
    """The carrier's server; its lifespan delivers receipts."""
    carrier = Carrier.open(settings)
    return Starlette(
        routes=[
            Route("/messages", carrier.submit, methods=["POST"]),
            Route("/messages", carrier.find, methods=["GET"]),
            Route("/messages/{id}", carrier.show),
            Route("/healthz", carrier.health),
            Route("/", carrier.phones),
            Route("/_control/messages", carrier.messages),
            *carrier.faults.routes(),
        ],
        lifespan=carrier.lifespan,
        exception_handlers={HTTPException: not_served},
    )


def failure(status: int, code: str, message: str, **more: Any) -> JSONResponse:
    headers = {"Retry-After": str(more.pop("retry_after"))} if "retry_after" in more else None
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status, headers)


async def not_served(_: Request, error: Exception) -> JSONResponse:
    """No such path or method, or a body too large: refused in the same shape as everything else."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return failure(status, HTTPStatus(status).name.lower(), str(getattr(error, "detail", error)))


def truth(row: sqlite3.Row) -> dict[str, Any]:
    """What the carrier knows of a message, without its text."""
    return {
        "id": row["id"],
        "reference": row["reference"],
        "state": row["state"],
        "parts": row["parts"],
        "to": row["recipient"],
        "brand": row["brand"],
        "encoding": row["encoding"],
        "accepted_at": utc_time(row["accepted_at"]),
        "settled_at": None if row["settled_at"] is None else utc_time(row["settled_at"]),
    }


def phone_number(request: Request) -> str | None:
    """`?to=` in E.164, however it was typed: 0590…, 84590…, or +84590… whose plus the query made a space."""
    digits = "".join(filter(str.isdecimal, request.query_params.get("to", "")))
    return f"+{'84' + digits[1:] if digits.startswith('0') else digits}" if digits else None


@dataclass(frozen=True)
class Carrier:
    settings: Settings
    store: Store
    faults: Faults
    receipts: Receipts

    @classmethod
    def open(cls, settings: Settings) -> Carrier:
        store, faults = Store.open(settings.data), Faults(FAULTS)
        receipts = Receipts(store, faults, settings.receipt_url, settings.receipt_secret)
        return cls(settings, store, faults, receipts)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with background(self.receipts.run()):
            yield

    async def submit(self, request: Request) -> JSONResponse:
        body = await bounded_body(request, LARGEST_BODY)
        if (refusal := await self._refusal(request)) is not None:
            return refusal
        if fault := self.faults.fires("timeout_before"):
            return await self._timed_out(request, fault.delay_seconds)
        message = read(body)
        if not isinstance(message, Submission):
            return failure(400, "invalid_request", "see errors", errors=[asdict(mistake) for mistake in message])
        due_at = time.time() + self.settings.delivery_seconds
        if fault := self.faults.fires("receipt_delayed"):
            due_at += fault.delay_seconds or 5.0
        try:
            row, new = self.store.accept(message, due_at)
        except ReferenceReusedError:
            return failure(409, "reference_reused", "this reference was accepted with other content")
        if new and self.faults.fires("receipt_before_response"):
            async with connection() as client:
                await self.receipts.deliver(self.store.receipt_of(row["id"]), client)
        self.receipts.expect(due_at)
        if fault := self.faults.fires("timeout_after_send"):
            return await self._timed_out(request, fault.delay_seconds)
        answer = {"id": row["id"], "reference": row["reference"], "state": "accepted", "parts": row["parts"]}
        return JSONResponse(answer, 201, None if new else {"Idempotent-Replayed": "true"})

    async def show(self, request: Request) -> JSONResponse:
        if (refusal := await self._refusal(request)) is not None:
            return refusal
        row = self.store.by_id(request.path_params["id"])
        return failure(404, "message_unknown", "no such message") if row is None else JSONResponse(truth(row))

    async def find(self, request: Request) -> JSONResponse:
        if (refusal := await self._refusal(request)) is not None:
            return refusal
        reference = request.query_params.get("reference", "")
        if not reference:
            return failure(400, "reference_missing", "ask with ?reference=…")
        row = self.store.by_reference(reference)
        return JSONResponse({"messages": [] if row is None else [truth(row)]})

    async def messages(self, request: Request) -> JSONResponse:
        """Everything the phones show, for the sandbox's own programs: no token, texts included."""
        rows = self.store.latest(phone_number(request), 1000)
        return JSONResponse(
            {
                "messages": [
                    truth(row)
                    | {"text": row["text"], "receipt_attempts": row["receipt_attempts"]}
                    | {"receipt_answer": row["receipt_answer"], "receipt_done": row["receipt_done_at"] is not None}
                    for row in rows
                ]
            }
        )

    async def phones(self, request: Request) -> HTMLResponse:
        recipient = phone_number(request)
        phones: dict[str, list[sqlite3.Row]] = {}
        for row in self.store.latest(recipient, 200):
            phones.setdefault(row["recipient"], []).append(row)
        return page(PAGES, "phones.html", phones=phones, recipient=recipient)

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _refusal(self, request: Request) -> JSONResponse | None:
        """The answer that faults or a wrong token give to any request; None when it may go on."""
        if fault := self.faults.fires("slow"):
            await asyncio.sleep(fault.delay_seconds or 1.0)
        if self.faults.fires("storm_500"):
            return failure(500, "internal_error", "the carrier is unwell")
        if fault := self.faults.fires("rate_limited_429"):
            wait = max(1, round(fault.delay_seconds))
            return failure(429, "rate_limited", f"try again in {wait} s", retry_after=wait)
        if not same_secret(bearer(request), self.settings.token):
            return failure(401, "unauthorized", "Authorization: Bearer … is missing or wrong")
        return None

    async def _timed_out(self, request: Request, seconds: float) -> JSONResponse:
        await hold(request, seconds or TIMEOUT_SECONDS)
        return failure(504, "timeout", "no answer in time")


PAGES = templates(Path(__file__).parent / "templates")
