"""The door of the API: who asks, in which version, under which idempotency key; then the operation, then the answer."""

from __future__ import annotations

import base64
import binascii
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deploy.sandbox.gateway import expansion, identifiers, parameters
from deploy.sandbox.gateway.deliveries import Deliveries
from deploy.sandbox.gateway.errors import ApiError, describe, invalid, unauthorized
from deploy.sandbox.gateway.form import FormError, Tree, decode
from deploy.sandbox.gateway.keys import Keys, fingerprint, in_use
from deploy.sandbox.gateway.operations import Failed, Operation
from deploy.sandbox.gateway.store import dumped
from deploy.sandbox.gateway.versions import checked
from deploy.sandbox.gateway.work import Cause, Office, Work
from deploy.sandbox.kit.requests import bounded_body, same_secret

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024
FORM = "application/x-www-form-urlencoded"
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Asked:
    """A request that may be carried out, as far as its headers and encoding tell."""

    id: str
    version: str
    key: str | None
    form: dict[str, Tree]


@dataclass(frozen=True)
class Api:
    office: Office
    keys: Keys
    deliveries: Deliveries
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=10_000))
    """The latest requests, newest last: what `request_log_url` of an error leads to."""

    def endpoint(self, operation: Operation) -> Endpoint:
        async def answer(request: Request) -> Response:
            identifier = identifiers.new("request")
            try:
                asked = await self._asked(request, identifier)
                response = await self._answer(request, operation, asked)
            except ApiError as error:
                response = self._refused(error, identifier)
            except HTTPException as error:
                response = self._refused(invalid(str(error.detail), status=error.status_code), identifier)
            except Exception:
                log.exception("request %s failed", identifier)
                response = self._refused(ApiError(500, "api_error", "An unknown error occurred"), identifier)
            self._finish(request, response, identifier)
            return response

        return answer

    async def not_found(self, request: Request) -> Response:
        identifier = identifiers.new("request")
        error = invalid(f"Unrecognized request URL ({request.method}: {request.url.path}).", status=404)
        response = self._refused(error, identifier)
        self._finish(request, response, identifier)
        return response

    async def _asked(self, request: Request, identifier: str) -> Asked:
        self._authenticate(request.headers.get("authorization", ""))
        version = checked(request.headers.get("stripe-version") or self.office.settings.api_version)
        posted = request.method == "POST"
        key = (request.headers.get("idempotency-key") or None) if posted else None
        body = await bounded_body(request, LARGEST_BODY)
        if body and request.headers.get("content-type", FORM).split(";")[0].strip().lower() != FORM:
            raise invalid(f"Invalid Content-Type: bodies of this API are {FORM}.")
        try:
            return Asked(identifier, version, key, decode(body.decode() if body else request.url.query))
        except (FormError, UnicodeDecodeError) as error:
            raise invalid(str(error)) from error

    def _authenticate(self, header: str) -> None:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                value = ""
        if not value.strip():
            raise unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        if not same_secret(value.strip(), self.office.settings.secret_key):
            raise unauthorized(f"Invalid API Key provided: {value.strip()[:8]}****")

    async def _answer(self, request: Request, operation: Operation, asked: Asked) -> Response:
        if await self.office.faults.silences("timeout_before", request):
            return Response(status_code=504)
        with self.keys.using(asked.key):
            kept = self._before(request, operation, asked)
            if isinstance(kept, Response):
                return kept
            await self.office.faults.delays(request)
            values = parameters.check(operation.accepts, operation.required, asked.form)
            status, body, work = self._carry_out(request, operation, asked, values, kept)
        if self.office.faults.armed and request.method != "GET":
            if work.deliveries and self.office.faults.befalls("webhook_before_response", request):
                await self.deliveries.send_now(work)
            if await self.office.faults.silences("timeout_after_charge", request):
                return Response(status_code=504)
        return _json(status, body, asked)

    def _before(self, request: Request, operation: Operation, asked: Asked) -> Response | str:
        """The answer of a fault or a used key; else the fingerprint of what is asked for."""
        known = self.office.faults
        if known.befalls("storm_500", request):
            raise ApiError(500, "api_error", "An unknown error occurred")
        if known.befalls("rate_limited_429", request):
            error = invalid("Request rate limit exceeded.", code="rate_limit", status=429)
            error.headers["Stripe-Rate-Limited-Reason"] = "global-rate"
            raise error
        if request.method == "POST" and known.befalls("conflict_409", request):
            raise in_use(asked.key or "none")
        if asked.key is None:
            return ""
        mine = fingerprint(asked.form)
        kept = self.keys.answered(asked.key, f"{operation.method} {request.url.path}", mine, self.office.clock())
        if kept is None:
            return mine
        response = _json(kept["status"], kept["body"], asked)
        response.headers.update({"Idempotent-Replayed": "true", "Original-Request": kept["request_id"]})
        return response

    def _carry_out(
        self, request: Request, operation: Operation, asked: Asked, values: parameters.Values, mine: str
    ) -> tuple[int, str, Work]:
        """Operation, answer and the kept answer, in one transaction."""
        paths = values.pop("expand", [])

        def step(work: Work) -> tuple[int, str]:
            result = operation.handle(work, values, request.path_params.get("id", ""))
            if isinstance(result, Failed):
                status, body = 402, self._error(result.error, asked.id)
            else:
                status, body = 200, dumped(expansion.expanded(work.store, result, paths, work.version))
            if operation.method == "POST" and work.faults.befalls("error_500_after_charge", request):
                status, body = 500, self._error(describe("api_error", "An unknown error occurred"), asked.id)
            if asked.key is not None:
                where = f"{operation.method} {request.url.path}"
                work.store.keep_answer(asked.key, where, mine, asked.id, status, body, work.now)
            return status, body

        if operation.method == "GET":
            work = self.office.reading(asked.version)
            return *step(work), work
        (status, body), work = self.office.run(step, Cause(asked.id, asked.key, asked.version))
        return status, body, work

    def _error(self, error: Mapping[str, Any], identifier: str) -> str:
        where = f"{self.office.settings.public_url}/_control/requests/{identifier}"
        return dumped({"error": {**error, "request_log_url": where}})

    def _refused(self, error: ApiError, identifier: str) -> Response:
        body = self._error(error.describe(), identifier)
        return Response(body, error.status, error.headers, "application/json")

    def _finish(self, request: Request, response: Response, identifier: str) -> None:
        response.headers["Request-Id"] = identifier
        self.requests.append(
            {
                "id": identifier, "at": self.office.clock(), "method": request.method, "path": request.url.path,
                "status": response.status_code, "idempotency_key": request.headers.get("idempotency-key"),
                "replayed": "idempotent-replayed" in response.headers,
            }
        )  # fmt: skip


def _json(status: int, body: str, asked: Asked) -> Response:
    headers = {"Stripe-Version": asked.version}
    if asked.key is not None:
        headers["Idempotency-Key"] = asked.key
    return Response(body, status, headers, "application/json")
