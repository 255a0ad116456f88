"""What the civil register says of a person: compared, asked again while it is away, never guessed."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.calls import Calling
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from deploy.sandbox.register.app import Settings, application
from services.intake.adapters.register import Register
from services.intake.domain.register import CheckRegister, Difference, RegisterAnswered, Registered, compare

NOW = datetime(2026, 6, 9, 9, 30, tzinfo=UTC)
ANH = Registered(name="Nguyễn Thị Ánh", birth_date=date(1990, 3, 8), sex="female")
ASKED = CheckRegister(
    code="G09.20-20260609-0092637",
    citizen_id="019190012345",
    name="Nguyễn Thị Ánh",
    birth_date=date(1990, 3, 8),
    sex="female",
)


def found(**typed: Any) -> list[tuple[str, str]]:
    return [(each.field, each.kind) for each in compare(ASKED.model_copy(update=typed), ANH)]


@pytest.mark.parametrize(
    ("typed", "differences"),
    [
        ({}, []),
        ({"name": "  NGUYỄN   thị Ánh "}, []),
        ({"name": unicodedata.normalize("NFD", "Nguyễn Thị Ánh")}, []),
        ({"name": "Nguyen Thi Anh"}, [("name", "accents")]),
        ({"name": "Nguyễn Thị Ảnh"}, [("name", "accents")]),
        ({"name": "Nguyễn Thị Anh Thư"}, [("name", "other")]),
        ({"name": "Trần Thị Ánh"}, [("name", "other")]),
        ({"birth_date": date(1990, 8, 3)}, [("birth_date", "other")]),
        ({"sex": "male"}, [("sex", "other")]),
        (
            {"name": "Lê", "birth_date": date(1991, 1, 1), "sex": "male"},
            [(each, "other") for each in ("name", "birth_date", "sex")],
        ),
        ({"birth_date": None, "sex": None}, []),
    ],
)
def test_what_differs_is_named_and_accents_are_told_apart(
    typed: dict[str, Any], differences: list[tuple[str, str]]
) -> None:
    assert found(**typed) == differences


def test_a_difference_shows_both_as_they_were_written() -> None:
    typed = ASKED.model_copy(update={"name": "Dang Van Duc", "birth_date": date(1990, 8, 3)})
    registered = ANH.model_copy(update={"name": "Đặng Văn Đức", "deceased_on": date(2025, 12, 1)})
    assert compare(typed, registered) == (
        Difference(field="name", kind="accents", typed="Dang Van Duc", registered="Đặng Văn Đức"),
        Difference(field="birth_date", kind="other", typed="1990-08-03", registered="1990-03-08"),
        Difference(field="living", kind="other", typed="", registered="2025-12-01"),
    )


@given(st.text(), st.text())
def test_names_are_compared_the_same_both_ways_whatever_they_are(one: str, other: str) -> None:
    def kinds(typed: str, registered: str) -> list[str]:
        request = ASKED.model_copy(update={"name": typed})
        return [each.kind for each in compare(request, ANH.model_copy(update={"name": registered}))]

    assert kinds(one, other) == kinds(other, one)
    assert kinds(one, f" {unicodedata.normalize('NFD', one)}  ") == []
    assert kinds(one, unicodedata.normalize("NFC", one)) == []


# The handler needs nothing of ours: no row is read for it, no message is sent.
NOTHING: Any = None
CALLING = Calling(new_id(), 0, NOTHING, NOTHING)


async def checked(register: httpx.AsyncClient, **typed: Any) -> RegisterAnswered:
    return await Register(register, lambda: NOW).check(ASKED.model_copy(update=typed), CALLING)


def sandbox(folder: Path, key: str = "key") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(Settings(folder, "key", slow_seconds=0.05)))
    return httpx.AsyncClient(transport=transport, base_url="http://register", headers={"X-API-Key": key})


@pytest.mark.parametrize(
    ("citizen_id", "expected"),
    [
        ("019190012345", RegisterAnswered(found=True, checked_at=NOW)),
        ("019190000508", RegisterAnswered(found=True, checked_at=NOW)),
        ("019190000404", RegisterAnswered(found=False, checked_at=NOW)),
        ("not an ID", RegisterAnswered(found=False, checked_at=NOW)),
        (
            "019190000001",
            RegisterAnswered(
                found=True,
                differences=(
                    Difference(field="name", kind="accents", typed="Nguyễn Thị Ánh", registered="NGUYEN THI ANH"),
                ),
                checked_at=NOW,
            ),
        ),
    ],
)
async def test_the_sandboxs_people_are_answered_for(
    tmp_path: Path, citizen_id: str, expected: RegisterAnswered
) -> None:
    async with sandbox(tmp_path) as register:
        assert await checked(register, citizen_id=citizen_id) == expected


async def test_the_register_learns_the_reason_and_nothing_of_what_was_typed(tmp_path: Path) -> None:
    async with sandbox(tmp_path) as register:
        await checked(register)
        (audited,) = (await register.get("/_control/enquiries")).json()["enquiries"]
    assert (audited["purpose"], audited["reference"]) == (ASKED.code, str(CALLING.id))


async def test_a_register_that_is_away_is_asked_again(tmp_path: Path) -> None:
    async with sandbox(tmp_path) as register:
        with pytest.raises(Unanswered, match="503 unavailable"):
            await checked(register, citizen_id="019190000503")
    async with sandbox(tmp_path, "another key") as register:
        with pytest.raises(Unanswered, match="401 unauthorized"):
            await checked(register)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(429, headers={"Retry-After": "1"}),
        httpx.Response(400, json={"error": {"code": "a_code_of_tomorrow"}}),
        httpx.Response(404, text="<html>"),
        httpx.Response(302, headers={"Location": "/login"}),
        httpx.Response(200, text="<html>Bảo trì</html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"found": True, "person": None}),
        httpx.Response(200, json={"found": False, "person": ANH.model_dump(mode="json")}),
        httpx.Response(
            200, json={"found": True, "person": {"name": "Ánh", "birth_date": "31/02/1990", "sex": "female"}}
        ),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
    ],
    ids=repr,
)
async def test_what_is_no_answer_of_the_register_is_taken_for_none(answer: httpx.Response | Exception) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond), base_url="http://register") as register:
        with pytest.raises(Unanswered, match="the civil register"):
            await checked(register)
