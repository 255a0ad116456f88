"""The account's API for its owner: the statement, searching it, returns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.bank import later, returns
from deploy.sandbox.bank.deliveries import Deliveries
from deploy.sandbox.bank.faults import befallen, failure, timed_out
from deploy.sandbox.bank.office import Office, told_line
from deploy.sandbox.bank.purposes import searched
from deploy.sandbox.kit.requests import bearer, bounded_body, same_secret

LARGEST_BODY = 8 * 1024
MOST_LINES, MOST_FOUND = 1000, 100
UNHEARD_OF = "under_clearing_review"

_FIELDS = {
    "reference": r"[A-Za-z0-9_-]{8,64}",
    "line": r"[A-Za-z0-9]{1,40}",
    "amount": r"[1-9][0-9]{0,14}",
    "remark": r"[ -~]{0,100}",
    "client_data": r"[ -~]{0,100}",
}
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Api:
    office: Office
    deliveries: Deliveries

    def routes(self) -> list[Route]:
        return [
            Route("/v1/statement", self._served(self.statement)),
            Route("/v1/transactions", self._served(self.transactions)),
            Route("/v1/returns", self._served(self.send_back), methods=["POST"]),
            Route("/v1/returns/{reference}", self._served(self.sent_back)),
        ]

    def _served(self, handler: Handler) -> Handler:
        """The handler behind the faults and the key."""

        async def served(request: Request) -> Response:
            await _body(request)
            if (answer := await befallen(self.office.faults, request)) is not None:
                return answer
            if not same_secret(bearer(request), self.office.settings.key):
                return failure(401, "unauthorized", "Authorization: Bearer … is missing or wrong")
            return await handler(request)

        return served

    async def statement(self, request: Request) -> Response:
        """Lines behind `after` (a cursor), `limit` at most, booked in [since, until) where these are given."""
        asked, wrong = request.query_params, dict[str, str]()
        after = _number(asked, "after", 0, 0, 2**62, wrong)
        limit = _number(asked, "limit", 100, 1, MOST_LINES, wrong)
        since, until = _time(asked, "since", -math.inf, wrong), _time(asked, "until", math.inf, wrong)
        if wrong:
            return _invalid(wrong)
        rows = self.office.store.statement(after, since, until, limit + 1)
        told = [told_line(row) for row in rows[:limit]]
        following = told[-1]["cursor"] if told else str(after)
        return JSONResponse({"lines": told, "next": following, "more": len(rows) > limit})

    async def transactions(self, request: Request) -> Response:
        """The newest lines whose purpose holds these letters and digits, whatever stands between them."""
        purpose = request.query_params.get("purpose", "")
        if len(searched(purpose)) < 6:
            return _invalid({"purpose": "at least six letters or digits"})
        rows = self.office.store.found(purpose, MOST_FOUND)
        return JSONResponse({"lines": [told_line(row) for row in rows]})

    async def send_back(self, request: Request) -> Response:
        """Take a return; the same reference and body again is answered with how that return stands now."""
        wanted = _wanted(await _body(request))
        if isinstance(wanted, dict):
            return _invalid(wanted)
        office, last = self.office, self.office.store.last_notice()
        try:
            row, new = returns.take(office, wanted)
        except returns.RefusedError as refused:
            return failure(refused.status, refused.code, refused.message)
        if new and office.faults.fires("notice_before_response", wanted.reference):
            with office.store.transaction():
                returns.settle(office, row)
            await self.deliveries.send_now(office.store.notices_behind(last))
        if fault := office.faults.fires("timeout_after_charge", "POST /v1/returns"):
            return await timed_out(request, fault.delay_seconds)
        return self._answer(wanted.reference, 201 if new else 200)

    async def sent_back(self, request: Request) -> Response:
        """How a return stands."""
        reference = request.path_params["reference"]
        if self.office.store.sent_back(reference) is None:
            return failure(404, "return_unknown", "no return was taken under this reference")
        later.settle_due(self.office)
        return self._answer(reference, 200)

    def _answer(self, reference: str, status: int) -> Response:
        row = self.office.store.sent_back(reference)
        assert row is not None
        told = self.office.told_return(row)
        if self.office.faults.fires("unknown_code", reference):
            told["status"] = UNHEARD_OF
        return JSONResponse(told, status)


async def _body(request: Request) -> bytes:
    """The body, kept with the request: faults must not wait before it was read."""
    if not hasattr(request.state, "body"):
        request.state.body = await bounded_body(request, LARGEST_BODY)
    kept: bytes = request.state.body
    return kept


def _wanted(body: bytes) -> returns.Wanted | dict[str, str]:
    """The return that is asked for, or each wrong field with what is wrong."""
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return {"": "the body is not a JSON object"}
    given = {"remark": "", "client_data": "", **fields}
    wrong = {str(name)[:64]: "there is no such field" for name in fields if name not in _FIELDS}
    for name, pattern in _FIELDS.items():
        value = given.get(name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            wrong[name] = f"a string like {pattern} is needed"
    return wrong or returns.Wanted(**{**given, "amount": int(given["amount"])})


def _number(asked: Mapping[str, str], name: str, default: int, least: int, most: int, wrong: dict[str, str]) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,19}", text) or not least <= int(text) <= most:
        wrong[name] = f"a number from {least} to {most}"
        return default
    return int(text)


def _time(asked: Mapping[str, str], name: str, default: float, wrong: dict[str, str]) -> float:
    text = asked.get(name, "")
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    wrong[name] = "a time in RFC 3339 with its offset"
    return default


def _invalid(wrong: Mapping[str, str]) -> JSONResponse:
    errors = [{"field": field, "message": message} for field, message in wrong.items()]
    return failure(400, "invalid_request", "see errors", errors=errors)
