"""The HTTP side of every service: health, metrics, OpenAPI, problems, traces, and who is calling."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import AfterValidator
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from chassis import problem
from chassis.access import Caller, Verifier
from chassis.errors import NotFound, Refusal, is_passing
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.once import Once
from chassis.telemetry import links_to
from chassis.work import Work

log = structlog.get_logger()

MOST_BYTES = 256 * 1024
_QUIET = {"/healthz", "/readyz", "/metrics"}
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def application(
    title: str,
    description: str,
    routes: Sequence[APIRouter],
    health: Health,
    metrics: Metrics,
    tracer: Tracer,
    uploads: Mapping[str, int] = MappingProxyType({}),
    **kwargs: Any,
) -> FastAPI:
    """The ASGI application; `uploads` as in Bounded, `kwargs` go to FastAPI (its lifespan)."""
    app = FastAPI(title=title, description=description, version="1", responses=problem.RESPONSES, **kwargs)
    generate = app.openapi
    app.openapi = lambda: problem.documented(generate())  # type: ignore[method-assign]
    for router in routes:
        app.include_router(router)
    app.include_router(_of_operations(health, metrics))
    app.add_exception_handler(Refusal, _answering(problem.of_refusal))
    app.add_exception_handler(RequestValidationError, _answering(problem.of_validation))
    app.add_exception_handler(HTTPException, _answering(problem.of_http))
    app.add_middleware(Bounded, most=MOST_BYTES, uploads=uploads)
    app.add_middleware(Observed, tracer=tracer, metrics=metrics)
    return app


def _answering(problem_of: Callable[[Any], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """An exception handler on the event loop: a plain function would be given a thread for each error."""

    async def answer(_: Request, error: Exception) -> Response:
        return problem_of(error)

    return answer


def _of_operations(health: Health, metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["operations"])

    @routes.get("/healthz")
    async def alive() -> dict[str, str]:
        """The process answers: liveness, whatever else is away."""
        return {"status": "alive"}

    @routes.get("/readyz")
    async def ready() -> Response:
        """200 when everything that this process needs is there; else 503 with each reason."""
        if reasons := health.reasons:
            told = "; ".join(f"{part}: {reason}" for part, reason in sorted(reasons.items()))
            return problem.response(
                503, "not_ready", f"Đang chờ: {told}", f"Waiting for: {told}", (), {"Retry-After": "1"}
            )
        return JSONResponse({"status": "ready"})

    @routes.get("/metrics")
    async def scrape() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class Bounded:
    """Refuses a body of more than `most` bytes with 413, also one that does not say its length beforehand.

    A POST to a path in `uploads` may have as many bytes as stand there; its route reads them as a stream.
    """

    def __init__(self, app: Any, most: int, uploads: Mapping[str, int]) -> None:
        self._app, self._most, self._uploads = app, most, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._uploads.get(scope["path"], self._most) if scope["method"] == "POST" else self._most
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if int(said) > most:
            await problem.of_http(_too_large(most))(scope, receive, send)
            return
        taken = 0

        async def receiving() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _too_large(most)
            return message

        await self._app(scope, receiving, send)


def _too_large(most: int) -> HTTPException:
    """Its detail is the bound."""
    size = f"{most // 2**20} MiB" if most >= 2**20 else f"{most // 2**10} KiB"
    return HTTPException(413, size)


class Observed:
    """Gives each request a span and a measurement, and each unforeseen error an answer that can be acted on."""

    def __init__(self, app: Any, tracer: Tracer, metrics: Metrics) -> None:
        self._app, self._tracer, self._metrics = app, tracer, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        started, status, begun = time.monotonic(), 500, False

        async def sending(message: Any) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
            await send(message)

        # A stranger's context is linked, never continued: it must not decide whether and where our trace is kept.
        sent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        with self._tracer.start_as_current_span(
            scope["method"],
            context=Context(),
            links=links_to(sent),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._app(scope, receive, sending)
            except Exception as error:
                answer = _of_unforeseen(error)
                if begun:
                    raise  # half an answer is out: all that is left is to break it off
                await answer(scope, receive, sending)
            route = getattr(scope.get("route"), "path", "unknown")
            span.update_name(f"{scope['method']} {route}")
            span.set_attributes(
                {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
            )
            if status >= 500:
                span.set_status(StatusCode.ERROR)
        self._metrics.http_seconds.labels(scope["method"], route, status).observe(time.monotonic() - started)


def _of_unforeseen(error: Exception) -> JSONResponse:
    if is_passing(error):
        log.warning("request could not be served", reason=type(error).__name__)
        return problem.unavailable(type(error).__name__)
    log.error("request failed", error=type(error).__name__, exc_info=error)
    return problem.response(
        500,
        "internal",
        "Hệ thống gặp lỗi. Yêu cầu chưa được thực hiện; xin thử lại với cùng Idempotency-Key.",
        "Internal error. The request was not carried out; try again with the same Idempotency-Key.",
    )


_BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT", description="OIDC access token (RFC 9068)")


async def _work(request: Request) -> Work:
    work: Work = request.app.state.work
    return work


async def _caller(request: Request, _: Annotated[Any, Security(_BEARER)]) -> Caller:
    verifier: Verifier = request.app.state.verifier
    return await verifier.caller(request.headers.get("authorization"))


def _printable(code: str) -> str:
    if not code.isprintable():
        raise NotFound("Không tìm thấy.", "Not found.")
    return code


WorkOf = Annotated[Work, Depends(_work)]
CallerOf = Annotated[Caller, Depends(_caller)]
CodeOf = Annotated[str, AfterValidator(_printable)]
"""A code in a path, as people write one: what has a null byte or the like names nothing, and no database is asked."""


_KEY = Header(min_length=8, max_length=255, description="A new random key for each new request")


async def _once(request: Request, caller: CallerOf, idempotency_key: Annotated[str, _KEY]) -> Once:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Once.of(caller.subject, idempotency_key, asked, await request.body())


async def _perhaps_once(
    request: Request, caller: CallerOf, idempotency_key: Annotated[str | None, _KEY] = None
) -> Once | None:
    return None if idempotency_key is None else await _once(request, caller, idempotency_key)


OnceOf = Annotated[Once, Depends(_once)]
PerhapsOnceOf = Annotated[Once | None, Depends(_perhaps_once)]
"""For what may be done twice: it needs no key, and one that is given is honoured (`Work.remembered`)."""


def allowed(caller: Caller, *roles: str) -> Caller:
    """The caller, when its role is one of `roles`. Raises Refusal 403."""
    if caller.role not in roles:
        raise Refusal(
            "forbidden",
            "Tài khoản của bạn không được phép làm việc này.",
            f"This needs the role {' or '.join(roles)}.",
            403,
        )
    return caller
