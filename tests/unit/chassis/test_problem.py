"""Errors over HTTP: problem+json in both languages, every wrong field at once, and never what was typed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Query
from opentelemetry.trace import NoOpTracer
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from chassis import http
from chassis.errors import Conflict, NotFound, Refusal, Retry
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.mistakes import mistake

routes = APIRouter()
TYPED = "Nguyễn Thị Ánh"


class Message(BaseModel):
    body: str


class Form(BaseModel):
    model_config = {"extra": "forbid"}

    name: str = Field(max_length=5)
    born: date
    age: int
    message: Message


FAILURES: dict[str, Exception] = {
    "refused": Refusal("paid_already", "Đã nộp.", "Paid already.", 409, ({"path": "amount", "code": "x"},)),
    "unauthenticated": Refusal("unauthenticated", "Đăng nhập lại.", "Sign in again.", 401),
    "hidden": NotFound("Không có.", "Nothing."),
    "raced": Conflict("counter: changed by another transaction"),
    "waits": Retry(f"secret {TYPED}"),
    "database": ConnectionRefusedError(TYPED),
    "lock": asyncpg.PostgresError.new({"C": "55P03", "M": TYPED}),
    "unforeseen": KeyError(TYPED),
}


@routes.post("/forms")
async def file(form: Form, copies: Annotated[int, Query()], key: Annotated[UUID | None, Query()] = None) -> None: ...


class Bounds(BaseModel):
    more: int = Field(gt=0)
    least: int = Field(ge=1)
    most: int = Field(le=5)
    many: list[int] = Field(max_length=2)
    shape: str = Field(pattern="^[a-w]$")
    at: AwareDatetime
    whole: int
    strict: int = Field(strict=True)
    part: Message


@routes.post("/bounds")
async def bounds(form: Bounds) -> None: ...


@routes.get("/failures/{name}")
async def fails(name: str) -> None:
    raise FAILURES[name]


@routes.get("/broken")
async def breaks() -> StreamingResponse:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise KeyError(TYPED)

    return StreamingResponse(half())


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged meanwhile, instead of pages of it on the screen."""
    with capture_logs() as entries:
        yield list(entries)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    application = http.application("test", "", [routes], Health(), Metrics(), NoOpTracer())
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def problem(response: httpx.Response) -> dict[str, Any]:
    """The body, which is a problem in both languages and repeats nothing that was typed."""
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == response.status_code
    assert told["type"] == f"urn:motcua:problem:{told['code']}"
    assert all(told[name] for name in ("title", "title_en", "detail", "detail_en"))
    assert TYPED not in response.text
    return told


async def test_every_wrong_field_is_told_at_once_in_both_languages(client: httpx.AsyncClient) -> None:
    form = {"name": TYPED, "born": "30/2/2026", "age": TYPED, "message": {}, TYPED[:3]: 1}
    told = problem(await client.post("/forms", params={"copies": TYPED, "key": TYPED}, json=form))
    assert (told["status"], told["code"]) == (422, "invalid")
    assert {error["path"]: error["code"] for error in told["errors"]} == {
        "query.copies": "int_parsing",
        "query.key": "uuid_parsing",
        "name": "string_too_long",
        "born": "date_from_datetime_parsing",
        "age": "int_parsing",
        "message.body": "missing",
        TYPED[:3]: "extra_forbidden",
    }
    assert all(error["vi"] and error["en"] for error in told["errors"])


async def test_each_kind_of_mistake_has_words_of_its_own_that_name_the_bound(client: httpx.AsyncClient) -> None:
    form = {"more": 0, "least": 0, "most": 9, "many": [1, 2, 3], "shape": "x", "at": "2026-01-01T00:00:00", "whole": 1.5,
            "strict": "1", "part": 5}  # fmt: skip
    told = {each["path"]: each for each in problem(await client.post("/bounds", json=form))["errors"]}
    assert {path: each["code"] for path, each in told.items()} == {
        "more": "greater_than", "least": "greater_than_equal", "most": "less_than_equal", "many": "too_long",
        "shape": "string_pattern_mismatch", "at": "timezone_aware", "whole": "int_from_float", "strict": "int_type",
        "part": "model_attributes_type",
    }  # fmt: skip
    assert len({each["vi"] for each in told.values()}) == len({each["en"] for each in told.values()}) == len(told)
    assert (told["least"]["vi"], told["least"]["en"]) == ("Nhỏ nhất là 1.", "At least 1.")
    assert (told["most"]["vi"], told["most"]["en"]) == ("Lớn nhất là 5.", "At most 5.")


class Kinds(BaseModel):
    table: dict[str, int]
    filled: dict[str, int] = Field(min_length=1)
    at: AwareDatetime
    day: date
    yes: bool
    key: UUID
    some: list[int] = Field(min_length=2)
    reason: Annotated[Annotated[str, AfterValidator(str.strip)], Field(min_length=10)]
    name: Annotated[Annotated[str, AfterValidator(str.strip)], Field(max_length=3)]
    under: int = Field(lt=5)
    huge: int
    ours: Annotated[int, AfterValidator(lambda _: wrong())]


