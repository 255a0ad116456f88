"""What a dossier waits for in mid-way, over HTTP, on a real database, with timers that fire: a supplement, a wish, later fees."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts import payments
from tests.forms import CATALOGUE
from tests.integration.intake_desk import OFFICER, OTHER_AGENCY, PDF
from tests.integration.intake_life import JUSTICE, MARKS, REASON, Life, closing, same
from tests.records import example


async def test_a_supplement_stops_the_clock_keeps_the_earlier_document_and_goes_on(life: Life) -> None:
    code = await life.at_work()
    (first,) = (await life.seen(code))["documents"]
    asked = await life.does(code, "request-supplement", {"items": MARKS})
    assert (asked["status"], asked["result_due"], [item["name"] for item in asked["supplement"]["items"]]) == (
        5,
        None,
        ["Lý do đổi", "Giấy khám sức khỏe của người lái xe"],
    )
    life.watch.to(11)
    new = await life.desk.uploaded("anh", "suc-khoe-ro.pdf")
    wrong = await life.desk.post(f"/dossiers/{code}/supplement", "anh", {"documents": {"old_licence": [new]}})
    assert {(each["path"], each["code"]) for each in wrong.json()["errors"]} == {
        ("details.reason", "still_missing"),
        ("documents.health", "still_missing"),
        ("documents.old_licence", "not_asked"),
    }
    bad = {"fields": {"details.reason": "vì thích"}, "documents": {"health": [new]}}
    assert (await life.desk.post(f"/dossiers/{code}/supplement", "anh", bad)).json()["errors"][0][
        "path"
    ] == "details.reason"
    supplied = {"fields": {"details.reason": "hỏng"}, "documents": {"health": [new]}}
    on = await life.does(code, "supplement", supplied, "anh")
    assert (on["status"], on["code"], on["form"]["details"]["reason"]) == (4, code, "hỏng")
    assert same(on["result_due"], closing(18)), "two working days later than was promised"
    assert [(each["document_id"], each["version"], each["replaced"]) for each in on["documents"]] == [
        (first["document_id"], 1, True),
        (new, 2, False),
    ]
    for document in (first["document_id"], new):
        for who in ("anh", OFFICER):
            read = await life.desk.get(f"/dossiers/{code}/documents/{document}", who)
            assert (read.status_code, read.content) == (200, PDF)
    assert await life.refused(code, "request-supplement", {"items": MARKS}) == (409, "supplement_asked_before")
    told = await life.told(code)
    assert [type(each).__name__ for each in told[-2:]] == ["SupplementRequested", "Supplemented"]
    assert told[-1].items == ("details.reason", "documents.health")


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([{"path": "details.nothing", "reason": "Không có"}], "not_of_this_procedure"),
        ([MARKS[0], MARKS[0]], "marked_twice"),
        ([], "items"),
        ([{"path": "details.reason", "reason": ""}], "items.0.reason"),
    ],
)
async def test_what_is_not_of_the_procedure_is_not_marked(life: Life, marks: list[Any], said: str) -> None:
    dossier = await life.filed()
    answer = await life.desk.post(f"/dossiers/{dossier}/request-supplement", OFFICER, {"items": marks})
    assert answer.status_code == 422
    problem = answer.json()
    assert said in (problem["code"], *(error["path"] for error in problem.get("errors", ())))
    assert (await life.seen(dossier))["status"] == 1


@pytest.mark.parametrize(("hidden", "name"), [("details.other_purpose", "Mục đích khác"), ("documents.khai_tu", None)])
async def test_what_the_dossiers_own_form_hides_is_not_marked(life: Life, hidden: str, name: str | None) -> None:
    procedure = CATALOGUE.procedures["1.004873"]
    name = name or next(paper.name for paper in procedure.documents if f"documents.{paper.key}" == hidden)
    answer = await life.desk.submits(CATALOGUE.example(procedure) | {"agency": "H55.31"})
    assert answer.status_code == 201, answer.text
    code = str(answer.json()["code"])
    await life.desk.hears(example(payments.Succeeded), code)
    refused = await life.desk.post(
        f"/dossiers/{code}/request-supplement", JUSTICE, {"items": [{"path": hidden, "reason": "Không có"}]}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "not_of_this_procedure")
    assert name in refused.json()["detail"]
    assert "trong trường hợp đã chọn" in refused.json()["detail"]
    await life.does(code, "request-supplement", {"items": [{"path": "details.partner.name", "reason": "Sai"}]}, JUSTICE)


async def test_a_supplement_that_never_comes_stops_the_dossier_by_its_timer(life: Life) -> None:
    code = await life.at_work()
    until = datetime.fromisoformat((await life.does(code, "request-supplement", {"items": MARKS}))["due"])
    life.watch.now = until - timedelta(seconds=1)
    assert (await life.seen(code))["status"] == 5
    life.watch.now = until
    stopped = await life.until_seen(code, lambda seen: seen["status"] == 8)
    assert stopped["grounds"]
    assert (await life.told(code))[-1].cause == "not_supplemented"
    assert await life.desk.count("timer") == 0


async def test_a_withdrawal_is_declined_or_granted_by_the_agency(life: Life) -> None:
    code = await life.at_work()
    before = await life.seen(code)
    assert (await life.does(code, "withdraw", {"reason": "Tôi nộp nhầm"}, "anh"))["status"] == 7
    assert await life.refused(code, "withdraw", {}, "duc") == (404, "not_found")
    back = await life.does(code, "decline-withdrawal", {"reason": REASON})
    assert (back["status"], back["due"], back["result_due"]) == (4, before["due"], before["result_due"])
    await life.does(code, "withdraw", {}, "anh")
    assert (await life.does(code, "grant-withdrawal"))["status"] == 8
    assert (await life.told(code))[-1].cause == "withdrawn"
    for what, body in (("withdraw", {}), ("supplement", {"fields": {"details.reason": "hỏng"}})):
        refused = await life.desk.post(f"/dossiers/{code}/{what}", "anh", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
        assert "không còn bước nào" in refused.json()["detail"]
    assert await life.desk.count("timer") == 0


async def test_another_citizens_guess_of_a_version_tells_nothing(life: Life) -> None:
    code = await life.filed()
    for path in (code, "G09.20-260609-9999"):
        answer = await life.desk.post(f"/dossiers/{path}/withdraw", "duc", {}, **{"If-Match": '"99"'})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_later_fees_hold_the_clock_until_they_are_paid(life: Life) -> None:
    code = await life.at_work()
    asked = {"fees": [{"code": "gplx-doi", "amount": 35_000, "reason": "Cấp thêm một bản"}]}
    assert await life.refused(code, "request-fees", {"fees": [asked["fees"][0] | {"code": "x"}]}) == (
        422,
        "not_of_this_procedure",
    )
    waiting = await life.does(code, "request-fees", asked)
    assert (waiting["status"], waiting["fee_total"], waiting["result_due"]) == (6, 170_000, None)
    told = (await life.told(code))[-1]
    assert (told.amount, [line.reason for line in told.fee_lines]) == (35_000, ["Cấp thêm một bản"])
    life.watch.to(11)
    await life.desk.hears(example(payments.Succeeded, amount=35_000), code)
    paid = await life.seen(code)
    assert (paid["status"], same(paid["result_due"], closing(18))) == (4, True)


async def test_later_fees_that_nobody_pays_stop_the_dossier(life: Life) -> None:
    code = await life.at_work()
    await life.does(code, "request-fees", {"fees": [{"code": "gplx-doi", "amount": 35_000, "reason": "Thêm bản"}]})
    await life.desk.hears(example(payments.Expired), code)
    assert (await life.seen(code))["status"] == 8
    assert (await life.told(code))[-1].cause == "unpaid"


async def test_a_wrong_request_for_fees_is_taken_back_and_only_the_right_one_counts(life: Life) -> None:
    code = await life.at_work()
    before = await life.seen(code)
    wrong, right = (
        {"fees": [{"code": "gplx-doi", "amount": dong, "reason": "Thêm bản"}]} for dong in (350_000, 35_000)
    )
    etag = f'"{(await life.does(code, "request-fees", wrong))["version"]}"'
    assert await life.refused(code, "withdraw-fees", {"reason": REASON}, OTHER_AGENCY) == (404, "not_found")
    assert await life.refused(code, "withdraw-fees", {"reason": REASON}, "anh") == (403, "forbidden")
    answers = [
        await life.desk.post(
            f"/dossiers/{code}/withdraw-fees", OFFICER, {"reason": f" {REASON} "}, **{"If-Match": etag}
        )
        for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [200, 412]
    back = await life.seen(code)
    kept = ("status", "department", "handler", "due", "result_due", "fee_total", "fee_lines")
    assert [back[name] for name in kept] == [before[name] for name in kept]
    asked, told = (await life.told(code))[-2:]
    assert (told.request_id, told.amount, told.reason) == (asked.request_id, 350_000, REASON)
    lines = (await life.desk.get(f"/dossiers/{code}/journal", "anh")).json()["lines"]
    (line,) = [each for each in lines if each["kind"] == "fees_withdrawn"]
    assert (line["body"]["amount"], line["body"]["reason"]) == (350_000, REASON)
    await life.desk.hears(example(payments.Succeeded, request_id=asked.request_id), code)
    assert await life.refused(code, "withdraw-fees", {"reason": REASON}) == (409, "illegal_move")
    await life.does(code, "request-fees", right)
    for late in (payments.Succeeded, payments.Expired):
        await life.desk.hears(example(late, request_id=asked.request_id), code)
    assert (await life.seen(code))["status"] == 6, "what was paid or ran out is not what it waits for"
    awaited = (await life.told(code))[-1]
    await life.desk.hears(example(payments.Succeeded, amount=35_000, request_id=awaited.request_id), code)
    paid = await life.seen(code)
    assert (paid["status"], paid["fee_total"]) == (4, before["fee_total"] + 35_000)
    assert await life.desk.count("parked") == 0


async def test_the_fees_of_the_form_cannot_be_taken_back(life: Life) -> None:
    code = await life.desk.filed()
    assert await life.refused(code, "withdraw-fees", {"reason": REASON}) == (409, "fees_must_stay")
    assert await life.refused(code, "withdraw-fees", {"reason": "Nhầm"}) == (422, "invalid")
