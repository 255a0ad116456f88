"""What officers do at the counter and to many dossiers at once, and what operators see of all that."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pypdf import PdfReader

from chassis.clock import VIETNAM
from contracts import payments
from services.intake.store import documents
from tests.database import Server as Postgres
from tests.forms import CATALOGUE, filled
from tests.integration.desk_rows import copied
from tests.integration.intake_desk import OFFICER, OPERATOR, OTHER_AGENCY, Desk, open_desk, signing
from tests.records import example
from tests.waiting import kept_open, until_waiting

COLLEAGUE, ABOVE = "son.banglai", "hanh.tinh"


@pytest.fixture(scope="module")
async def open_for_all(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        async with open_desk(await postgres_server.fresh("intake"), provider) as desk:
            yield desk


@pytest.fixture
async def desk(open_for_all: Desk) -> Desk:
    await open_for_all.forgets()
    return open_for_all


async def _sent(desk: Desk, what: str, body: Any, who: str = OFFICER) -> dict[str, Any]:
    answer = await desk.post(f"/desk/{what}", who, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _outcomes(told: dict[str, Any]) -> list[Any]:
    return [item["status"] if item["ok"] else item["problem"]["code"] for item in told["items"]]


async def test_each_dossier_of_a_batch_is_answered_for_itself(desk: Desk) -> None:
    """Also one that is not there, one that waits for its fees, one that somebody else has changed, and all a second time."""
    ready, changed, waiting = await desk.filed(paid=True), await desk.filed(paid=True), await desk.filed()
    items = [{"code": ready, "version": 2}, {"code": waiting}, {"code": changed, "version": 1}, {"code": "G09.20-1"}]
    told = await _sent(desk, "accept", {"items": items})
    assert [item["code"] for item in told["items"]] == [ready, waiting, changed, "G09.20-1"]
    outcomes = _outcomes(told)
    assert (told["done"], outcomes[0], outcomes[2], outcomes[3]) == (1, 2, "stale", "not_found")
    problem = told["items"][1]["problem"]
    assert problem["status"] == 409
    assert problem["vi"]
    assert problem["en"]
    assert outcomes[1] == problem["code"]
    again = await _sent(desk, "accept", {"items": [{"code": ready}]})
    assert (again["done"], again["items"][0]["problem"]["status"]) == (0, 409)
    assert (await desk.get(f"/dossiers/{changed}", "anh")).json()["status"] == 1
    assert await desk.pool.fetchval("select count(*) from dossier_journal where kind = 'accepted'") == 1


async def test_two_hundred_are_accepted_and_assigned_at_once_and_no_more(desk: Desk) -> None:
    first = await desk.filed(paid=True)
    codes = [f"G09.20-260101-{number:04}" for number in range(200)]
    await copied(desk, first, [{"code": code} for code in codes])
    told = await _sent(desk, "accept", {"items": [{"code": code} for code in codes]})
    assert (told["done"], set(_outcomes(told))) == (200, {2})
    assert (
        await desk.post("/desk/accept", OFFICER, {"items": [{"code": code} for code in [*codes, first]]})
    ).status_code == 422
    assert (await _sent(desk, "assign", {"codes": codes[:3], "officer": "Phạm Thị Hoa"}))["done"] == 3
    for code in codes[:2]:
        assert (await desk.decides(code, "process")).status_code == 200
    told = await _sent(desk, "assign", {"codes": codes[:3], "officer": "Hoàng Văn Sơn"})
    assert [item["ok"] for item in told["items"]] == [True, True, True]
    mine = (await desk.get("/desk/dossiers?mine=true", COLLEAGUE)).json()["items"]
    assert sorted(item["code"] for item in mine) == codes[:3]


@pytest.mark.parametrize("what", ["accept", "assign", "complete"])
async def test_what_is_named_twice_is_refused_as_a_whole(desk: Desk, what: str) -> None:
    """A code is the same when it is written with an older code of its agency."""
    code = await desk.filed(paid=True)
    codes = [code, code.replace("G09.20", "000.00.20.G09")]
    bodies: dict[str, Any] = {
        "accept": {"items": [{"code": each} for each in codes]},
        "assign": {"codes": codes, "officer": "x"},
        "complete": {"items": [{"code": each, "result_number": "1", "document_id": str(uuid4())} for each in codes]},
    }
    answer = await desk.post(f"/desk/{what}", OFFICER, bodies[what])
    assert (answer.status_code, answer.json()["code"]) == (422, "duplicates")
    assert (await desk.get(f"/dossiers/{code}", "anh")).json()["status"] == 1


async def _at_last_step(desk: Desk) -> str:
    code = await desk.filed(paid=True)
    for what in ("accept", "process", "hand-on"):
        assert (await desk.decides(code, what)).status_code == 200
    return code


async def test_completed_together_each_keeps_its_document_and_others_documents_stay_free(desk: Desk) -> None:
    done, early = await _at_last_step(desk), await desk.filed(paid=True)
    without = await _at_last_step(desk)
    mine, unused, citizens = await desk.uploaded(OFFICER), await desk.uploaded(OFFICER), await desk.uploaded("anh")
    items = [
        {"code": code, "result_number": number, "document_id": document}
        for code, number, document in ((done, "1", mine), (early, "2", unused), (without, "3", citizens))
    ]
    told = await _sent(desk, "complete", {"items": items})
    assert (told["done"], _outcomes(told)[0], _outcomes(told)[2]) == (1, 9, "no_result_document")
    attached = {str(row["id"]) for row in await desk.pool.fetch("select id from document where attached")}
    assert attached == {mine}
    twice = [{**item, "document_id": unused} for item in items[1:]]
    assert (await desk.post("/desk/complete", OFFICER, {"items": twice})).json()["code"] == "duplicates"


async def test_a_document_is_the_result_of_one_dossier_also_when_two_officers_take_it_at_once(desk: Desk) -> None:
    """Alone the later one is refused, in a batch only that dossier."""
    mine, other, third = [await _at_last_step(desk) for _ in range(3)]
    shared, own = await desk.uploaded(OFFICER), await desk.uploaded(OFFICER)
    alone, batch = await asyncio.gather(
        desk.post(f"/dossiers/{mine}/complete", OFFICER, {"result_number": "1", "document_id": shared}),
        _sent(desk, "complete", {"items": [
            {"code": other, "result_number": "2", "document_id": shared},
            {"code": third, "result_number": "3", "document_id": own},
        ]}, COLLEAGUE),
    )  # fmt: skip
    first, second = _outcomes(batch)
    assert second == 9
    assert {first, 9 if alone.status_code == 200 else alone.json()["code"]} == {9, "document_used"}
    again = await desk.post(f"/dossiers/{mine}/complete", OFFICER, {"result_number": "1", "document_id": own})
    assert (again.status_code, again.json()["code"]) == (409, "document_used")


async def test_in_a_batch_a_document_that_is_taken_meanwhile_stops_its_own_dossier_only(desk: Desk) -> None:
    """The other one's transaction is at its end when the batch comes to keep the documents."""
    mine, other = await _at_last_step(desk), await _at_last_step(desk)
    shared, own = await desk.uploaded(OFFICER), await desk.uploaded(OFFICER)
    items = [
        {"code": code, "result_number": "1", "document_id": document}
        for code, document in ((mine, shared), (other, own))
    ]
    async with kept_open(desk.pool) as connection:
        await documents.take(connection, [UUID(shared)])
        sending = asyncio.create_task(_sent(desk, "complete", {"items": items}))
        await until_waiting(desk.pool, 1, "%update document%")
    told = await sending
    assert _outcomes(told) == ["document_used", 9]


