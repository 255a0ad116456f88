"""What intake tells the world: each step once, in order, gapless, and nobody's name."""

from __future__ import annotations

import json
from typing import Any

from fastapi.routing import APIRoute

from chassis.identifiers import new_id
from contracts import contacts, dossiers, payments
from contracts.registry import EVENTS
from tests.forms import filled
from tests.integration.intake_desk import OFFICER, PEOPLE, PERSONAL, Desk
from tests.records import example


def _told(rows: list[dict[str, Any]], topic: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["aggregatetype"] == topic]


async def test_every_step_is_told_once_in_order_with_its_place_in_the_line(desk: Desk) -> None:
    code = await desk.journey()
    rows = _told(await desk.outbox(), dossiers.TOPIC)
    assert [(EVENTS[row["type"]], json.loads(row["payload"])["step"]["status"]) for row in rows] == [
        (dossiers.Submitted, 1),
        (dossiers.FeesRequested, 6),
        (dossiers.FeesSettled, 1),
        (dossiers.Accepted, 2),
        (dossiers.ProcessingStarted, 4),
        (dossiers.HandedOn, 4),
        (dossiers.Completed, 9),
        (dossiers.Returned, 10),
    ]
    assert {row["aggregateid"] for row in rows} == {code}
    for number, row in enumerate(rows, 1):
        headers, step = row["headers"], json.loads(row["payload"])["step"]
        assert (headers["ce_sequence"], headers["ce_subject"]) == (str(number), code)
        assert (headers["ce_type"], headers["ce_id"]) == (row["type"], str(row["id"]))
        assert headers["ce_source"] == "/motcua/intake"
        assert (step["agency"], step["agency_name"]) == ("G09.20", "Công an tỉnh Thái Nguyên")
        assert step["department"]
        assert step["since"]
        EVENTS[row["type"]].model_validate_json(row["payload"])
    officers = [json.loads(row["payload"])["step"]["officer"] for row in rows]
    lan = "Vũ Thị Lan"
    assert officers == [None, None, None, lan, lan, None, lan, lan], "who is handed a dossier takes it first"
    assert len({row["headers"]["traceparent"].split("-")[1] for row in rows}) == 1, "one trace"


