"""Submitting: one dossier for one request, codes without a gap, and every wrong field told."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.intake_desk import AGENCY_SYSTEM, OFFICER, OPERATOR, Desk, open_desk
from tests.integration.sandbox_process import Server
from tests.records import NOON


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Postgres, provider: Server) -> AsyncIterator[Desk]:
    """Always at noon: numbers begin anew at midnight."""
    async with open_desk(await postgres_server.fresh("intake"), provider, lambda: NOON) as desk:
        yield desk


async def test_two_hundred_at_once_get_two_hundred_codes_in_a_row(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.submits(who=("anh", "duc", "khoi")[turn % 3]) for turn in range(200)))
    assert {answer.status_code for answer in answers} == {201}
    codes = sorted(answer.json()["code"] for answer in answers)
    assert [int(code.rsplit("-", 1)[1]) for code in codes] == list(range(1, 201))
    assert len({code.rsplit("-", 1)[0] for code in codes}) == 1
    assert await desk.count("dossier") == 200
    assert await desk.count("person") == 3


async def test_the_answer_says_code_status_fee_and_where_to_look(desk: Desk) -> None:
    answer = await desk.submits()
    body = answer.json()
    assert answer.status_code == 201
    assert re.fullmatch(r"G09\.20-\d{6}-0001", body["code"])
    assert answer.headers["location"] == f"/dossiers/{body['code']}"
    assert (body["status"], body["status_name"]) == (6, "yêu cầu thực hiện nghĩa vụ tài chính")
    assert (body["fee_total"], body["currency"]) == (135_000, "VND")
    assert datetime.fromisoformat(body["payment_due"]).tzinfo is not None
    assert (await desk.get(answer.headers["location"], "anh")).json()["code"] == body["code"]


async def test_a_code_has_the_day_of_vietnam_and_each_day_counts_anew(desk: Desk) -> None:
    """Half past five in the afternoon in UTC is past midnight in Vietnam."""
    moments = [datetime(2026, 6, 9, 16, 59, tzinfo=UTC), datetime(2026, 6, 9, 17, 30, tzinfo=UTC)]
    for moment, code in zip(moments, ["G09.20-260609-0001", "G09.20-260610-0001"], strict=True):
        async with open_desk(desk.database, desk.provider, lambda moment=moment: moment) as then:  # type: ignore[misc]
            assert await then.filed() == code


async def test_the_ten_thousandth_of_a_day_gets_a_wider_code(desk: Desk) -> None:
    first = await desk.filed()
    await desk.pool.execute("update code_counter set last = 9998")
    codes = [await desk.filed() for _ in range(3)]
    assert codes == [first.replace("0001", number) for number in ("9999", "10000", "10001")]


async def test_a_number_is_not_lost_with_a_submission_that_failed(desk: Desk) -> None:
    """The database goes away after the number was drawn and the dossier written, however often it is tried."""
    first, key = await desk.filed(), str(uuid4())
    async with desk.owner() as owner:
        await owner.execute("""
            create function away() returns trigger language plpgsql as
                $$ begin raise exception 'shutting down' using errcode = '57P01'; end $$;
            create trigger away after insert on dossier for each row execute function away()""")
        failed = await desk.submits(key=key)
        await owner.execute("drop function away cascade")
    assert (failed.status_code, failed.json()["code"]) == (503, "unavailable")
    assert (await desk.count("dossier"), await desk.count("idempotency")) == (1, 1)
    again = await desk.submits(key=key)
    assert (again.status_code, again.json()["code"]) == (201, first.replace("0001", "0002"))


async def test_a_repeated_request_gets_the_first_answer_and_makes_nothing(desk: Desk) -> None:
    key = str(uuid4())
    first, second = await desk.submits(key=key), await desk.submits(key=key)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.headers["location"] == second.headers["location"]
    assert (await desk.count("dossier"), len(await desk.outbox())) == (1, 3)


async def test_twenty_at_once_with_one_key_make_one_dossier(desk: Desk) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(desk.submits(key=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await desk.count("dossier") == 1
    assert await desk.pool.fetchval("select last from code_counter") == 1


async def test_one_key_with_another_body_is_refused(desk: Desk) -> None:
    key = str(uuid4())
    await desk.submits(key=key)
    other = await desk.submits(filled(phone="0987654321"), key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await desk.count("dossier") == 1


async def test_two_at_once_with_one_key_and_different_bodies_make_one_dossier(desk: Desk) -> None:
    key = str(uuid4())
    forms = [filled(phone="0912345678"), filled(phone="0987654321")]
    answers = await asyncio.gather(*(desk.submits(form, key=key) for form in forms))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await desk.count("dossier") == 1


async def test_the_same_key_of_another_citizen_is_another_request(desk: Desk) -> None:
    key = str(uuid4())
    codes = {(await desk.submits(who=who, key=key)).json()["code"] for who in ("anh", "duc")}
    assert len(codes) == 2


async def test_a_key_is_not_used_up_by_a_form_that_was_refused(desk: Desk) -> None:
    key = str(uuid4())
    assert (await desk.submits(filled(phone="113"), key=key)).status_code == 422
    assert (await desk.submits(key=key)).status_code == 201


@pytest.mark.parametrize("key", [None, "", "short", "k" * 256, "k" * 5000])
async def test_a_missing_short_or_long_key_is_a_problem_at_its_header(desk: Desk, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await desk.post("/dossiers", "anh", filled(), **headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["path"] == "header.idempotency-key"
    assert error["code"]
    assert error["vi"]
    assert error["en"]
    assert await desk.count("dossier") == 0


async def test_a_key_of_255_characters_is_taken(desk: Desk) -> None:
    assert (await desk.submits(key="k" * 255)).status_code == 201


async def test_a_wrong_form_is_one_problem_with_every_wrong_field_in_both_languages(desk: Desk) -> None:
    typed = filled(citizen_id="019090012345", phone="113", birth_date="2030-01-01", hidden="x") | {"agency": "H55.31"}
    answer = await desk.submits(typed)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (problem["type"], problem["status"]) == ("urn:motcua:problem:form_invalid", 422)
    assert problem["detail"]
    assert problem["detail_en"]
    assert {error["path"] for error in problem["errors"]} == {
        "agency",
        "applicant.birth_date",
        "applicant.citizen_id",
        "applicant.hidden",
        "applicant.phone",
    }
    for error in problem["errors"]:
        assert set(error) == {"path", "code", "vi", "en"}
        assert all(error.values())
    assert (await desk.count("dossier"), await desk.count("person"), len(await desk.outbox())) == (0, 0, 0)


async def test_what_was_typed_is_never_repeated_in_a_problem(desk: Desk) -> None:
    secret = "Bí-mật-1990"
    typed = filled(name=secret, citizen_id=secret, birth_date=secret, sex=secret, phone=secret, email=secret)
    answer = await desk.submits(typed | {"procedure": secret, "agency": secret})
    assert answer.status_code == 422
    assert secret not in json.dumps(answer.json(), ensure_ascii=False)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"7", b'"form"', b"\xff\xfe{}", b"{}" * 2, DEEP.encode(), b'{"procedure":' + DEEP.encode() + b"}",
        b'{"procedure":"\\ud800"}', b'{"procedure":"\\u0000"}', b'{"\\ud800":1}', b'{"\\u0000":1}', b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1e400}', b'{"a":NaN}', b"x" * 3_000_000,
    ],
    ids=range(18),
)  # fmt: skip
async def test_a_body_of_any_bytes_is_answered_with_a_problem(desk: Desk, body: bytes) -> None:
    headers = desk.bearer("anh") | {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = await desk.http.post("/dossiers", headers=headers, content=body)
    assert answer.status_code in (400, 413, 422), answer.text[:200]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("who", [OFFICER, OPERATOR, AGENCY_SYSTEM])
async def test_only_citizens_file_dossiers(desk: Desk, who: str) -> None:
    answer = await desk.submits(who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await desk.count("dossier") == 0


async def test_nobody_files_without_signing_in(desk: Desk) -> None:
    answer = await desk.http.post("/dossiers", json=filled(), headers={"Idempotency-Key": str(uuid4())})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"name": "Nguye\u0302\u0303n Thi\u0323 A\u0301nh"}, {"name": "Nguyễn Thị Ánh"}),
        ({"phone": "0162 123 4567"}, {"phone": "+84321234567"}),
        ({"email": " Anh@EXAMPLE.vn"}, {"email": "Anh@example.vn"}),
    ],
)
async def test_particulars_are_kept_in_one_form_in_dossier_and_person(
    desk: Desk, typed: dict[str, Any], kept: dict[str, Any]
) -> None:
    code = (await desk.submits(filled(**typed))).json()["code"]
    shown = (await desk.get(f"/dossiers/{code}", "anh")).json()["form"]["applicant"]
    (person,) = await desk.pool.fetch("select * from person")
    assert kept.items() <= shown.items()
    assert kept.items() <= dict(person).items()