async def test_of_two_officers_who_saw_the_same_one_accepts_and_the_other_hears_of_it(desk: Desk) -> None:
    codes = [await desk.filed(paid=True) for _ in range(4)]
    seen = [{"code": code, "version": 2} for code in codes]
    first, second = await asyncio.gather(
        _sent(desk, "accept", {"items": seen}), _sent(desk, "accept", {"items": seen[::-1]}, COLLEAGUE)
    )
    assert first["done"] + second["done"] == 4
    assert {code for told in (first, second) for code in _outcomes(told)} == {2, "stale"}
    assert await desk.pool.fetchval("select count(*) from dossier_journal where kind = 'accepted'") == 4


async def test_another_agencys_dossiers_are_not_there_for_a_batch(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    assert _outcomes(await _sent(desk, "accept", {"items": [{"code": code}]}, OTHER_AGENCY)) == ["not_found"]
    for who in ("anh", OPERATOR):
        assert (await desk.post("/desk/accept", who, {"items": [{"code": code}]})).status_code == 403


async def _files(desk: Desk, form: Any, who: str = OFFICER, key: str | None = None) -> Any:
    return await desk.post("/desk/dossiers", who, form, **{"Idempotency-Key": key or str(uuid4())})


async def test_at_the_counter_a_citizen_who_was_there_before_gets_the_dossier_and_others_do_not(desk: Desk) -> None:
    codes = [
        (await _files(desk, filled(name=name))).json()["code"] for name in ("Lê Văn Cũ", "le van cu", "Lê Văn Mới")
    ]
    rows = await desk.pool.fetch("select person_id, filed_by from dossier where code = any($1) order by code", codes)
    first, again, other = [row["person_id"] for row in rows]
    assert (first == again, first == other) == (True, False)
    assert {row["filed_by"] for row in rows} == {"Vũ Thị Lan"}
    assert await desk.pool.fetchval("select bool_and(counter) from person")


async def test_an_account_that_typed_somebodys_id_neither_sees_nor_loses_anything_by_a_filing_at_the_counter(
    desk: Desk,
) -> None:
    """What was typed online proves nothing of who typed it."""
    await desk.submits(filled(), who="duc")
    (before,) = await desk.pool.fetch("select * from person")
    answer = await _files(desk, filled(phone="0900000003", email="khac@example.vn"))
    assert answer.status_code == 201, answer.text
    code = answer.json()["code"]
    assert answer.headers["location"] == f"/dossiers/{code}"
    for who in ("anh", "duc"):
        assert (await desk.get(f"/dossiers/{code}", who)).status_code == 404
    assert await desk.pool.fetchrow("select * from person where person_id = $1", before["person_id"]) == before
    assert [row["counter"] for row in await desk.pool.fetch("select counter from person order by counter")] == [
        False,
        True,
    ]


async def test_an_unknown_citizen_becomes_one_person_however_many_counters_file_at_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(_files(desk, filled(), who) for who in (OFFICER, COLLEAGUE, OFFICER, COLLEAGUE)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert await desk.count("person") == 1
    assert await desk.pool.fetchval("select count(distinct person_id) from dossier") == 1


async def test_a_repeated_filing_gives_the_same_dossier_and_the_fees_of_the_desk(desk: Desk) -> None:
    first, second = await _files(desk, filled(), key="k" * 12), await _files(desk, filled(), key="k" * 12)
    assert first.json() == second.json()
    preview = await desk.http.post("/fees/preview?online=false", json=filled())
    assert first.json()["fee_total"] == preview.json()["total"]
    assert await desk.count("dossier") == 1


async def test_the_counter_files_for_its_own_agency_only_and_a_wrong_form_is_told_whole(desk: Desk) -> None:
    refused = await _files(desk, filled(), OTHER_AGENCY)
    assert (refused.status_code, refused.json()["code"]) == (403, "other_agency")
    assert (await _files(desk, filled(), "anh")).status_code == 403
    wrong = await _files(desk, filled(name="1", birth_date="x"))
    assert (wrong.status_code, len(wrong.json()["errors"]) > 1) == (422, True)
    assert await desk.count("dossier") == 0


async def test_an_agencys_uploads_may_be_filed_at_its_counter_and_nobody_elses(desk: Desk) -> None:
    procedure = next(
        each for each in CATALOGUE.procedures.values()
        if each.documents and not each.cases and "commune" in each.levels
    )  # fmt: skip
    form = CATALOGUE.example(procedure) | {"agency": "H55.31"}
    form.pop("at_desk", None)
    slots = [paper.key for paper in procedure.documents if paper.required and paper.when is None]

    async def with_documents_of(who: str) -> Any:
        return form | {"documents": {slot: [await desk.uploaded(who)] for slot in slots}}

    given = await with_documents_of(OTHER_AGENCY)
    filed = await _files(desk, given, OTHER_AGENCY)
    assert filed.status_code == 201, filed.text
    assert await desk.pool.fetchval("select bool_and(attached) from document")
    again = await _files(desk, given, OTHER_AGENCY)
    assert {error["code"] for error in again.json()["errors"]} == {"no_document"}, "a dossier has them already"
    for who in ("anh", OFFICER):
        refused = await _files(desk, await with_documents_of(who), OTHER_AGENCY)
        assert refused.status_code == 422
        assert {error["code"] for error in refused.json()["errors"]} == {"no_document"}


MARKS = [
    {"path": "details.reason", "reason": "Không khớp với giấy phép"},
    {"path": "documents.health", "reason": "Ảnh mờ, không đọc được"},
]


async def test_who_filed_at_the_counter_supplements_and_withdraws_there_by_its_officers(desk: Desk) -> None:
    code = (await _files(desk, filled())).json()["code"]
    await desk.hears(example(payments.Succeeded), code)
    assert (await desk.post(f"/dossiers/{code}/request-supplement", OFFICER, {"items": MARKS})).status_code == 200
    path, document = f"/desk/dossiers/{code}", await desk.uploaded(COLLEAGUE)
    body = {"fields": {"details.reason": "hỏng"}, "documents": {"health": [document]}}
    half = await desk.post(f"{path}/supplement", COLLEAGUE, {"fields": body["fields"]})
    assert (half.status_code, half.json()["code"]) == (422, "supplement_incomplete")
    foreign = await desk.post(
        f"{path}/supplement", COLLEAGUE, body | {"documents": {"health": [await desk.uploaded("anh")]}}
    )
    assert foreign.json()["errors"][0]["code"] == "no_document"
    for who, status in ((OTHER_AGENCY, 404), ("anh", 403), (OPERATOR, 403)):
        for what in ("supplement", "withdraw"):
            assert (await desk.post(f"{path}/{what}", who, body if what == "supplement" else {})).status_code == status
    answer = await desk.post(f"{path}/supplement", COLLEAGUE, body)
    assert (answer.status_code, answer.json()["status"]) == (200, 1), answer.text
    assert await desk.pool.fetchval("select attached from document where id = $1", UUID(document))
    answer = await desk.post(f"{path}/withdraw", COLLEAGUE, {"reason": "Nộp nhầm nơi"})
    assert (answer.status_code, answer.json()["status"]) == (200, 7), answer.text
    lines = (await desk.get(f"/dossiers/{code}/journal", OFFICER)).json()["lines"]
    assert [(line["kind"], line["by"], line["role"], line["body"]["agency"]) for line in lines[-2:]] == [
        ("supplemented", "Hoàng Văn Sơn", "officer", "G09.20"),
        ("withdrawal_requested", "Hoàng Văn Sơn", "officer", "G09.20"),
    ]


async def test_what_was_filed_online_is_not_supplemented_or_withdrawn_at_a_counter(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    for what in ("supplement", "withdraw"):
        answer = await desk.post(f"/desk/dossiers/{code}/{what}", OFFICER, {})
        assert (answer.status_code, answer.json()["code"]) == (409, "filed_online")
    assert (await desk.get(f"/dossiers/{code}", "anh")).json()["status"] == 1


async def test_the_agency_above_has_a_communes_dossier_in_its_list_while_it_has_it(desk: Desk) -> None:
    procedure = CATALOGUE.procedures["1.004884"]
    form = CATALOGUE.example(procedure) | {"agency": "H55.31"}
    code = (await desk.submits(form)).json()["code"]
    if (await desk.get(f"/dossiers/{code}", "anh")).json()["fee_total"]:
        await desk.hears(example(payments.Succeeded), code)
    listed = "/desk/dossiers?procedure=1.004884"

    async def where() -> list[bool]:
        return [bool((await desk.get(listed, who)).json()["items"]) for who in (OTHER_AGENCY, ABOVE, OFFICER)]

    for what, expected in (
        ("accept", [True, False, False]),
        ("process", [True, False, False]),
        ("hand-on", [True, True, False]),
    ):
        assert (await desk.decides(code, what, OTHER_AGENCY)).status_code == 200
        assert await where() == expected
    (item,) = (await desk.get(listed, ABOVE)).json()["items"]
    assert (item["handler"], item["agency"]) == ("H55.08", "H55.31")
    assert (await desk.get("/desk/workload", ABOVE)).json()["open"] == 1
    assert (await desk.get("/desk/workload", OTHER_AGENCY)).json()["elsewhere"][0]["handler"] == "H55.08"
    assert (await desk.decides(code, "hand-on", ABOVE)).status_code == 200
    assert await where() == [True, False, False]


async def test_the_register_has_what_the_agency_received_in_these_days(desk: Desk) -> None:
    today = datetime.now(VIETNAM).date()
    code = await desk.filed()
    tomorrow = today + timedelta(days=1)  # which midnight may have made of today
    answer = await desk.get(f"/desk/register.pdf?from={today}&to={tomorrow}", OFFICER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    text = "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert code in text
    assert "NguyễnThịÁnh" in text
    before = await desk.get(f"/desk/register.pdf?from=2020-01-01&to={today - timedelta(days=1)}", OFFICER)
    assert code not in "".join(
        "".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(before.content)).pages
    )
    assert (await desk.get(f"/desk/register.pdf?from={today}&to=2020-01-01", OFFICER)).json()["code"] == "bad_period"
    assert (await desk.get(f"/desk/register.pdf?from={today}&to={today}", OPERATOR)).status_code == 403


async def test_a_register_of_too_many_is_refused_with_what_to_do(desk: Desk) -> None:
    today = datetime.now(VIETNAM).date()
    first = await desk.filed()
    await copied(desk, first, [{"code": f"C-{number}"} for number in range(2_000)])
    answer = await desk.get(f"/desk/register.pdf?from={today}&to={today + timedelta(days=1)}", OFFICER)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_dossiers")


SINCE = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _audit(desk: Desk, asked: str = "") -> list[dict[str, Any]]:
    found, cursor = list[dict[str, Any]](), ""
    while True:
        answer = await desk.get(f"/desk/audit?since={SINCE}&limit=3{asked}{cursor}", OPERATOR)
        assert answer.status_code == 200, answer.text
        found += [each for each in answer.json()["items"] if each["what"] != "audit"]
        if answer.json()["cursor"] is None:
            return found
        cursor = f"&cursor={answer.json()['cursor']}"


async def test_every_look_and_move_of_officers_is_in_the_audit_and_no_form_is(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    for path in (f"/dossiers/{code}", "/dossiers", "/desk/dossiers?q=ánh", "/desk/workload", "/documents"):
        assert (await desk.get(path, OFFICER)).status_code == 200
        await desk.get(path, "anh")
    await _sent(desk, "accept", {"items": [{"code": code}]}, COLLEAGUE)
    traces = await _audit(desk)
    assert [(each["kind"], each["what"], each["code"]) for each in traces] == [
        ("move", "accepted", code), ("look", "documents", None), ("look", "workload", None),
        ("look", "search", None), ("look", "list", None), ("look", "dossier", code),
    ]  # fmt: skip
    assert traces[3]["asked"]["q"] == "…"
    assert [each["what"] for each in await _audit(desk, "&officer=Hoàng Văn Sơn")] == ["accepted"]
    assert len(await _audit(desk, "&agency=G09.20")) == 6
    assert await _audit(desk, "&agency=H55.31") == []
    assert "019190012345" not in str(traces)


async def test_filing_at_the_counter_and_messages_are_moves_of_the_agency(desk: Desk) -> None:
    code = (await _files(desk, filled())).json()["code"]
    assert (
        await desk.post(
            f"/dossiers/{code}/posts", OFFICER, {"text": "Mời ông bà đến quầy"}, **{"Idempotency-Key": str(uuid4())}
        )
    ).status_code == 201
    moves = [each["what"] for each in await _audit(desk, "&agency=G09.20") if each["kind"] == "move"]
    assert moves == ["message", "submitted"]


async def test_a_look_at_what_is_not_the_agencys_shows_nothing_and_lists_are_noted_all_the_same(desk: Desk) -> None:
    code = await desk.filed()
    assert (await desk.get(f"/dossiers/{code}", OTHER_AGENCY)).status_code == 404
    await desk.get(f"/desk/dossiers?q={code}", OTHER_AGENCY)
    assert [each["what"] for each in await _audit(desk, "&agency=H55.31")] == ["search"]


async def test_looks_at_an_audit_and_at_documents_and_their_deletion_are_in_the_audit_too(desk: Desk) -> None:
    code, document = await desk.filed(paid=True), await desk.uploaded(OFFICER)
    for who in (OPERATOR, OFFICER):
        assert (await desk.get(f"/dossiers/{code}/audit", who)).status_code == 200
    path = f"/documents/{document}"
    assert (await desk.get(path, OFFICER)).status_code == 200
    assert (await desk.http.delete(path, headers=desk.bearer(OFFICER))).status_code == 204
    rows = await desk.pool.fetch("select role, what, code from look order by number")
    assert [tuple(row) for row in rows] == [
        ("operator", "audit", code),
        ("officer", "audit", code),
        ("officer", f"document {document}", None),
        ("officer", f"delete document {document}", None),
    ]


async def test_only_operators_read_the_audit(desk: Desk) -> None:
    for who in ("anh", OFFICER):
        assert (await desk.get(f"/desk/audit?since={SINCE}", who)).status_code == 403
    assert (await desk.get("/desk/audit?since=2026-01-01", OPERATOR)).status_code == 422
    assert (await desk.get(f"/desk/audit?since={SINCE}&cursor=x", OPERATOR)).json()["code"] == "bad_cursor"
