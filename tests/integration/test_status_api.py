"""status over HTTP: the whole dossier, and lists that are quick however many dossiers there are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from chassis.identifiers import new_id
from chassis.pages import cursor_of
from contracts import appointments, dossiers, notifications, payments
from services.status import store
from services.status.store import Wanted, listing
from tests.database import Server
from tests.integration.status_desk import ANH, DUC, OURS, THEIRS, Desk, running
from tests.issuer import issuing
from tests.records import CODE, NOON, example
from tests.waiting import until


@pytest.fixture(scope="module")
async def running_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    with issuing() as issuer:
        async with running(await postgres_server.fresh("status"), issuer) as desk:
            yield desk


@pytest.fixture
async def desk(running_desk: Desk) -> Desk:
    await running_desk.pool.execute("delete from view")
    return running_desk


async def _journey(desk: Desk) -> None:
    """Payment first, dossier later: topics keep no order between them."""
    bill, visit, notice = new_id(), new_id(), new_id()
    await desk.hears(example(payments.Opened, bill_id=bill, amount=135_000), 1, minutes=1)
    await desk.hears(example(payments.Succeeded, bill_id=bill), 2, minutes=5)
    await desk.hears(example(payments.ReceiptIssued, bill_id=bill, receipt_number="2026/00000017"), 3, minutes=5)
    await desk.filed(status=1)
    await desk.hears(
        example(dossiers.Accepted, step={"agency": OURS, "status": 2, "officer": "Vũ Thị Lan"}), 2, minutes=9
    )
    await desk.hears(example(appointments.Booked, appointment_id=visit, place="Trung tâm hành chính"), 1, minutes=10)
    await desk.hears(example(notifications.Sent, notice_id=notice, channel="sms"), 1, minutes=11)
    await desk.hears(example(notifications.Delivered, notice_id=notice, channel="sms"), 2, minutes=12)
    returned = {"agency": OURS, "status": 10, "officer": "Vũ Thị Lan"}
    await desk.hears(
        example(dossiers.Completed, result="Giấy phép lái xe", step=returned | {"status": 9}), 3, minutes=20
    )
    await desk.hears(example(dossiers.Returned, delivery="tại quầy", step=returned), 4, minutes=30)


async def test_a_citizen_sees_the_four_facts_and_the_whole_timeline(desk: Desk) -> None:
    await _journey(desk)
    answer = await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH))
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["code"], seen["status"], seen["status_vi"]) == (CODE, 10, "Đã trả kết quả")
    assert (seen["agency"], seen["officer"]) == (OURS, "Vũ Thị Lan")
    assert {"since", "due", "department", "agency_name"} <= seen.keys()
    assert (seen["payment"]["state"], seen["payment"]["amount"]) == ("paid", 135_000)
    assert seen["payment"]["receipt_number"] == "2026/00000017"
    assert (seen["appointment"]["state"], seen["appointment"]["place"]) == ("booked", "Trung tâm hành chính")
    assert [(notice["channel"], notice["state"]) for notice in seen["delivery"]["notices"]] == [("sms", "delivered")]
    assert (seen["delivery"]["result"]["name"], seen["delivery"]["result"]["handed_over"]) == (
        "Giấy phép lái xe",
        "tại quầy",
    )
    assert [line["type"].removeprefix("vn.motcua.") for line in seen["timeline"]] == [
        "dossier.submitted.v1",
        "payment.opened.v1",
        "payment.succeeded.v1",
        "payment.receipt-issued.v1",
        "dossier.accepted.v1",
        "appointment.booked.v1",
        "notification.sent.v1",
        "notification.delivered.v1",
        "dossier.completed.v1",
        "dossier.returned.v1",
    ]
    assert seen["timeline"][-1]["text_vi"] == "Đã trả kết quả."
    assert (seen["timeline"][-1]["status"], seen["timeline"][-1]["officer"]) == (10, "Vũ Thị Lan")


async def test_what_is_asked_of_the_citizen_and_what_was_promised_are_shown_and_the_agency_that_has_it_sees_it(
    desk: Desk,
) -> None:
    due = (NOON + timedelta(days=3)).isoformat()
    step = {"agency": OURS, "status": 4, "result_due": due}
    there = {"handler": THEIRS, "handler_name": "Ủy ban nhân dân xã", "task": "Thẩm định"}
    await desk.filed(status=1)
    await desk.hears(example(dossiers.SupplementRequested, step=step | {"status": 5}), 2, minutes=1)
    await desk.hears(example(dossiers.Supplemented, step=step), 3, minutes=2)
    await desk.hears(example(dossiers.WithdrawalRequested, step=step | {"status": 7}), 4, minutes=3)
    await desk.hears(example(dossiers.WithdrawalDeclined, reason="Kết quả đã có.", step=step), 5, minutes=4)
    await desk.hears(example(dossiers.MessagePosted, author="citizen", step=step), 6, minutes=5)
    await desk.hears(example(dossiers.DueChanged, cause="verification", was=NOON, step=step), 7, minutes=6)
    await desk.hears(example(dossiers.HandedOn, step=step | there), 8, minutes=7)
    await desk.hears(example(dossiers.Overdue, step=step | there), 9, minutes=8)
    seen = (await desk.get(f"/dossiers/{CODE}", "officer", agency=THEIRS)).json()
    assert datetime.fromisoformat(seen["result_due"]) == datetime.fromisoformat(due)
    assert (seen["handler"], seen["task"], seen["overdue"], seen["due_soon"]) == (THEIRS, "Thẩm định", True, False)
    assert (seen["supplement"]["items"][0]["path"], bool(seen["supplement"]["supplied_at"])) == (
        "details.licence_number",
        True,
    )
    assert (seen["withdrawal"]["state"], seen["withdrawal"]["reason"]) == ("declined", "Kết quả đã có.")
    assert (seen["posts"], seen["new_dates"][0]["cause"]) == ({"citizen": 1, "officer": 0}, "verification")
    (listed,) = (await desk.get("/dossiers", "citizen", person_id=str(ANH))).json()["items"]
    assert (listed["overdue"], listed["handler"], listed["task"]) == (True, THEIRS, "Thẩm định")


async def test_fees_that_were_taken_back_leave_the_dossier_on_its_way_and_their_bill_cancelled(desk: Desk) -> None:
    form, request, bill = new_id(), new_id(), new_id()
    step = {"agency": OURS, "status": 4, "result_due": None}
    asked = {"request_id": request, "step": step | {"status": 6}}
    await desk.filed(status=1)
    await desk.hears(example(payments.Opened, bill_id=form, amount=135_000), 1, minutes=1)
    await desk.hears(example(dossiers.FeesRequested, **asked), 2, minutes=2)
    await desk.hears(example(payments.Opened, bill_id=bill, amount=35_000, request_id=request), 1, minutes=3)
    await desk.hears(example(dossiers.FeesWithdrawn, request_id=request, step=step), 3, minutes=4)
    await desk.hears(example(payments.Cancelled, bill_id=bill, request_id=request), 2, minutes=5)
    seen = (await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH))).json()
    assert (seen["status"], seen["payment"]["state"], seen["payment"]["bill_id"]) == (4, "cancelled", str(bill))
    assert [each["state"] for each in seen["payments"]] == ["open", "cancelled"]
    (line,) = (each for each in seen["timeline"] if "fees-withdrawn" in each["type"])
    assert (line["status"], "không phải nộp" in line["text_vi"]) == (4, True)


async def test_neither_the_person_nor_the_trace_is_shown(desk: Desk) -> None:
    await _journey(desk)
    for path in (f"/dossiers/{CODE}", "/dossiers"):
        text = (await desk.get(path, "citizen", person_id=str(ANH))).text
        assert str(ANH) not in text
        assert "traceparent" not in text


async def test_the_etag_changes_with_the_dossier_and_saves_the_answer_until_then(desk: Desk) -> None:
    await desk.filed()
    first = await desk.get(f"/dossiers/{CODE}", "operator")
    seen = {"If-None-Match": first.headers["etag"]} | desk.issuer.bearer("operator")
    again = await desk.http.get(f"/dossiers/{CODE}", headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    await desk.hears(example(payments.Opened))
    changed = await desk.http.get(f"/dossiers/{CODE}", headers=seen)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_pages_list_every_dossier_once_the_newest_first(desk: Desk) -> None:
    codes = [f"G09.20-20260609-{number:07}" for number in range(7)]
    for number, code in enumerate(codes):
        await desk.filed(code, minutes=number // 2)  # pairs of the same moment
    found: list[str] = []
    cursor = ""
    while True:
        page = (await desk.get(f"/dossiers?limit=3{cursor}", "citizen", person_id=str(ANH))).json()
        found += [item["code"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == codes[::-1]


async def test_lists_are_filtered_by_status_and_agency_within_what_the_caller_may_see(desk: Desk) -> None:
    await desk.filed("A-1", status=1, minutes=1)
    await desk.filed("A-2", status=4, minutes=2)
    await desk.filed("B-1", person=DUC, status=4, agency=THEIRS, minutes=3)
    assert await desk.codes("/dossiers?status=4", "operator") == ["B-1", "A-2"]
    assert await desk.codes(f"/dossiers?agency={OURS}", "operator") == ["A-2", "A-1"]
    assert await desk.codes("/dossiers?status=4", "officer", agency=OURS) == ["A-2"]
    assert await desk.codes(f"/dossiers?agency={THEIRS}", "officer", agency=OURS) == []
    assert await desk.codes(f"/dossiers?agency={THEIRS}", "citizen", person_id=str(ANH)) == []
    assert await desk.codes("/dossiers?status=1", "citizen", person_id=str(ANH)) == ["A-1"]


@pytest.mark.parametrize(
    "query",
    ["status=11", "status=x", "limit=0", "limit=101", "cursor=nonsense", "cursor=WyIyMDI2IiwgMV0", "agency=%00"],
)
async def test_a_wrong_question_is_refused_with_a_reason(desk: Desk, query: str) -> None:
    answer = await desk.get(f"/dossiers?{query}", "operator")
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


async def test_a_cursor_with_a_null_byte_is_refused_too(desk: Desk) -> None:
    answer = await desk.get(f"/dossiers?cursor={cursor_of(NOON, chr(0))}", "operator")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(person_id=ANH),
        Wanted(person_id=ANH, status=4),
        Wanted(of_agency="agency 7"),
        Wanted(of_agency="agency 7", status=4),
        Wanted(agency="agency 7", status=4),
        Wanted(status=4),
        Wanted(),
    ],
    ids=["mine", "mine by status", "ours", "ours by status", "agency and status", "status", "all"],
)
async def test_every_list_is_read_from_an_index_in_its_order(desk: Desk, wanted: Wanted) -> None:
    await desk.pool.execute(
        """
        insert into view (dossier_code, version, sequence, opened_at, person_id, dossier_sequence, status, agency,
                          payments, appointments, notices, timeline)
        select 'C-' || i, 1, 0, now() - make_interval(secs => i), gen_random_uuid(), 1, i % 10 + 1, 'agency ' || i % 50,
               '{}', '{}', '{}', '[]'
        from generate_series(1, 20000) i"""
    )
    # The service may not analyze; and PostgreSQL's own look at the table might end later, with what it was before.
    owner = await asyncpg.connect(desk.database.owner_url)
    await owner.execute("alter table view set (autovacuum_enabled = off); analyze view")
    await owner.close()
    query, arguments = listing(wanted, (NOON, CODE), 21)
    plan = json.dumps(json.loads(await desk.pool.fetchval(f"explain (format json) {query}", *arguments)))
    assert "Index" in plan
    assert "Seq Scan" not in plan
    assert (await store.page(desk.pool, wanted, None, 5)) == sorted(
        await store.page(desk.pool, wanted, None, 5), key=lambda row: row["opened_at"], reverse=True
    )


async def test_the_service_says_when_it_is_ready_and_describes_itself(desk: Desk) -> None:
    async def ready() -> bool:
        return (await desk.http.get("/readyz")).status_code == 200

    await until(ready, "it is not ready")
    paths = (await desk.http.get("/openapi.json")).json()["paths"]
    assert {"/dossiers", "/dossiers/{code}"} <= paths.keys()
