"""What officers do to many dossiers at once: each is answered for itself, and of two officers one is first."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.intake.store import documents
from tests.integration.desk_counter import COLLEAGUE, outcomes, sent
from tests.integration.desk_rows import copied
from tests.integration.intake_desk import OFFICER, OPERATOR, OTHER_AGENCY, Desk
from tests.waiting import kept_open, until_waiting


async def test_each_dossier_of_a_batch_is_answered_for_itself(desk: Desk) -> None:
    """Also one that is not there, one that waits for its fees, one that somebody else has changed, and all a second time."""
    ready, changed, waiting = await desk.filed(paid=True), await desk.filed(paid=True), await desk.filed()
    items = [{"code": ready, "version": 2}, {"code": waiting}, {"code": changed, "version": 1}, {"code": "G09.20-1"}]
    told = await sent(desk, "accept", {"items": items})
    assert [item["code"] for item in told["items"]] == [ready, waiting, changed, "G09.20-1"]
    each = outcomes(told)
    assert (told["done"], each[0], each[2], each[3]) == (1, 2, "stale", "not_found")
    problem = told["items"][1]["problem"]
    assert problem["status"] == 409
    assert problem["vi"]
    assert problem["en"]
    assert each[1] == problem["code"]
    again = await sent(desk, "accept", {"items": [{"code": ready}]})
    assert (again["done"], again["items"][0]["problem"]["status"]) == (0, 409)
    assert (await desk.get(f"/dossiers/{changed}", "anh")).json()["status"] == 1
    assert await desk.pool.fetchval("select count(*) from dossier_journal where kind = 'accepted'") == 1


async def test_two_hundred_are_accepted_and_assigned_at_once_and_no_more(desk: Desk) -> None:
    first = await desk.filed(paid=True)
    codes = [f"G09.20-260101-{number:04}" for number in range(200)]
    await copied(desk, first, [{"code": code} for code in codes])
    told = await sent(desk, "accept", {"items": [{"code": code} for code in codes]})
    assert (told["done"], set(outcomes(told))) == (200, {2})
    assert (
        await desk.post("/desk/accept", OFFICER, {"items": [{"code": code} for code in [*codes, first]]})
    ).status_code == 422
    assert (await sent(desk, "assign", {"codes": codes[:3], "officer": "Phạm Thị Hoa"}))["done"] == 3
    for code in codes[:2]:
        assert (await desk.decides(code, "process")).status_code == 200
    told = await sent(desk, "assign", {"codes": codes[:3], "officer": "Hoàng Văn Sơn"})
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
    told = await sent(desk, "complete", {"items": items})
    assert (told["done"], outcomes(told)[0], outcomes(told)[2]) == (1, 9, "no_result_document")
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
        sent(desk, "complete", {"items": [
            {"code": other, "result_number": "2", "document_id": shared},
            {"code": third, "result_number": "3", "document_id": own},
        ]}, COLLEAGUE),
    )  # fmt: skip
    first, second = outcomes(batch)
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
        sending = asyncio.create_task(sent(desk, "complete", {"items": items}))
        await until_waiting(desk.pool, 1, "%update document%")
    told = await sending
    assert outcomes(told) == ["document_used", 9]


async def test_of_two_officers_who_saw_the_same_one_accepts_and_the_other_hears_of_it(desk: Desk) -> None:
    codes = [await desk.filed(paid=True) for _ in range(4)]
    seen = [{"code": code, "version": 2} for code in codes]
    first, second = await asyncio.gather(
        sent(desk, "accept", {"items": seen}), sent(desk, "accept", {"items": seen[::-1]}, COLLEAGUE)
    )
    assert first["done"] + second["done"] == 4
    assert {code for told in (first, second) for code in outcomes(told)} == {2, "stale"}
    assert await desk.pool.fetchval("select count(*) from dossier_journal where kind = 'accepted'") == 4


async def test_another_agencys_dossiers_are_not_there_for_a_batch(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    assert outcomes(await sent(desk, "accept", {"items": [{"code": code}]}, OTHER_AGENCY)) == ["not_found"]
    for who in ("anh", OPERATOR):
        assert (await desk.post("/desk/accept", who, {"items": [{"code": code}]})).status_code == 403
