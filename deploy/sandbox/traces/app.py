"""A store of spans that speaks Zipkin's v2 API, so that traces can be kept and asked for without its 131 MB.

https://zipkin.io/zipkin-api/ : POST /spans, GET /trace/{id}, GET /traces, GET /services, GET /spans.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.background import background
from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.requests import bounded_body
from deploy.sandbox.traces import query, spans
from deploy.sandbox.traces.store import Store

FAULTS = {
    "refuse_spans_503": "POST /api/v2/spans is answered with 503, nothing is kept",
    "slow": "any request to /api/v2 is answered delay_seconds (1 when 0) later",
}
LARGEST_BODY = 8 * 1024 * 1024
LARGEST_UNPACKED = 32 * 1024 * 1024
PRUNE_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Settings:
    """The oldest traces are forgotten when they are older than `hours`, or all take more than `megabytes`."""

    data: Path
    hours: float = 72.0
    megabytes: float = 256.0


def application(settings: Settings) -> Starlette:
    """The span store's server; its lifespan forgets old traces."""
    traces = Traces(settings, Store.open(settings.data), Faults(FAULTS))
    return Starlette(
        routes=[
            Route("/api/v2/spans", traces.collect, methods=["POST"]),
            Route("/api/v2/spans", traces.span_names, methods=["GET"]),
            Route("/api/v2/trace/{id}", traces.show),
            Route("/api/v2/traces", traces.find),
            Route("/api/v2/services", traces.services),
            Route("/healthz", traces.health),
            Route("/health", traces.health),
            *traces.faults.routes(),
        ],
        lifespan=traces.lifespan,
    )


def json_list(texts: list[str]) -> str:
    """A JSON list of values that are JSON already."""
    return f"[{','.join(texts)}]"


@dataclass(frozen=True)
class Traces:
    settings: Settings
    store: Store
    faults: Faults

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with background(self.forget_old()):
            yield

    async def forget_old(self) -> None:
        while True:
            oldest = int((time.time() - self.settings.hours * 3600) * 1_000_000)
            forgotten = self.store.prune(oldest, int(self.settings.megabytes * 1024 * 1024))
            await asyncio.sleep(0 if forgotten else PRUNE_EVERY_SECONDS)

    async def collect(self, request: Request) -> Response:
        body = await bounded_body(request, LARGEST_BODY)
        await self._slow()
        if self.faults.fires("refuse_spans_503"):
            return PlainTextResponse("the store is unwell", 503)
        try:
            if request.headers.get("content-encoding", "").lower() == "gzip":
                body = spans.inflate(body, LARGEST_UNPACKED)
            self.store.add(spans.read(body))
        except spans.SpansError as error:
            return PlainTextResponse(str(error), 400)
        return Response(status_code=202)

    async def show(self, request: Request) -> Response:
        await self._slow()
        try:
            identifier = spans.trace_identifier(request.path_params["id"])
        except spans.SpansError as error:
            return PlainTextResponse(str(error), 400)
        found = self.store.trace(identifier)
        if not found:
            raise HTTPException(404, f"no trace {identifier}")
        return Response(json_list(found), media_type="application/json")

    async def find(self, request: Request) -> Response:
        await self._slow()
        try:
            found = self.store.find(query.read(request.query_params))
        except query.QueryError as error:
            return PlainTextResponse(str(error), 400)
        return Response(json_list([json_list(trace) for trace in found]), media_type="application/json")

    async def services(self, _: Request) -> JSONResponse:
        return JSONResponse(self.store.services())

    async def span_names(self, request: Request) -> JSONResponse:
        return JSONResponse(self.store.span_names(request.query_params.get("serviceName", "")))

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "UP"})

    async def _slow(self) -> None:
        if fault := self.faults.fires("slow"):
            await asyncio.sleep(fault.delay_seconds or 1.0)
