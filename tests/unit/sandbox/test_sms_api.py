"""The SMS carrier's HTTP interface."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.kit.retrying import backoff
from deploy.sandbox.sms.app import Settings, application
from deploy.sandbox.sms.receipts import FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS, signature
from deploy.sandbox.sms.submission import Submission, read
from tests.unit.sandbox.client import arm, client_of, fired

MESSAGE = {
    "reference": "notice-1",
    "to": "+84590001001",
    "brand": "MOTCUA",
    "text": "Hồ sơ đã được tiếp nhận.",
    "encoding": "ucs2",
}
TOKEN = {"Authorization": "Bearer carrier-token"}


@pytest.fixture
async def carrier(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(tmp_path, "carrier-token", "http://127.0.0.1:9/receipts", "secret")
    async with client_of(application(settings)) as client:
        client.headers.update(TOKEN)
        yield client


async def test_a_message_is_accepted_with_its_parts_counted(carrier: httpx.AsyncClient) -> None:
    answer = await carrier.post("/messages", json=MESSAGE | {"text": "ơ" * 71})
    assert answer.status_code == 201
    body = answer.json()
    assert body == {"id": body["id"], "reference": "notice-1", "state": "accepted", "parts": 2}


async def test_the_same_reference_again_gets_the_original_answer_and_no_second_sms(carrier: httpx.AsyncClient) -> None:
    first = await carrier.post("/messages", json=MESSAGE)
    second = await carrier.post("/messages", json=MESSAGE)
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert len((await carrier.get("/_control/messages")).json()["messages"]) == 1


@pytest.mark.parametrize(
    "change", [{"text": "khác"}, {"to": "+84590001004"}, {"brand": "KHAC"}, {"text": "a", "encoding": "gsm7"}]
)
async def test_a_reference_with_other_content_is_a_conflict(carrier: httpx.AsyncClient, change: dict[str, str]) -> None:
    await carrier.post("/messages", json=MESSAGE)
    answer = await carrier.post("/messages", json=MESSAGE | change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "reference_reused")
    assert len((await carrier.get("/_control/messages")).json()["messages"]) == 1


async def test_every_mistake_is_listed_at_once_with_a_code(carrier: httpx.AsyncClient) -> None:
    answer = await carrier.post(
        "/messages", json={"to": "0912345678", "brand": "x" * 12, "text": " ", "encoding": "utf8", "flash": True}
    )
    assert answer.status_code == 400
    assert {error["code"] for error in answer.json()["error"]["errors"]} == {
        "field_unknown",
        "reference_missing",
        "to_invalid",
        "brand_invalid",
        "text_missing",
        "encoding_unknown",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"encoding": "gsm7"}, "text_not_encodable"),
        ({"text": "a" * (67 * 10 + 1)}, "text_too_long"),
        ({"text": 7}, "text_not_text"),
        ({"to": "+84901234567\n"}, "to_invalid"),
        ({"to": "+84２90123456"}, "to_invalid"),
        ({"to": "+84123456789"}, "to_invalid"),
        ({"reference": "a b"}, "reference_invalid"),
        ({"brand": "Một cửa"}, "brand_invalid"),
    ],
)
async def test_a_bad_field_is_refused_by_name(carrier: httpx.AsyncClient, change: dict[str, Any], code: str) -> None:
    answer = await carrier.post("/messages", json=MESSAGE | change)
    assert answer.status_code == 400
    [error] = answer.json()["error"]["errors"]
    assert (error["code"], error["field"]) == (code, next(iter(change)) if code != "text_not_encodable" else "text")


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused_but_never_break_the_reader(body: bytes) -> None:
    result = read(body)
    assert isinstance(result, Submission) or result


async def test_a_body_too_large_is_refused_in_json(carrier: httpx.AsyncClient) -> None:
    answer = await carrier.post("/messages", content=b"x" * 20_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_entity_too_large")


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic carrier-token"])
async def test_without_the_token_nothing_is_sent_or_told(carrier: httpx.AsyncClient, header: str | None) -> None:
    del carrier.headers["authorization"]
    headers = {} if header is None else {"Authorization": header}
    assert (await carrier.post("/messages", json=MESSAGE, headers=headers)).status_code == 401
    assert (await carrier.get("/messages?reference=notice-1", headers=headers)).status_code == 401
    assert (await carrier.get("/_control/messages")).json() == {"messages": []}


async def test_truth_is_told_by_id_and_by_reference(carrier: httpx.AsyncClient) -> None:
    accepted = (await carrier.post("/messages", json=MESSAGE)).json()
    by_id = (await carrier.get(f"/messages/{accepted['id']}")).json()
    assert by_id["state"] == "accepted"
    assert (await carrier.get("/messages", params={"reference": "notice-1"})).json() == {"messages": [by_id]}
    assert (await carrier.get("/messages", params={"reference": "never"})).json() == {"messages": []}
    assert (await carrier.get("/messages/never")).status_code == 404
    assert (await carrier.get("/messages")).status_code == 400


@pytest.mark.parametrize("typed", ["+84590001001", "0590001001", "84590001001", "059 000 1001"])
async def test_the_page_and_the_control_list_show_one_phone(carrier: httpx.AsyncClient, typed: str) -> None:
    await carrier.post("/messages", json=MESSAGE | {"text": "<b>Hồ sơ</b>"})
    await carrier.post("/messages", json=MESSAGE | {"reference": "notice-2", "to": "+84590009999"})
    [message] = (await carrier.get("/_control/messages", params={"to": typed})).json()["messages"]
    assert (message["to"], message["text"]) == ("+84590001001", "<b>Hồ sơ</b>")
    page = (await carrier.get("/", params={"to": typed})).text
    assert "&lt;b&gt;Hồ sơ" in page
    assert "+84590009999" not in page
    assert 'http-equiv="refresh"' in page


@pytest.mark.parametrize(
    ("fault", "status", "kept"),
    [("timeout_before", 504, 0), ("timeout_after_send", 504, 1), ("storm_500", 500, 0), ("rate_limited_429", 429, 0)],
)
async def test_a_fault_fires_once_is_counted_and_the_repetition_succeeds(
    carrier: httpx.AsyncClient, fault: str, status: int, kept: int
) -> None:
    await arm(carrier, fault, delay_seconds=0.01)
    faulty = await carrier.post("/messages", json=MESSAGE)
    assert faulty.status_code == status
    assert ("retry-after" in faulty.headers) == (status == 429)
    assert len((await carrier.get("/_control/messages")).json()["messages"]) == kept
    assert (await carrier.post("/messages", json=MESSAGE)).status_code == 201
    assert await fired(carrier, fault) == 1


async def test_an_unknown_fault_is_refused_with_the_known_ones(carrier: httpx.AsyncClient) -> None:
    answer = await carrier.post("/_control/faults", json={"name": "gremlins"})
    assert answer.status_code == 404
    assert {"receipt_lost", "receipt_duplicated", "receipt_before_response", "slow"} <= set(answer.json()["known"])


def test_the_signature_covers_time_and_body() -> None:
    body = b'{"id":"1"}'
    expected = hmac.new(b"secret", b"1700000000." + body, hashlib.sha256).hexdigest()
    assert signature("secret", body, 1_700_000_000.9) == f"t=1700000000,v1={expected}"
    assert signature("secret", body, 1_700_000_001) != signature("secret", body, 1_700_000_000)


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(st.integers(min_value=0, max_value=10_000))
def test_retries_never_wait_longer_than_the_bound(attempts: int) -> None:
    assert 0 < backoff(FIRST_RETRY_SECONDS, attempts, LONGEST_RETRY_SECONDS) <= LONGEST_RETRY_SECONDS
