"""Who sees and decides on a dossier at intake: its citizen, and the officers of its agency."""

from __future__ import annotations

import asyncio
import json

import pytest

from chassis.pages import cursor_of
from services.intake.store.dossiers import PAGE
from tests.integration.intake_desk import (
    AGENCY_SYSTEM,
    OFFICER,
    OPERATOR,
    OTHER_AGENCY,
    OTHER_SYSTEM,
    Desk,
)
from tests.records import NOON

RESULT = {"document_id": "019ea9f0-1a2b-7c3d-8e4f-5a6b7c8d9e90"}
DECISIONS = ("accept", "refuse", "process", "complete", "return")


async def _codes(desk: Desk, who: str, query: str = "") -> list[str]:
    answer = await desk.get(f"/dossiers{query}", who)
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("who", "one", "listed"),
    [
        ("anh", 200, True),
        ("duc", 404, False),
        (OFFICER, 200, True),
        ("son.banglai", 200, True),
        (OTHER_AGENCY, 404, False),
    ],
)
async def test_a_dossier_is_seen_by_its_citizen_and_its_agencys_officers(
    desk: Desk, who: str, one: int, listed: bool
) -> None:
    code = await desk.filed()
    assert (await desk.get(f"/dossiers/{code}", who)).status_code == one
    assert await _codes(desk, who) == ([code] if listed else [])


@pytest.mark.parametrize("who", [OPERATOR, OTHER_SYSTEM])
async def test_operators_and_other_agencies_systems_see_no_forms(desk: Desk, who: str) -> None:
    """The form is personal data: other systems read the events, operators the projection."""
    code = await desk.filed()
    assert (await desk.get(f"/dossiers/{code}", who)).status_code == 404
    assert (await desk.get("/dossiers", who)).status_code == 403


async def test_a_dossier_that_is_not_mine_looks_exactly_like_none(desk: Desk) -> None:
    code = await desk.filed()
    for who in ("duc", OTHER_AGENCY, OPERATOR, OTHER_SYSTEM):
        hidden, absent = await desk.get(f"/dossiers/{code}", who), await desk.get("/dossiers/G09.20-260609-9999", who)
        assert hidden.status_code == absent.status_code == 404
        assert hidden.content == absent.content
        assert dict(hidden.headers) == dict(absent.headers)


@pytest.mark.parametrize("what", DECISIONS)
async def test_to_another_agencys_officer_a_command_finds_nothing(desk: Desk, what: str) -> None:
    code = await desk.filed(paid=True)
    hidden = await desk.decides(code, what, OTHER_AGENCY)
    absent = await desk.decides("G09.20-260609-9999", what, OTHER_AGENCY)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content
    assert (await desk.get(f"/dossiers/{code}", "anh")).json()["status"] == 1


@pytest.mark.parametrize("who", ["anh", "duc", OPERATOR, AGENCY_SYSTEM])
@pytest.mark.parametrize("what", DECISIONS)
async def test_only_officers_decide(desk: Desk, who: str, what: str) -> None:
    code = await desk.filed(paid=True)
    refused = await desk.decides(code, what, who)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await desk.decides("G09.20-260609-9999", what, who)).content == refused.content
    assert (await desk.get(f"/dossiers/{code}", "anh")).json()["version"] == 2


@pytest.mark.parametrize(
    "code", ["%00", "%0A", "%F0%9F%99%82", "%ED%A0%80", "' or true --", "x" * 5000, "%2e%2e", "💩"]
)
async def test_a_code_of_any_bytes_is_simply_not_found(desk: Desk, code: str) -> None:
    assert (await desk.get(f"/dossiers/{code}", "anh")).status_code == 404
    assert (await desk.decides(code, "accept")).status_code == 404