def wrong() -> None:
    raise mistake("not_ours", "Không phải của chúng tôi.", "Not ours.")


@routes.post("/kinds")
async def kinds(form: Kinds) -> None: ...


async def test_each_kind_of_field_has_words_of_its_own_and_a_text_is_measured_in_characters(
    client: httpx.AsyncClient,
) -> None:
    form = {"table": 5, "filled": {}, "at": "9/6/2026", "day": "2026-06-09T08:00:00", "yes": "perhaps", "key": 5,
            "some": [1], "reason": "x", "name": TYPED, "under": 5, "huge": "9" * 5_000, "ours": 1}  # fmt: skip
    told = {each["path"]: each for each in problem(await client.post("/kinds", json=form))["errors"]}
    assert {path: (each["code"], each["vi"]) for path, each in told.items()} == {
        "table": ("dict_type", "Phải là một nhóm trường, viết trong { }."),
        "filled": ("too_short", "Có ít nhất 1 mục."),
        "at": ("datetime_from_date_parsing", "Thời điểm không đọc được; hãy viết như 2026-06-09T08:00:00+07:00."),
        "day": ("date_from_datetime_inexact", "Chỉ ghi ngày, không ghi giờ (viết NĂM-THÁNG-NGÀY)."),
        "yes": ("bool_parsing", "Phải là true hoặc false."),
        "key": ("uuid_type", "Không phải là một mã UUID."),
        "some": ("too_short", "Có ít nhất 2 mục."),
        "reason": ("too_short", "Nội dung quá ngắn (ít nhất 10 ký tự)."),
        "name": ("too_long", "Nội dung quá dài (nhiều nhất 3 ký tự)."),
        "under": ("less_than", "Phải nhỏ hơn 5."),
        "huge": ("int_parsing_size", "Số này quá lớn."),
        "ours": ("not_ours", "Không phải của chúng tôi."),
    }
    assert told["ours"]["en"] == "Not ours."


async def test_what_is_too_large_is_told_in_each_language_by_itself(client: httpx.AsyncClient) -> None:
    told = problem(await client.post("/forms", content=b"x" * 300_000))
    assert (told["status"], told["detail"], told["detail_en"]) == (
        413,
        "Nội dung quá lớn (nhiều nhất 256 KiB).",
        "Too large (at most 256 KiB).",
    )


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"5", b"[]"])
async def test_a_body_that_is_no_form_is_told_as_one(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(
        "/forms", params={"copies": 1}, content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    told = problem(response)
    assert {error["path"] for error in told.get("errors", ())} <= {"body"}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("refused", 409, "paid_already"),
        ("unauthenticated", 401, "unauthenticated"),
        ("hidden", 404, "not_found"),
        ("raced", 503, "unavailable"),
        ("waits", 503, "unavailable"),
        ("database", 503, "unavailable"),
        ("lock", 503, "unavailable"),
        ("unforeseen", 500, "internal"),
    ],
)
async def test_each_error_has_its_status(client: httpx.AsyncClient, name: str, status: int, code: str) -> None:
    response = await client.get(f"/failures/{name}")
    assert (response.status_code, problem(response)["code"]) == (status, code)
    assert (response.headers.get("retry-after") is not None) is (status == 503)
    assert (response.headers.get("www-authenticate") == "Bearer") is (status == 401)


async def test_a_refusal_tells_its_own_sentences_and_fields(client: httpx.AsyncClient) -> None:
    told = problem(await client.get("/failures/refused"))
    assert (told["detail"], told["detail_en"]) == ("Đã nộp.", "Paid already.")
    assert told["errors"] == [{"path": "amount", "code": "x"}]


async def test_what_the_framework_refuses_is_a_problem_too(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/nothing"))["code"] == "not_found"
    response = await client.delete("/forms")
    assert problem(response)["code"] == "method_not_allowed"
    assert response.headers["allow"] == "POST"


async def test_half_an_answer_is_broken_off_not_followed_by_another(client: httpx.AsyncClient) -> None:
    with pytest.raises(KeyError):
        await client.get("/broken")


async def test_what_is_measured_has_no_label_that_a_caller_can_invent(client: httpx.AsyncClient) -> None:
    for path in ("/failures/refused", "/failures/hidden", "/nothing", "/nothing/else"):
        await client.get(path)
    text = (await client.get("/metrics")).text
    assert 'route="/failures/{name}"' in text
    assert 'route="unknown",status="404"' in text
    assert "refused" not in text
    assert "else" not in text


async def test_operations_answer_on_every_service(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).status_code == 200
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "test"


async def test_readiness_names_each_reason() -> None:
    health = Health()
    health.waits("kafka", "Kafka is away")
    health.waits("database", "away")
    transport = httpx.ASGITransport(http.application("test", "", [], health, Metrics(), NoOpTracer()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert problem(response)["detail_en"].endswith("database: away; kafka: Kafka is away")
        assert (await client.get("/healthz")).status_code == 200
        health.well("kafka")
        health.well("database")
        assert (await client.get("/readyz")).status_code == 200
