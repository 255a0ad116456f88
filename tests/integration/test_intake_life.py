"""A dossier's life over HTTP, on a real database, with timers that fire: what people ask, what they see, what is told."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from pypdf import PdfReader

from chassis.clock import VIETNAM
from contracts import dossiers, payments
from contracts.registry import EVENTS
from tests.database import Server as Postgres
from tests.forms import CATALOGUE, TODAY, filled
from tests.integration.intake_desk import OFFICER, OPERATOR, OTHER_AGENCY, PDF, PERSONAL, Desk, open_desk, signing
from tests.records import example

MORNING = datetime(2026, 6, 9, 10, tzinfo=VIETNAM)
REASON = "Cần bổ sung để đủ căn cứ giải quyết."
MARKS = [
    {"path": "details.reason", "reason": "Không khớp với giấy phép"},
    {"path": "documents.health", "reason": "Ảnh mờ, không đọc được"},
]
PROVINCE, JUSTICE = "hanh.tinh", "tuan.tuphap"


class Watch:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now

    def to(self, day: int, hour: int = 10, month: int = 6) -> None:
        self.now = datetime(2026, month, day, hour, tzinfo=VIETNAM)


WATCH = Watch()


@pytest.fixture(scope="module")
async def open_for_all(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """All roles that need no Kafka."""
    WATCH.now = MORNING
    folder = tmp_path_factory.mktemp("documents").as_uri()
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        async with open_desk(
            await postgres_server.fresh("intake"), provider, WATCH, ("api", "timers"), documents_url=folder
        ) as desk:
            yield desk


@pytest.fixture
async def desk(open_for_all: Desk) -> Desk:
    await open_for_all.forgets()
    async with open_for_all.owner() as owner:
        await owner.execute("truncate timer, call")
        # Processes know a calendar by its version: one that went back would be taken for what they have read.
        await owner.execute("update calendar set changes = '{}', version = version + 1 where changes <> '{}'")
    WATCH.now = MORNING
    # A process reads them each second: days that the test before this one changed may be in its memory still.
    for refresh in open_for_all.service.refreshes:
        await refresh(open_for_all.pool)
    return open_for_all


async def _does(desk: Desk, code: str, what: str, body: Any = None, who: str = OFFICER, **headers: str) -> Any:
    answer = await desk.post(f"/dossiers/{code}/{what}", who, body, **{"Idempotency-Key": str(uuid4()), **headers})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def _refused(desk: Desk, code: str, what: str, body: Any = None, who: str = OFFICER) -> tuple[int, str]:
    answer = await desk.post(f"/dossiers/{code}/{what}", who, body, **{"Idempotency-Key": str(uuid4())})
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["code"]


async def _seen(desk: Desk, code: str, who: str = "anh") -> dict[str, Any]:
    answer = await desk.get(f"/dossiers/{code}", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _filed(desk: Desk, **more: Any) -> str:
    """A dossier that is paid for, with a document of its citizen."""
    document = await desk.uploaded("anh", "suc-khoe.pdf")
    answer = await desk.submits(filled() | {"documents": {"health": [document]}} | more)
    assert answer.status_code == 201, answer.text
    code = str(answer.json()["code"])
    await desk.hears(example(payments.Succeeded), code)
    return code


async def _at_work(desk: Desk, **more: Any) -> str:
    code = await _filed(desk, **more)
    for what in ("accept", "process"):
        await _does(desk, code, what)
    return code


async def _told(desk: Desk, code: str) -> list[Any]:
    """What was told of a dossier, in order: each as the class that its readers get."""
    rows = [row for row in await desk.outbox() if (row["aggregatetype"], row["aggregateid"]) == (dossiers.TOPIC, code)]
    assert [row["headers"]["ce_sequence"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    return [EVENTS[row["type"]].model_validate_json(row["payload"]) for row in rows]


async def _until(desk: Desk, code: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while not is_so(seen := await _seen(desk, code)):
            await asyncio.sleep(0.05)
    return seen


async def _text(desk: Desk, href: str, who: str = "anh") -> str:
    answer = await desk.get(href, who)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text[:300]
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages).split())


def _due(day: int, month: int = 6) -> str:
    return datetime(2026, month, day, 17, tzinfo=VIETNAM).isoformat()


def _same(shown: str | None, expected: str) -> bool:
    return shown is not None and datetime.fromisoformat(shown) == datetime.fromisoformat(expected)


# The desk's queue


async def test_the_desk_gives_a_dossier_to_an_officer_before_and_after_it_is_taken_in(desk: Desk) -> None:
    code = await _filed(desk)
    due = (await _seen(desk, code))["due"]
    for status, name in ((1, "Vũ Thị Lan"), (2, "Phạm Văn Sơn")):
        given = await _does(desk, code, "assign", {"officer": name})
        assert (given["status"], given["officer"]) == (status, name)
        answer = await desk.http.get("/desk/dossiers", params={"officer": name}, headers=desk.bearer(OFFICER))
        assert [each["code"] for each in answer.json()["items"]] == [code]
        if status == 1:
            assert given["due"] == due
            await _does(desk, code, "accept")


# The supplement


async def test_a_supplement_stops_the_clock_keeps_the_earlier_document_and_goes_on(desk: Desk) -> None:
    code = await _at_work(desk)
    (first,) = (await _seen(desk, code))["documents"]
    asked = await _does(desk, code, "request-supplement", {"items": MARKS})
    assert (asked["status"], asked["result_due"], [item["name"] for item in asked["supplement"]["items"]]) == (
        5,
        None,
        ["Lý do đổi", "Giấy khám sức khỏe của người lái xe"],
    )
    WATCH.to(11)
    new = await desk.uploaded("anh", "suc-khoe-ro.pdf")
    wrong = await desk.post(f"/dossiers/{code}/supplement", "anh", {"documents": {"old_licence": [new]}})
    assert {(each["path"], each["code"]) for each in wrong.json()["errors"]} == {
        ("details.reason", "still_missing"),
        ("documents.health", "still_missing"),
        ("documents.old_licence", "not_asked"),
    }
    bad = {"fields": {"details.reason": "vì thích"}, "documents": {"health": [new]}}
    assert (await desk.post(f"/dossiers/{code}/supplement", "anh", bad)).json()["errors"][0]["path"] == "details.reason"
    supplied = {"fields": {"details.reason": "hỏng"}, "documents": {"health": [new]}}
    on = await _does(desk, code, "supplement", supplied, "anh")
    assert (on["status"], on["code"], on["form"]["details"]["reason"]) == (4, code, "hỏng")
    assert _same(on["result_due"], _due(18)), "two working days later than was promised"
    assert [(each["document_id"], each["version"], each["replaced"]) for each in on["documents"]] == [
        (first["document_id"], 1, True),
        (new, 2, False),
    ]
    for document in (first["document_id"], new):
        for who in ("anh", OFFICER):
            read = await desk.get(f"/dossiers/{code}/documents/{document}", who)
            assert (read.status_code, read.content) == (200, PDF)
    assert await _refused(desk, code, "request-supplement", {"items": MARKS}) == (409, "supplement_asked_before")
    told = await _told(desk, code)
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
async def test_what_is_not_of_the_procedure_is_not_marked(desk: Desk, marks: list[Any], said: str) -> None:
    dossier = await _filed(desk)
    answer = await desk.post(f"/dossiers/{dossier}/request-supplement", OFFICER, {"items": marks})
    assert answer.status_code == 422
    problem = answer.json()
    assert said in (problem["code"], *(error["path"] for error in problem.get("errors", ())))
    assert (await _seen(desk, dossier))["status"] == 1


@pytest.mark.parametrize(("hidden", "name"), [("details.other_purpose", "Mục đích khác"), ("documents.khai_tu", None)])
async def test_what_the_dossiers_own_form_hides_is_not_marked(desk: Desk, hidden: str, name: str | None) -> None:
    procedure = CATALOGUE.procedures["1.004873"]
    name = name or next(paper.name for paper in procedure.documents if f"documents.{paper.key}" == hidden)
    answer = await desk.submits(CATALOGUE.example(procedure) | {"agency": "H55.31"})
    assert answer.status_code == 201, answer.text
    code = str(answer.json()["code"])
    await desk.hears(example(payments.Succeeded), code)
    refused = await desk.post(
        f"/dossiers/{code}/request-supplement", JUSTICE, {"items": [{"path": hidden, "reason": "Không có"}]}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "not_of_this_procedure")
    assert name in refused.json()["detail"]
    assert "trong trường hợp đã chọn" in refused.json()["detail"]
    await _does(
        desk, code, "request-supplement", {"items": [{"path": "details.partner.name", "reason": "Sai"}]}, JUSTICE
    )


async def test_a_supplement_that_never_comes_stops_the_dossier_by_its_timer(desk: Desk) -> None:
    code = await _at_work(desk)
    until = datetime.fromisoformat((await _does(desk, code, "request-supplement", {"items": MARKS}))["due"])
    WATCH.now = until - timedelta(seconds=1)
    assert (await _seen(desk, code))["status"] == 5
    WATCH.now = until
    stopped = await _until(desk, code, lambda seen: seen["status"] == 8)
    assert stopped["grounds"]
    assert (await _told(desk, code))[-1].cause == "not_supplemented"
    assert await desk.count("timer") == 0


# What the citizen sees of others' work


async def test_a_correction_shows_the_citizen_the_old_and_the_new_value(desk: Desk) -> None:
    code = await _filed(desk)
    correction = {"fields": {"details.licence_class": "C", "applicant.phone": "0987654321"}, "reason": REASON}
    corrected = await _does(desk, code, "correct", correction)
    assert corrected["form"]["details"]["licence_class"] == "C"
    lines = (await desk.get(f"/dossiers/{code}/journal", "anh")).json()["lines"]
    (line,) = [line for line in lines if line["kind"] == "corrected"]
    assert (line["by"], line["body"]["reason"]) == ("Vũ Thị Lan", REASON)
    assert line["body"]["fields"] == [
        {"path": "details.licence_class", "before": "B", "after": "C"},
        {"path": "applicant.phone", "before": "+84900000001", "after": "+84987654321"},
    ]
    told = (await _told(desk, code))[-1]
    assert (told.fields, told.reason) == (("details.licence_class", "applicant.phone"), REASON)
    bad = await desk.post(f"/dossiers/{code}/correct", OFFICER, correction | {"fields": {"details.licence_class": "Z"}})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "details.licence_class")
    none = await desk.post(f"/dossiers/{code}/correct", OFFICER, correction | {"fields": {"hidden.place": 1}})
    assert (none.status_code, none.json()["errors"][0]["code"]) == (422, "no_such_field")
    assert (await _seen(desk, code))["version"] == corrected["version"]


async def test_a_correction_that_changes_the_fees_waits_until_the_difference_was_asked_for(desk: Desk) -> None:
    procedure = CATALOGUE.procedures["2.000815"]
    answer = await desk.submits(CATALOGUE.example(procedure) | {"agency": "H55.31"})
    assert answer.status_code == 201, answer.text
    code, asked = str(answer.json()["code"]), answer.json()["fee_total"]
    await desk.hears(example(payments.Succeeded), code)
    seen = await _seen(desk, code)
    copies = seen["form"]["details"]["papers"][0]["copies"]
    more = {"fields": {"details.papers.0.copies": copies + 10}, "reason": REASON}
    refused = await desk.post(f"/dossiers/{code}/correct", JUSTICE, more)
    assert (refused.status_code, refused.json()["code"]) == (409, "fees_would_change")
    said = refused.json()["detail"]
    costs, was, difference = (int(amount.replace(".", "")) for amount in re.findall(r"([\d.]+) đồng", said))
    assert (was, costs - was) == (asked, difference)
    assert "request-fees" in said
    less = {"fields": {"details.papers.0.copies": 1}, "reason": REASON}
    assert (await desk.post(f"/dossiers/{code}/correct", JUSTICE, less)).json()["code"] == "fees_would_change"
    line = {"code": seen["fee_lines"][0]["code"], "amount": difference, "reason": "Thêm bản"}
    await _does(desk, code, "request-fees", {"fees": [line]}, JUSTICE)
    await desk.hears(example(payments.Succeeded, amount=difference), code)
    corrected = await _does(desk, code, "correct", more, JUSTICE)
    assert corrected["fee_total"] == asked + difference
    other = {"fields": {"applicant.phone": "0987654321"}, "reason": REASON}
    await _does(desk, code, "correct", other, JUSTICE)


async def test_a_correction_of_a_version_that_never_was_is_refused(desk: Desk) -> None:
    code = await _filed(desk)
    correction = {"fields": {"details.reason": "hỏng"}, "reason": REASON}
    answer = await desk.post(f"/dossiers/{code}/correct", OFFICER, correction, **{"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")


async def test_messages_go_both_ways_and_their_text_stays_here(desk: Desk) -> None:
    code = await _filed(desk)
    await _does(desk, code, "posts", {"text": "  Tôi gửi nhầm ảnh\u0301 "}, "anh")
    posts = await _does(desk, code, "posts", {"text": "Bạn gửi lại giúp nhé"})
    assert [(each["author"], each["by"], each["text"]) for each in posts] == [
        ("citizen", None, "Tôi gửi nhầm ảnh\u0301"),
        ("officer", "Vũ Thị Lan", "Bạn gửi lại giúp nhé"),
    ]
    assert (await desk.get(f"/dossiers/{code}/posts", "anh")).json() == posts
    told = (await _told(desk, code))[-2:]
    assert [(each.author, str(each.message_id)) for each in told] == [
        (each["author"], each["message_id"]) for each in posts
    ]
    assert "nhầm" not in json.dumps([row["payload"].decode() for row in await desk.outbox()], ensure_ascii=False)
    for who in ("duc", OTHER_AGENCY):
        assert await _refused(desk, code, "posts", {"text": "?"}, who) == (404, "not_found")
        assert (await desk.get(f"/dossiers/{code}/posts", who)).status_code == 404


async def test_a_message_that_is_sent_again_stands_there_once_and_under_its_key_no_other_does(desk: Desk) -> None:
    code = await _filed(desk)
    for text, status in (("Xin chào", 201), ("Xin chào", 201), ("Khác", 409)):
        answer = await desk.post(f"/dossiers/{code}/posts", "anh", {"text": text}, **{"Idempotency-Key": "k" * 12})
        assert answer.status_code == status, answer.text
    assert [each["text"] for each in (await desk.get(f"/dossiers/{code}/posts", "anh")).json()] == ["Xin chào"]
    assert (await desk.post(f"/dossiers/{code}/posts", "anh", {"text": "Không có khóa"})).status_code == 422


async def test_a_closed_dossier_takes_no_more_messages_and_says_where_to_ask(desk: Desk) -> None:
    code = await _filed(desk)
    await _does(desk, code, "posts", {"text": "Hồ sơ của tôi đâu?"}, "anh")
    assert (await desk.decides(code, "refuse")).status_code == 200
    for who in ("anh", OFFICER):
        assert await _refused(desk, code, "posts", {"text": "Alô"}, who) == (409, "closed_dossier")
    assert len((await desk.get(f"/dossiers/{code}/posts", "anh")).json()) == 1


# Withdrawal and fees


async def test_a_withdrawal_is_declined_or_granted_by_the_agency(desk: Desk) -> None:
    code = await _at_work(desk)
    before = await _seen(desk, code)
    assert (await _does(desk, code, "withdraw", {"reason": "Tôi nộp nhầm"}, "anh"))["status"] == 7
    assert await _refused(desk, code, "withdraw", {}, "duc") == (404, "not_found")
    back = await _does(desk, code, "decline-withdrawal", {"reason": REASON})
    assert (back["status"], back["due"], back["result_due"]) == (4, before["due"], before["result_due"])
    await _does(desk, code, "withdraw", {}, "anh")
    assert (await _does(desk, code, "grant-withdrawal"))["status"] == 8
    assert (await _told(desk, code))[-1].cause == "withdrawn"
    for what, body in (("withdraw", {}), ("supplement", {"fields": {"details.reason": "hỏng"}})):
        refused = await desk.post(f"/dossiers/{code}/{what}", "anh", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
        assert "không còn bước nào" in refused.json()["detail"]
    assert await desk.count("timer") == 0


async def test_another_citizens_guess_of_a_version_tells_nothing(desk: Desk) -> None:
    code = await _filed(desk)
    for path in (code, "G09.20-260609-9999"):
        answer = await desk.post(f"/dossiers/{path}/withdraw", "duc", {}, **{"If-Match": '"99"'})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_later_fees_hold_the_clock_until_they_are_paid(desk: Desk) -> None:
    code = await _at_work(desk)
    asked = {"fees": [{"code": "gplx-doi", "amount": 35_000, "reason": "Cấp thêm một bản"}]}
    assert await _refused(desk, code, "request-fees", {"fees": [asked["fees"][0] | {"code": "x"}]}) == (
        422,
        "not_of_this_procedure",
    )
    waiting = await _does(desk, code, "request-fees", asked)
    assert (waiting["status"], waiting["fee_total"], waiting["result_due"]) == (6, 170_000, None)
    told = (await _told(desk, code))[-1]
    assert (told.amount, [line.reason for line in told.fee_lines]) == (35_000, ["Cấp thêm một bản"])
    WATCH.to(11)
    await desk.hears(example(payments.Succeeded, amount=35_000), code)
    paid = await _seen(desk, code)
    assert (paid["status"], _same(paid["result_due"], _due(18))) == (4, True)


async def test_later_fees_that_nobody_pays_stop_the_dossier(desk: Desk) -> None:
    code = await _at_work(desk)
    await _does(desk, code, "request-fees", {"fees": [{"code": "gplx-doi", "amount": 35_000, "reason": "Thêm bản"}]})
    await desk.hears(example(payments.Expired), code)
    assert (await _seen(desk, code))["status"] == 8
    assert (await _told(desk, code))[-1].cause == "unpaid"


# The result


async def test_nothing_is_completed_without_the_agencys_own_document_or_before_the_last_step(desk: Desk) -> None:
    code = await _at_work(desk)
    number = {"result_number": "010190012345"}
    assert (await desk.post(f"/dossiers/{code}/complete", OFFICER, number)).json()["errors"][0]["path"] == "document_id"
    for owner in ("anh", OTHER_AGENCY):
        foreign = await desk.uploaded(owner)
        assert await _refused(desk, code, "complete", number | {"document_id": foreign}) == (422, "no_result_document")
    own = number | {"document_id": await desk.uploaded(OFFICER)}
    assert await _refused(desk, code, "complete", own) == (409, "steps_left")
    attached = "select attached from document where id = $1"
    assert await desk.pool.fetchval(attached, own["document_id"]) is False, "what was refused keeps nothing"
    await _does(desk, code, "hand-on", {})
    done = await _does(desk, code, "complete", own)
    assert (done["status"], done["result_document"]["document_id"]) == (9, own["document_id"])
    assert await desk.pool.fetchval(attached, own["document_id"]) is True
    assert await _refused(desk, code, "dispatch", {"carrier": "Bưu điện", "tracking_number": "E1"}) == (
        409,
        "not_by_post",
    )


async def test_a_result_goes_by_post_with_its_tracking_number(desk: Desk) -> None:
    delivery = {"method": "post", "address": "12 phố Chợ, phường Hoa Ban, tỉnh Thái Nguyên"}
    code = await _at_work(desk, delivery=delivery)
    await _does(desk, code, "hand-on", {})
    await desk.decides(code, "complete")
    sent = await _does(desk, code, "dispatch", {"carrier": "Bưu điện Việt Nam", "tracking_number": "EB123456789VN"})
    assert (sent["status"], sent["tracking_number"]) == (9, "EB123456789VN")
    assert (await _does(desk, code, "return", {"delivery": "qua bưu chính"}))["status"] == 10
    told = await _told(desk, code)
    assert (told[-3].delivery, told[-2].tracking_number, told[-1].delivery) == (
        "post",
        "EB123456789VN",
        "qua bưu chính",
    )
    assert delivery["address"] not in "".join(each.model_dump_json() for each in told)


async def test_an_online_result_that_its_citizen_opens_is_returned_once(desk: Desk) -> None:
    code = await _at_work(desk, delivery={"method": "online"})
    await _does(desk, code, "hand-on", {})
    done = (await desk.decides(code, "complete")).json()
    result = f"/dossiers/{code}/documents/{done['result_document']['document_id']}"
    for who in (OFFICER, "duc", OTHER_AGENCY):
        await desk.get(result, who)
    assert (await _seen(desk, code))["status"] == 9, "only its citizen fetches it"
    for _ in range(2):
        opened = await desk.get(result, "anh")
        assert (opened.status_code, opened.content) == (200, PDF)
    assert (await _seen(desk, code))["status"] == 10
    assert [type(each).__name__ for each in await _told(desk, code)].count("Returned") == 1


# Papers and files


async def test_the_papers_of_a_dossier_say_what_was_decided_and_lie_in_its_folder(desk: Desk) -> None:
    code = await _at_work(desk)
    await _does(desk, code, "apologise", {"to": "2026-06-24", "reason": "Máy in thẻ hỏng, đang chờ sửa."})
    await _does(desk, code, "request-supplement", {"items": MARKS})
    await _does(desk, code, "stop", {"reason": "Người nộp đã có giấy phép mới."})
    files = (await desk.get(f"/dossiers/{code}/files", "anh")).json()
    assert [each["form"] for each in files] == [None, "01", "04", "02", "05", "06"]
    assert files[0]["title"] == "suc-khoe.pdf"
    hrefs = {each["form"]: each["href"] for each in files}
    expected = {
        "01": ("Nguyễn Thị Ánh", "Đổi giấy phép lái xe", "135.000", "suc-khoe.pdf", "16 tháng 6 năm 2026"),
        "02": ("Lý do đổi", "Không khớp với giấy phép", "Ảnh mờ, không đọc được"),
        "04": ("Máy in thẻ hỏng", "24"),
        "05": ("Người nộp đã có giấy phép mới.",),
        "06": ("Tiếp nhận", "Phòng Cảnh sát giao thông", "Vũ Thị Lan"),
    }
    for form, facts in expected.items():
        text = await _text(desk, hrefs[form])
        assert [fact for fact in (code, *facts) if fact not in text] == [], text
        assert await _text(desk, hrefs[form], OFFICER) == text
        for stranger in ("duc", OTHER_AGENCY):
            assert (await desk.get(hrefs[form], stranger)).status_code == 404
    other = await _filed(desk)
    number = hrefs["05"].rsplit("/", 1)[1]
    assert (await desk.get(f"/dossiers/{other}/papers/{number}", "anh")).status_code == 404, (
        "not through another's code"
    )


async def test_a_refusal_is_a_paper_with_its_grounds(desk: Desk) -> None:
    code = await _filed(desk)
    await desk.decides(code, "refuse")
    (paper,) = [each for each in (await desk.get(f"/dossiers/{code}/files", "anh")).json() if each["form"] == "03"]
    assert "Giấy phép lái xe không thuộc tỉnh cấp." in await _text(desk, paper["href"])


async def test_a_receipt_says_for_ever_what_was_said_when_it_was_issued(desk: Desk) -> None:
    code = await _filed(desk)
    await _does(desk, code, "accept")
    href = next(each["href"] for each in (await desk.get(f"/dossiers/{code}/files", "anh")).json() if each["form"])
    issued = await _text(desk, href)
    await _does(desk, code, "correct", {"fields": {"applicant.name": "Nguyễn Thị Nguyệt"}, "reason": REASON})
    await _does(desk, code, "request-fees", {"fees": [{"code": "gplx-doi", "amount": 35_000, "reason": "Thêm bản"}]})
    assert await _text(desk, href) == issued


# Who may see it, and two at once


async def test_a_code_is_found_by_its_agencys_older_code_too(desk: Desk) -> None:
    code = await _filed(desk)
    assert code.startswith("G09.20-260609-")
    older = code.replace("G09.20", "000.00.20.G09")
    for who in ("anh", OFFICER):
        assert (await _seen(desk, older, who))["code"] == code
    assert (await desk.get(f"/dossiers/{older}", "duc")).status_code == 404


async def test_of_two_officers_with_one_version_one_decides_and_the_other_looks_again(desk: Desk) -> None:
    for what, body in (("request-supplement", {"items": MARKS}), ("correct", {"fields": {"details.reason": "hỏng"}, "reason": REASON})):  # fmt: skip
        code = await _filed(desk)
        etag = (await desk.get(f"/dossiers/{code}", OFFICER)).headers["etag"]
        answers = await asyncio.gather(
            *(
                desk.post(f"/dossiers/{code}/{what}", who, body, **{"If-Match": etag})
                for who in (OFFICER, "son.banglai")
            )
        )
        assert sorted(each.status_code for each in answers) == [200, 412]


async def test_an_illegal_move_names_the_legal_ones(desk: Desk) -> None:
    code = await _at_work(desk)
    refused = await desk.post(f"/dossiers/{code}/accept", OFFICER)
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    for word in ("chuyển bước tiếp theo", "yêu cầu bổ sung", "dừng xử lý", "ghi nhận kết quả"):
        assert word in refused.json()["detail"]
    assert "yêu cầu rút hồ sơ" not in refused.json()["detail"], "that is the citizen's"


async def test_a_communes_dossier_goes_to_the_province_and_back_and_is_seen_by_who_has_it(desk: Desk) -> None:
    procedure = CATALOGUE.on("1.004884", TODAY)
    assert procedure is not None
    answer = await desk.submits(CATALOGUE.example(procedure))
    assert answer.status_code == 201, answer.text
    code = answer.json()["code"]
    assert code.startswith("H55.31-")
    for what in ("accept", "process"):
        await _does(desk, code, what, who=OTHER_AGENCY)
    assert (await desk.get(f"/dossiers/{code}", PROVINCE)).status_code == 404
    up = await _does(desk, code, "hand-on", {"note": "Đề nghị tra sổ năm 1998"}, JUSTICE)
    assert (up["handler"], up["agency"], up["task"]) == ("H55.08", "H55.31", "Sở Tư pháp tra sổ hộ tịch lưu và trả lời")
    assert _same(up["due"], _due(12))
    for who in (PROVINCE, JUSTICE, "anh"):
        assert (await _seen(desk, code, who))["handler_name"] == "Sở Tư pháp tỉnh Thái Nguyên"
    assert await _refused(desk, code, "hand-on", {}, JUSTICE) == (409, "held_elsewhere")
    assert await _refused(desk, code, "hand-on", {}, OFFICER) == (404, "not_found")
    assigned = await _does(desk, code, "assign", {"officer": "Lương Mỹ Hạnh"}, PROVINCE)
    assert assigned["officer"] == "Lương Mỹ Hạnh"
    told = (await _told(desk, code))[-1].step
    assert (told.agency, told.handler, told.department, told.officer) == (
        "H55.31",
        "H55.08",
        "Phòng Hành chính tư pháp",
        "Lương Mỹ Hạnh",
    )
    await _does(desk, code, "hand-on", {"note": "Có trong sổ lưu"}, PROVINCE)
    assert (await desk.get(f"/dossiers/{code}", PROVINCE)).status_code == 404
    assert (await _does(desk, code, "send-back", {"reason": "Trang sổ chụp thiếu."}, JUSTICE))["handler"] == "H55.08"
    for who, what in ((PROVINCE, "hand-on"), (JUSTICE, "hand-on")):
        await _does(desk, code, what, {}, who)
    done = await desk.decides(code, "complete", JUSTICE)
    assert (done.status_code, done.json()["handler"]) == (200, "H55.31")
    assert (await _does(desk, code, "return", {}, OTHER_AGENCY))["status"] == 10
    slip = await _text(desk, f"/dossiers/{code}/papers/control-slip")
    assert "Sở Tư pháp" in slip


# Time


async def test_timers_warn_once_before_and_once_after_the_promised_date(desk: Desk) -> None:
    code = await _at_work(desk)
    WATCH.to(15, 9)
    await _until_told(desk, code, "DueSoon")
    WATCH.to(17, 9)
    await _until_told(desk, code, "Overdue")
    assert await desk.count("timer") == 0
    lines = (await desk.get(f"/dossiers/{code}/journal", "anh")).json()["lines"]
    assert [line["kind"] for line in lines][-1] == "overdue"
    assert "due_soon" not in [line["kind"] for line in lines], "a reminder is the desk's own matter"


async def _until_told(desk: Desk, code: str, name: str) -> None:
    async with asyncio.timeout(30):
        while name not in [type(each).__name__ for each in await _told(desk, code)]:
            await asyncio.sleep(0.05)


async def test_a_changed_day_moves_thousands_of_promised_dates_and_says_so_of_each(desk: Desk) -> None:
    """The day is made off through the API; every process has read it before the first date is counted."""
    one, other = await _at_work(desk), await _filed(desk)
    many = 5_000
    await desk.pool.execute(
        """
        insert into dossier select made.* from dossier as one, generate_series(1, $2) as i,
            lateral jsonb_populate_record(one, jsonb_build_object('code', one.code || 'X' || i)) as made
        where one.code = $1""",
        one,
        many,
    )
    day = {"worked": False}
    for who, status in ((OFFICER, 403), ("anh", 403), (OPERATOR, 202)):
        changed = await desk.http.put("/calendars/default/days/2026-06-16", headers=desk.bearer(who), json=day)
        assert changed.status_code == status
    WATCH.now += timedelta(seconds=6)
    moved = "select count(*) from dossier where result_due = '2026-06-17T17:00:00+07' and due < result_due"
    async with asyncio.timeout(60):
        while await desk.pool.fetchval(moved) < many + 1:
            await asyncio.sleep(0.1)
    assert (await _seen(desk, other))["result_due"] is None
    told = "select count(*), count(distinct aggregateid) from outbox where type like '%.due-changed.%'"
    row = await desk.pool.fetchrow(told)
    assert row is not None
    assert tuple(row) == (many + 1, many + 1)
    assert ((await _told(desk, one))[-1].cause, _same((await _seen(desk, one))["result_due"], _due(17))) == (
        "calendar",
        True,
    )
    shown = (await desk.http.get("/agencies/G09.20/working-days?from=2026-06-15&days=3")).json()
    assert (shown["days"], shown["changes"]) == (["2026-06-15", "2026-06-17"], {"2026-06-16": False})


@pytest.mark.parametrize("asked", ["0001-01-01", "9999-12-31", "2015-01-01", "2200-01-01"])
async def test_working_days_of_years_that_no_calendar_has_are_refused_with_those_it_has(desk: Desk, asked: str) -> None:
    answer = await desk.http.get(f"/agencies/G09.20/working-days?from={asked}")
    assert (answer.status_code, answer.json()["code"]) == (422, "outside_calendar")
    first, last = (int(year) for year in re.findall(r"năm (\d{4})", answer.json()["detail"]))
    assert first < 2026 < last
    for day, days, status in ((f"{first}-01-01", 2, 200), (f"{last}-12-31", 1, 200), (f"{last}-12-31", 2, 422)):
        known = await desk.http.get(f"/agencies/G09.20/working-days?from={day}&days={days}")
        assert known.status_code == status


def _is_due_at_another_time(was: datetime, seen: dict[str, Any]) -> bool:
    return datetime.fromisoformat(seen["due"]) != was


async def test_a_changed_day_moves_the_desks_date_and_a_supplements_last_day(desk: Desk) -> None:
    new, asked, leaving = [await _filed(desk) for _ in range(3)]
    for code in (asked, leaving):
        await _does(desk, code, "request-supplement", {"items": MARKS})
    await _does(desk, leaving, "withdraw", {}, "anh")
    before = {code: datetime.fromisoformat((await _seen(desk, code))["due"]) for code in (new, asked, leaving)}
    for day in {due.astimezone(VIETNAM).date() for due in before.values()}:
        path = f"/calendars/default/days/{day}"
        changed = await desk.http.put(path, headers=desk.bearer(OPERATOR), json={"worked": False})
        assert changed.status_code == 202
    WATCH.now += timedelta(seconds=6)
    for code, was in before.items():
        seen = await _until(desk, code, partial(_is_due_at_another_time, was))
        told = (await _told(desk, code))[-1]
        assert (told.cause, _same(seen["due"], told.step.due.isoformat())) == ("calendar", True)
        assert told.step.due.astimezone(VIETNAM).hour == 17
    timers = await desk.pool.fetch("select due_at from timer where key = $1", asked)
    assert [row["due_at"] for row in timers] == [(await _told(desk, asked))[-1].step.due]


async def test_no_event_of_a_whole_life_names_anybody(desk: Desk) -> None:
    code = await _at_work(desk)
    await _does(desk, code, "posts", {"text": "Tên tôi là Nguyễn Thị Ánh"}, "anh")
    await _does(desk, code, "correct", {"fields": {"applicant.phone": "0987654321"}, "reason": REASON})
    await _does(desk, code, "request-supplement", {"items": MARKS})
    await _does(desk, code, "withdraw", {"reason": "Tôi là Nguyễn Thị Ánh"}, "anh")
    await _does(desk, code, "grant-withdrawal")
    told = b"".join(row["payload"] + json.dumps(row["headers"]).encode() for row in await desk.outbox())
    assert [value for value in (*PERSONAL, "+84987654321") if value.encode() in told] == []