async def test_a_dossier_that_is_refused_ends_there(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    assert (await desk.decides(code, "refuse")).json()["status"] == 3
    for what in ("accept", "refuse", "process", "complete", "return"):
        again = await desk.decides(code, what)
        assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
        assert "không còn bước nào" in again.json()["detail"]
    rows = _told(await desk.outbox(), dossiers.TOPIC)
    assert [row["headers"]["ce_sequence"] for row in rows] == ["1", "2", "3", "4"]
    assert json.loads(rows[-1]["payload"])["grounds"] == "Giấy phép lái xe không thuộc tỉnh cấp."


async def test_a_move_that_is_not_legal_yet_names_the_ones_that_are(desk: Desk) -> None:
    code = await desk.filed()
    early = await desk.decides(code, "accept")
    assert early.status_code == 409
    assert early.json()["detail"].endswith("Có thể: dừng xử lý, rút yêu cầu nộp phí.")
    assert len(_told(await desk.outbox(), dossiers.TOPIC)) == 2


async def test_a_payment_that_comes_twice_settles_once(desk: Desk) -> None:
    code, event_id = await desk.filed(), new_id()
    for _ in range(2):
        await desk.hears(example(payments.Succeeded), code, event_id=event_id)
    await desk.hears(example(payments.Succeeded), code)
    assert [EVENTS[row["type"]] for row in _told(await desk.outbox(), dossiers.TOPIC)][2:] == [dossiers.FeesSettled]


async def test_a_dossier_that_nobody_pays_is_stopped_and_late_money_does_not_wake_it(desk: Desk) -> None:
    code = await desk.filed()
    await desk.hears(example(payments.Expired), code)
    await desk.hears(example(payments.Succeeded), code)
    assert (await desk.get(f"/dossiers/{code}", "anh")).json()["status"] == 8
    assert await desk.count("parked") == 0


async def test_an_expiry_after_the_payment_changes_nothing(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    await desk.hears(example(payments.Expired), code)
    assert (await desk.get(f"/dossiers/{code}", "anh")).json()["status"] == 1
    assert await desk.count("parked") == 0


async def test_money_for_a_dossier_that_is_not_there_is_parked_and_not_lost(desk: Desk) -> None:
    await desk.hears(example(payments.Succeeded), "G09.20-260609-9999")
    (parked,) = await desk.pool.fetch("select state, error from parked")
    assert dict(parked) == {"state": "parked", "error": "refused: not_found"}


async def test_a_contact_is_told_sealed_under_the_persons_id_and_only_when_it_changes(desk: Desk) -> None:
    for form in (
        filled(),
        filled(),
        filled(phone="0987654321"),
        filled(phone="0987654321", details={"reason": "hỏng"}),
    ):
        assert (await desk.submits(form)).status_code == 201
    rows = _told(await desk.outbox(), contacts.TOPIC)
    assert {row["aggregateid"] for row in rows} == {PEOPLE.personas["anh"].subject}
    assert [row["headers"]["ce_sequence"] for row in rows] == ["1", "2"]
    assert {row["headers"]["content-type"] for row in rows} == {"application/jose"}
    told = [contacts.Updated.model_validate_json(desk.opened(row["payload"])) for row in rows]
    assert [each.phone for each in told] == ["+84900000001", "+84987654321"]
    assert {each.name for each in told} == {"Nguyễn Thị Ánh"}


async def test_a_correction_of_how_somebody_is_reached_is_told_as_a_contact_and_changes_nothing_else(
    desk: Desk,
) -> None:
    """What came with a later dossier stays; a correction of other fields tells nothing, and one that is refused neither."""
    first = await desk.filed(paid=True)
    await desk.submits(filled(phone="0987654321"))
    before = len(_told(await desk.outbox(), contacts.TOPIC))
    for fields, status in (
        ({"applicant.email": "moi@example.vn"}, 200),
        ({"details.reason": "hỏng"}, 200),
        ({"applicant.phone": "12"}, 422),
    ):
        said = {"fields": fields, "reason": "Sửa theo giấy tờ gốc."}
        answer = await desk.post(f"/dossiers/{first}/correct", OFFICER, said)
        assert answer.status_code == status, answer.text
    (row,) = _told(await desk.outbox(), contacts.TOPIC)[before:]
    told = contacts.Updated.model_validate_json(desk.opened(row["payload"]))
    assert (told.email, told.phone, told.name) == ("moi@example.vn", "+84987654321", "Nguyễn Thị Ánh")
    assert [tuple(each) for each in await desk.pool.fetch("select phone, email from person")] == [
        (told.phone, told.email)
    ]
    stale = {"fields": {"applicant.email": "cu@example.vn"}, "reason": "Sửa theo giấy tờ gốc."}
    assert (await desk.post(f"/dossiers/{first}/correct", OFFICER, stale, **{"If-Match": '"1"'})).status_code == 412
    assert await desk.pool.fetchval("select email from person") == "moi@example.vn"


async def test_no_personal_data_is_in_any_event_or_header(desk: Desk) -> None:
    code = await desk.journey()
    rows = await desk.outbox()
    assert {row["aggregateid"] for row in rows} == {code, PEOPLE.personas["anh"].subject}
    told = b"".join(row["payload"] + json.dumps(row["headers"], ensure_ascii=False).encode() for row in rows)
    assert [value for value in PERSONAL if value.encode() in told] == []


async def test_all_that_one_request_tells_is_one_trace_and_not_the_strangers(desk: Desk) -> None:
    strangers = "0af7651916cd43dd8448eb211c80319c"
    headers = {"Idempotency-Key": "k" * 20, "traceparent": f"00-{strangers}-b7ad6b7169203331-01"}
    assert (await desk.post("/dossiers", "anh", filled(), **headers)).status_code == 201
    traces = [row["headers"]["traceparent"].split("-")[1] for row in await desk.outbox()]
    assert len(traces) == 3
    assert len({*traces, strangers}) == 2


async def test_the_service_describes_every_route_with_an_example_that_it_takes(desk: Desk) -> None:
    document = (await desk.http.get("/openapi.json")).json()
    documented = {(path, method) for path, methods in document["paths"].items() for method in methods}
    operations = {(path, "get") for path in ("/healthz", "/readyz", "/metrics")}
    routes = [route for router in desk.service.routes for route in router.routes if isinstance(route, APIRoute)]
    assert documented == operations | {
        (route.path, method.lower()) for route in routes for method in route.methods or ()
    }
    assert all(document["paths"][path][method]["description"] for path, method in documented)
    body = document["paths"]["/dossiers"]["post"]["requestBody"]["content"]["application/json"]
    for named in body["examples"].values():
        assert (await desk.submits(named["value"])).status_code == 201


async def test_every_officers_step_is_seen_by_the_citizen(desk: Desk) -> None:
    code = await desk.journey()
    shown = (await desk.get(f"/dossiers/{code}", "anh")).json()
    assert (shown["status"], shown["status_name"], shown["officer"]) == (10, "đã trả kết quả", "Vũ Thị Lan")
    assert (shown["agency_name"], shown["result_number"]) == ("Công an tỉnh Thái Nguyên", "010190012345")
    assert shown["since"]
    assert (await desk.get(f"/dossiers/{code}", OFFICER)).json() == shown
