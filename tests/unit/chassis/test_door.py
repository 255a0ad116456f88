"""What every request passes through: bounded bodies, a trace of our own, and errors that the OpenAPI document tells."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Request
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.health import Health
from chassis.http import MOST_BYTES, CodeOf, application
from chassis.metrics import Metrics

STRANGER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def routes() -> APIRouter:
    made = APIRouter()

    @made.post("/upload")
    @made.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @made.get("/things/{code}")
    async def thing(code: CodeOf) -> str:
        return code

    return made


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def http(spans: InMemorySpanExporter) -> AsyncIterator[httpx.AsyncClient]:
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    uploads = {"/upload": 3 * 2**20}
    app = application("door", "", [routes()], Health(), Metrics(), tracing.get_tracer("test"), uploads)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        yield client


async def test_a_body_of_the_greatest_size_is_taken(http: httpx.AsyncClient) -> None:
    assert (await http.post("/size", content=b"x" * MOST_BYTES)).json() == MOST_BYTES


async def test_a_larger_body_is_refused_also_when_it_does_not_say_its_length(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 1024 + 1):
            yield b"x" * 1024

    for content in (b"x" * (MOST_BYTES + 1), endless()):
        answer = await http.post("/size", content=content)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


async def test_only_the_path_of_an_upload_takes_more_and_its_limit_is_told(http: httpx.AsyncClient) -> None:
    async def more() -> AsyncIterator[bytes]:
        for _ in range(3 * 16 + 1):
            yield b"x" * 65536

    whole = b"x" * (3 * 2**20)
    assert (await http.post("/upload", content=whole)).json() == len(whole)
    for content in (whole + b"x", more()):
        answer = await http.post("/upload", content=content)
        assert (answer.status_code, "3 MiB" in answer.json()["detail"]) == (413, True)
    for answer in (await http.post("/size", content=whole), await http.put("/upload", content=whole)):
        assert (answer.status_code, "256 KiB" in answer.json()["detail"]) == (413, True)


async def test_a_strangers_context_is_linked_and_never_continued(
    http: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    """Its flag says "do not sample": that is for the stranger's trace, not for ours."""
    await http.get("/things/a", headers={"traceparent": STRANGER})
    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert span.context is not None
    assert format(span.context.trace_id, "032x") != STRANGER.split("-")[1]
    assert [format(link.context.trace_id, "032x") for link in span.links] == [STRANGER.split("-")[1]]


async def test_a_code_that_nobody_can_write_names_nothing(http: httpx.AsyncClient) -> None:
    assert (await http.get("/things/%00")).status_code == 404


async def test_openapi_tells_errors_as_they_are_sent(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    told = document["paths"]["/things/{code}"]["get"]["responses"]
    assert {"401", "404", "409", "422", "503"} <= set(told)
    for status in ("404", "422"):
        schema = told[status]["content"]["application/problem+json"]["schema"]
        assert schema["$ref"] == "#/components/schemas/Problem"
