"""What is filed, supplemented and withdrawn at the counter, and the agency above that has a dossier for a while."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from contracts import payments
from tests.forms import CATALOGUE, filled
from tests.integration.desk_counter import ABOVE, COLLEAGUE, files
from tests.integration.intake_desk import OFFICER, OPERATOR, OTHER_AGENCY, Desk
from tests.records import example


async def test_at_the_counter_a_citizen_who_was_there_before_gets_the_dossier_and_others_do_not(desk: Desk) -> None:
    codes = [(await files(desk, filled(name=name))).json()["code"] for name in ("Lê Văn Cũ", "le van cu", "Lê Văn Mới")]
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
    answer = await files(desk, filled(phone="0900000003", email="khac@example.vn"))
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
    answers = await asyncio.gather(*(files(desk, filled(), who) for who in (OFFICER, COLLEAGUE, OFFICER, COLLEAGUE)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert await desk.count("person") == 1
    assert await desk.pool.fetchval("select count(distinct person_id) from dossier") == 1


async def test_a_repeated_filing_gives_the_same_dossier_and_the_fees_of_the_desk(desk: Desk) -> None:
    first, second = await files(desk, filled(), key="k" * 12), await files(desk, filled(), key="k" * 12)
    assert first.json() == second.json()
    preview = await desk.http.post("/fees/preview?online=false", json=filled())
    assert first.json()["fee_total"] == preview.json()["total"]
    assert await desk.count("dossier") == 1


async def test_the_counter_files_for_its_own_agency_only_and_a_wrong_form_is_told_whole(desk: Desk) -> None:
    refused = await files(desk, filled(), OTHER_AGENCY)
    assert (refused.status_code, refused.json()["code"]) == (403, "other_agency")
    assert (await files(desk, filled(), "anh")).status_code == 403
    wrong = await files(desk, filled(name="1", birth_date="x"))
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
    filed = await files(desk, given, OTHER_AGENCY)
    assert filed.status_code == 201, filed.text
    assert await desk.pool.fetchval("select bool_and(attached) from document")
    again = await files(desk, given, OTHER_AGENCY)
    assert {error["code"] for error in again.json()["errors"]} == {"no_document"}, "a dossier has them already"
    for who in ("anh", OFFICER):
        refused = await files(desk, await with_documents_of(who), OTHER_AGENCY)
        assert refused.status_code == 422
        assert {error["code"] for error in refused.json()["errors"]} == {"no_document"}


MARKS = [
    {"path": "details.reason", "reason": "Không khớp với giấy phép"},
    {"path": "documents.health", "reason": "Ảnh mờ, không đọc được"},
]


async def test_who_filed_at_the_counter_supplements_and_withdraws_there_by_its_officers(desk: Desk) -> None:
    code = (await files(desk, filled())).json()["code"]
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
