"""The civil register's HTTP interface."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.kit.requests import hold
from deploy.sandbox.oidc.registry import Registry
from deploy.sandbox.register.app import Lookup, Mistake, Settings, application, read
from deploy.sandbox.register.people import load
from tests.unit.sandbox.client import arm, client_of, fired

KEY = {"X-API-Key": "register-key"}
SLOW_SECONDS = 0.1


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(Settings(tmp_path, "register-key", SLOW_SECONDS))) as client:
        client.headers.update(KEY)
        yield client


async def ask(register: httpx.AsyncClient, citizen_id: str = "019190012345", **changes: Any) -> httpx.Response:
    question = {"citizen_id": citizen_id, "purpose": "G09.20-20260609-0092637", "reference": "r-1"} | changes
    return await register.post(
        "/persons/lookup", json={key: value for key, value in question.items() if value is not None}
    )


async def outcomes(register: httpx.AsyncClient) -> list[tuple[str | None, str, str]]:
    """The audit, oldest first: (client, citizen ID, outcome)."""
    found = (await register.get("/_control/enquiries")).json()["enquiries"]
    return [(each["client"], each["citizen_id"], each["outcome"]) for each in reversed(found)]


async def test_every_citizen_who_can_sign_in_is_registered_as_the_form_says(register: httpx.AsyncClient) -> None:
    for persona in Registry.load().personas.values():
        if persona.role == "citizen":
            answer = (await ask(register, persona.form["citizen_id"])).json()
            person = answer["person"]
            assert answer["found"] is True
            assert (person["name"], person["deceased_on"]) == (persona.name, None)
            assert (person["birth_date"], person["sex"]) == (persona.form["birth_date"], persona.form["sex"])


@pytest.mark.parametrize(
    ("citizen_id", "expected"),
    [
        ("019190012345", {"name": "Nguyễn Thị Ánh", "birth_date": "1990-03-08", "deceased_on": None}),
        ("019190000001", {"name": "NGUYEN THI ANH"}),
        ("019190000002", {"name": "Phạm Thu Hằng"}),
        ("019190000003", {"birth_date": "1990-08-03"}),
        ("019190000004", {"deceased_on": "2025-12-01"}),
        ("019190000508", {"name": "Nguyễn Thị Ánh"}),
    ],
)
async def test_some_ids_always_have_what_a_test_needs(
    register: httpx.AsyncClient,
    citizen_id: str,
    expected: dict[str, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, held = time.monotonic(), list[float]()

    async def noted(request: Request, seconds: float) -> None:
        held.append(seconds)
        await hold(request, seconds)

    monkeypatch.setattr("deploy.sandbox.register.app.hold", noted)
    person = (await ask(register, citizen_id)).json()["person"]
    assert person | expected == person
    assert held == ([SLOW_SECONDS] if citizen_id == "019190000508" else [])
    assert time.monotonic() - began >= sum(held)


async def test_an_id_that_nobody_has_is_not_found_and_one_is_always_away(register: httpx.AsyncClient) -> None:
    nobody = await ask(register, "019190000404")
    assert (nobody.status_code, nobody.json()) == (200, {"found": False, "person": None})
    away = await ask(register, "019190000503")
    assert (away.status_code, away.json()["error"]["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"citizen_id": "0191"}, "citizen_id_invalid"),
        ({"citizen_id": 19190012345}, "citizen_id_invalid"),
        ({"citizen_id": "٠١٩١٩٠٠١٢٣٤٥"}, "citizen_id_invalid"),
        ({"purpose": None}, "purpose_missing"),
        ({"purpose": ""}, "purpose_invalid"),
        ({"reference": None}, "reference_missing"),
        ({"name": "Ánh"}, "field_unknown"),
    ],
)
async def test_an_enquiry_without_its_reason_or_with_more_than_needed_is_refused(
    register: httpx.AsyncClient, changes: dict[str, Any], code: str
) -> None:
    answer = await ask(register, **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_without_the_key_nothing_is_told_and_the_stranger_is_written_down(register: httpx.AsyncClient) -> None:
    for key in ("", "wrong"):
        register.headers["X-API-Key"] = key
        answer = await ask(register)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert await outcomes(register) == [(None, "019190012345", "unauthorized")] * 2


async def test_every_enquiry_is_written_down_and_the_page_shows_no_whole_id_of_it(register: httpx.AsyncClient) -> None:
    for citizen_id in ("019190012345", "019177000404", "019190000503", "x"):
        await ask(register, citizen_id)
    assert await outcomes(register) == [
        ("motcua", "019190012345", "found"),
        ("motcua", "019177000404", "not_found"),
        ("motcua", "019190000503", "failed"),
        ("motcua", "", "citizen_id_invalid"),
    ]
    page = (await register.get("/")).text
    assert "019······404" in page
    assert "019177000404" not in page


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("away_503", 503),
        ("storm_500", 500),
        ("rate_limited_429", 429),
        ("timeout", 504),
        ("slow", 200),
        ("not_an_answer", 200),
    ],
)
async def test_a_register_in_trouble_says_so_as_often_as_it_is_told(
    register: httpx.AsyncClient, fault: str, status: int
) -> None:
    await arm(register, fault, times=2, delay_seconds=0.05)
    assert [(await ask(register)).status_code for _ in range(3)] == [status, status, 200]
    assert await fired(register, fault) == 2


async def test_a_fault_may_concern_one_person_only(register: httpx.AsyncClient) -> None:
    fault = {"name": "away_503", "times": 1, "match": "019190000001"}
    assert (await register.post("/_control/faults", json=fault)).status_code == 200
    assert [(await ask(register, each)).status_code for each in ("019190012345", "019190000001")] == [200, 503]


async def test_it_describes_itself_and_refuses_in_one_shape(register: httpx.AsyncClient) -> None:
    described = (await register.get("/openapi.json")).json()
    assert list(described["paths"]) == ["/persons/lookup"]
    assert described["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "X-API-Key"
    large = await register.post("/persons/lookup", content=b"x" * 5000)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_entity_too_large")
    assert (await register.get("/persons")).json()["error"]["code"] == "not_found"


def test_ids_say_the_sex_and_the_year_of_birth_as_real_ones_do() -> None:
    for entry in load().values():
        century_and_sex, year = int(entry.citizen_id[3]), entry.citizen_id[4:6]
        born = entry.birth_date
        assert born.startswith(("19", "20")[century_and_sex // 2])
        assert (century_and_sex % 2 == 1) == (entry.sex == "female")
        assert born[2:4] == year


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda x: repr(x).encode())
)
@settings(max_examples=200)
def test_no_body_breaks_it(body: bytes) -> None:
    assert isinstance(read(body), Lookup | Mistake)