async def test_nobody_looks_or_decides_without_signing_in(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic YW5oOm1vdGN1YQ=="}):
        assert (await desk.http.get("/dossiers", headers=headers)).status_code == 401
        assert (await desk.http.get(f"/dossiers/{code}", headers=headers)).status_code == 401
        assert (await desk.http.post(f"/dossiers/{code}/accept", headers=headers)).status_code == 401


async def test_the_catalogue_is_open_to_everybody(desk: Desk) -> None:
    listed = (await desk.http.get("/procedures")).json()
    assert "1.002809" in {procedure["code"] for procedure in listed}
    form = (await desk.http.get("/procedures/1.002809/form")).json()
    assert form["properties"]["procedure"]["const"] == "1.002809"
    for strange in ("9.999999", "%00", "x" * 5000):
        assert (await desk.http.get(f"/procedures/{strange}/form")).status_code == 404


async def test_of_two_officers_who_saw_one_version_one_decides_and_one_looks_again(desk: Desk) -> None:
    for _ in range(5):
        code = await desk.filed(paid=True)
        etag = (await desk.get(f"/dossiers/{code}", OFFICER)).headers["etag"]
        answers = await asyncio.gather(
            desk.decides(code, "accept", OFFICER, etag), desk.decides(code, "refuse", "son.banglai", etag)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        shown = (await desk.get(f"/dossiers/{code}", OFFICER)).json()
        assert shown["status"] == (2 if answers[0].status_code == 200 else 3)
        assert shown["version"] == 3


async def test_an_etag_that_was_seen_before_a_change_is_stale(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    etag = (await desk.get(f"/dossiers/{code}", OFFICER)).headers["etag"]
    assert (await desk.decides(code, "accept", etag=etag)).status_code == 200
    stale = await desk.decides(code, "process", etag=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    fresh = (await desk.get(f"/dossiers/{code}", OFFICER)).headers["etag"]
    assert fresh != etag
    assert (await desk.decides(code, "process", etag=fresh)).status_code == 200


@pytest.mark.parametrize("etag", ["*", 'W/"2"', "2", ' "2" '])
async def test_an_etag_is_understood_as_proxies_and_people_write_it(desk: Desk, etag: str) -> None:
    code = await desk.filed(paid=True)
    assert (await desk.decides(code, "accept", etag=etag)).status_code == 200


@pytest.mark.parametrize("etag", ["", '""', '"x"', '"2', '2"', '"-2"', '"\u00b2"', '"2", "3"', '"' + "9" * 5000 + '"'])
async def test_an_if_match_that_we_never_gave_is_a_bad_request(desk: Desk, etag: str) -> None:
    code = await desk.filed(paid=True)
    headers = {**desk.bearer(OFFICER), "If-Match": etag}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    refused = await desk.http.post(f"/dossiers/{code}/accept", headers=raw)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_etag")


async def test_pages_list_every_dossier_once_the_newest_first(desk: Desk) -> None:
    codes = [await desk.filed() for _ in range(6)]
    await desk.filed(who="duc")
    await desk.pool.execute("update dossier set submitted_at = $1 where right(code, 1) in ('2', '3', '4')", NOON)
    for who, limit in (("anh", 1), ("anh", 2), ("anh", 4), ("anh", 6), (OFFICER, 3)):
        found, cursor, pages = list[str](), "", 0
        while True:
            page = (await desk.get(f"/dossiers?limit={limit}{cursor}", who)).json()
            assert page["items"], "no page is empty"
            found += [item["code"] for item in page["items"]]
            pages += 1
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']}"
        expected = codes if who == "anh" else [*codes, f"{codes[0][:-1]}7"]
        assert sorted(found) == sorted(expected)
        assert found[-3:] == [codes[3], codes[2], codes[1]]
        assert pages == -(-len(expected) // limit)


async def test_lists_are_filtered_by_status(desk: Desk) -> None:
    waiting, ready = await desk.filed(), await desk.filed(paid=True)
    assert await _codes(desk, "anh", "?status=6") == await _codes(desk, OFFICER, "?status=6") == [waiting]
    assert await _codes(desk, OFFICER, "?status=1") == [ready]
    assert await _codes(desk, OFFICER, "?status=10") == []


@pytest.mark.parametrize("query", ["status=0", "status=11", "status=x", "limit=0", "limit=101", "limit=x"])
async def test_a_wrong_question_is_a_problem_at_its_parameter(desk: Desk, query: str) -> None:
    answer = await desk.get(f"/dossiers?{query}", "anh")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == f"query.{query.split('=')[0]}"


@pytest.mark.parametrize(
    "cursor",
    ["nonsense", "%00", "", "WyIyMDI2IiwgMV0", cursor_of(NOON, "\x00"), cursor_of(NOON.replace(tzinfo=None), "x")],
)
async def test_a_cursor_that_we_never_gave_is_a_bad_request(desk: Desk, cursor: str) -> None:
    answer = await desk.get(f"/dossiers?cursor={cursor}", "anh")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize(
    ("what", "body", "path"),
    [
        ("refuse", None, "body"),
        ("refuse", {}, "grounds"),
        ("refuse", {"grounds": "ngắn"}, "grounds"),
        ("refuse", {"grounds": " " * 50}, "grounds"),
        ("refuse", {"grounds": "Có ký tự rỗng \x00 ở giữa"}, "grounds"),
        ("refuse", {"grounds": "x" * 2001}, "grounds"),
        ("refuse", {"grounds": ["Không thuộc thẩm quyền"]}, "grounds"),
        ("refuse", {"grounds": "Không thuộc thẩm quyền", "agency": "H55.31"}, "agency"),
        ("complete", RESULT | {"result_number": "  "}, "result_number"),
        ("complete", RESULT | {"result_number": "1\x00"}, "result_number"),
        ("complete", RESULT | {"result_number": "1" * 101}, "result_number"),
        ("complete", RESULT | {"result_number": 1}, "result_number"),
        ("return", {"delivery": ""}, "delivery"),
    ],
)
async def test_a_decision_without_its_reasons_is_a_problem_at_the_field(
    desk: Desk, what: str, body: object, path: str
) -> None:
    code = await desk.filed(paid=True)
    answer = await desk.post(f"/dossiers/{code}/{what}", OFFICER, body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"] == path
    assert error["vi"]
    assert error["en"]


@pytest.mark.parametrize("status", [None, 4])
@pytest.mark.parametrize("of", ["person", "agency"])
async def test_every_list_is_read_from_an_index_in_its_order(desk: Desk, of: str, status: int | None) -> None:
    await desk.filed()
    await desk.pool.execute(
        "insert into person select gen_random_uuid(), 1, 1, null, 'x', 'x', null, null, 'vi' from generate_series(1, 99)"
    )
    await desk.pool.execute(
        """
        insert into dossier select made.*
        from dossier as one, (select array_agg(person_id) as ids from person) as people, generate_series(1, 10000) as i,
            lateral jsonb_populate_record(one, jsonb_build_object(
                'code', 'C-' || i, 'agency', 'agency ' || i % 20, 'status', i % 10 + 1, 'person_id', ids[i % 100 + 1],
                'submitted_at', now() - make_interval(secs => i))) as made"""
    )
    # The service may not analyze; and PostgreSQL's own look at the table might end later, with what it was before.
    async with desk.owner() as owner:
        await owner.execute("alter table dossier set (autovacuum_enabled = off); analyze dossier")
    person = await desk.pool.fetchval("select person_id from dossier where code = 'C-7'")
    whose = (person, None) if of == "person" else (None, "agency 7")
    async with desk.pool.acquire() as connection:
        asked = await connection.prepare(f"explain (format json) {PAGE}")
        for _ in range(8):  # PostgreSQL may change its mind about a prepared statement after five times
            plan = json.dumps(json.loads(await asked.fetchval(*whose, status, NOON, "C-1", 21)))
            assert "Index" in plan
            assert "Seq Scan" not in plan
            assert of == "person" or "Sort" not in plan
