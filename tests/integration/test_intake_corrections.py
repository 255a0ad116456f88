"""What officers put right and what people write to each other: who sees it, who comes too late, and that no event tells it."""

from __future__ import annotations

import asyncio
import json
import re

from contracts import payments
from tests.forms import CATALOGUE
from tests.integration.intake_desk import OFFICER, OTHER_AGENCY, PERSONAL
from tests.integration.intake_life import JUSTICE, MARKS, REASON, Life
from tests.records import example


async def test_a_correction_shows_the_citizen_the_old_and_the_new_value(life: Life) -> None:
    code = await life.filed()
    correction = {"fields": {"details.licence_class": "C", "applicant.phone": "0987654321"}, "reason": REASON}
    corrected = await life.does(code, "correct", correction)
    assert corrected["form"]["details"]["licence_class"] == "C"
    lines = (await life.desk.get(f"/dossiers/{code}/journal", "anh")).json()["lines"]
    (line,) = [line for line in lines if line["kind"] == "corrected"]
    assert (line["by"], line["body"]["reason"]) == ("Vũ Thị Lan", REASON)
    assert line["body"]["fields"] == [
        {"path": "details.licence_class", "before": "B", "after": "C"},
        {"path": "applicant.phone", "before": "+84900000001", "after": "+84987654321"},
    ]
    told = (await life.told(code))[-1]
    assert (told.fields, told.reason) == (("details.licence_class", "applicant.phone"), REASON)
    bad = await life.desk.post(
        f"/dossiers/{code}/correct", OFFICER, correction | {"fields": {"details.licence_class": "Z"}}
    )
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "details.licence_class")
    none = await life.desk.post(f"/dossiers/{code}/correct", OFFICER, correction | {"fields": {"hidden.place": 1}})
    assert (none.status_code, none.json()["errors"][0]["code"]) == (422, "no_such_field")
    assert (await life.seen(code))["version"] == corrected["version"]


async def test_a_correction_that_changes_the_fees_waits_until_the_difference_was_asked_for(life: Life) -> None:
    procedure = CATALOGUE.procedures["2.000815"]
    answer = await life.desk.submits(CATALOGUE.example(procedure) | {"agency": "H55.31"})
    assert answer.status_code == 201, answer.text
    code, asked = str(answer.json()["code"]), answer.json()["fee_total"]
    await life.desk.hears(example(payments.Succeeded), code)
    seen = await life.seen(code)
    copies = seen["form"]["details"]["papers"][0]["copies"]
    more = {"fields": {"details.papers.0.copies": copies + 10}, "reason": REASON}
    refused = await life.desk.post(f"/dossiers/{code}/correct", JUSTICE, more)
    assert (refused.status_code, refused.json()["code"]) == (409, "fees_would_change")
    said = refused.json()["detail"]
    costs, was, difference = (int(amount.replace(".", "")) for amount in re.findall(r"([\d.]+) đồng", said))
    assert (was, costs - was) == (asked, difference)
    assert "request-fees" in said
    less = {"fields": {"details.papers.0.copies": 1}, "reason": REASON}
    assert (await life.desk.post(f"/dossiers/{code}/correct", JUSTICE, less)).json()["code"] == "fees_would_change"
    line = {"code": seen["fee_lines"][0]["code"], "amount": difference, "reason": "Thêm bản"}
    await life.does(code, "request-fees", {"fees": [line]}, JUSTICE)
    await life.desk.hears(example(payments.Succeeded, amount=difference), code)
    corrected = await life.does(code, "correct", more, JUSTICE)
    assert corrected["fee_total"] == asked + difference
    other = {"fields": {"applicant.phone": "0987654321"}, "reason": REASON}
    await life.does(code, "correct", other, JUSTICE)


async def test_a_correction_of_a_version_that_never_was_is_refused(life: Life) -> None:
    code = await life.filed()
    correction = {"fields": {"details.reason": "hỏng"}, "reason": REASON}
    answer = await life.desk.post(f"/dossiers/{code}/correct", OFFICER, correction, **{"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")


async def test_messages_go_both_ways_and_their_text_stays_here(life: Life) -> None:
    code = await life.filed()
    await life.does(code, "posts", {"text": "  Tôi gửi nhầm ảnh\u0301 "}, "anh")
    posts = await life.does(code, "posts", {"text": "Bạn gửi lại giúp nhé"})
    assert [(each["author"], each["by"], each["text"]) for each in posts] == [
        ("citizen", None, "Tôi gửi nhầm ảnh\u0301"),
        ("officer", "Vũ Thị Lan", "Bạn gửi lại giúp nhé"),
    ]
    assert (await life.desk.get(f"/dossiers/{code}/posts", "anh")).json() == posts
    told = (await life.told(code))[-2:]
    assert [(each.author, str(each.message_id)) for each in told] == [
        (each["author"], each["message_id"]) for each in posts
    ]
    assert "nhầm" not in json.dumps([row["payload"].decode() for row in await life.desk.outbox()], ensure_ascii=False)
    for who in ("duc", OTHER_AGENCY):
        assert await life.refused(code, "posts", {"text": "?"}, who) == (404, "not_found")
        assert (await life.desk.get(f"/dossiers/{code}/posts", who)).status_code == 404


async def test_a_message_that_is_sent_again_stands_there_once_and_under_its_key_no_other_does(life: Life) -> None:
    code = await life.filed()
    for text, status in (("Xin chào", 201), ("Xin chào", 201), ("Khác", 409)):
        answer = await life.desk.post(f"/dossiers/{code}/posts", "anh", {"text": text}, **{"Idempotency-Key": "k" * 12})
        assert answer.status_code == status, answer.text
    assert [each["text"] for each in (await life.desk.get(f"/dossiers/{code}/posts", "anh")).json()] == ["Xin chào"]
    assert (await life.desk.post(f"/dossiers/{code}/posts", "anh", {"text": "Không có khóa"})).status_code == 422


async def test_a_closed_dossier_takes_no_more_messages_and_says_where_to_ask(life: Life) -> None:
    code = await life.filed()
    await life.does(code, "posts", {"text": "Hồ sơ của tôi đâu?"}, "anh")
    assert (await life.desk.decides(code, "refuse")).status_code == 200
    for who in ("anh", OFFICER):
        assert await life.refused(code, "posts", {"text": "Alô"}, who) == (409, "closed_dossier")
    assert len((await life.desk.get(f"/dossiers/{code}/posts", "anh")).json()) == 1


async def test_a_code_is_found_by_its_agencys_older_code_too(life: Life) -> None:
    code = await life.filed()
    assert code.startswith("G09.20-260609-")
    older = code.replace("G09.20", "000.00.20.G09")
    for who in ("anh", OFFICER):
        assert (await life.seen(older, who))["code"] == code
    assert (await life.desk.get(f"/dossiers/{older}", "duc")).status_code == 404


async def test_of_two_officers_with_one_version_one_decides_and_the_other_looks_again(life: Life) -> None:
    for what, body in (("request-supplement", {"items": MARKS}), ("correct", {"fields": {"details.reason": "hỏng"}, "reason": REASON})):  # fmt: skip
        code = await life.filed()
        etag = (await life.desk.get(f"/dossiers/{code}", OFFICER)).headers["etag"]
        answers = await asyncio.gather(
            *(
                life.desk.post(f"/dossiers/{code}/{what}", who, body, **{"If-Match": etag})
                for who in (OFFICER, "son.banglai")
            )
        )
        assert sorted(each.status_code for each in answers) == [200, 412]


async def test_an_illegal_move_names_the_legal_ones(life: Life) -> None:
    code = await life.at_work()
    refused = await life.desk.post(f"/dossiers/{code}/accept", OFFICER)
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    for word in ("chuyển bước tiếp theo", "yêu cầu bổ sung", "dừng xử lý", "ghi nhận kết quả"):
        assert word in refused.json()["detail"]
    assert "yêu cầu rút hồ sơ" not in refused.json()["detail"], "that is the citizen's"


async def test_no_event_of_a_whole_life_names_anybody(life: Life) -> None:
    code = await life.at_work()
    await life.does(code, "posts", {"text": "Tên tôi là Nguyễn Thị Ánh"}, "anh")
    await life.does(code, "correct", {"fields": {"applicant.phone": "0987654321"}, "reason": REASON})
    await life.does(code, "request-supplement", {"items": MARKS})
    await life.does(code, "withdraw", {"reason": "Tôi là Nguyễn Thị Ánh"}, "anh")
    await life.does(code, "grant-withdrawal")
    told = b"".join(row["payload"] + json.dumps(row["headers"]).encode() for row in await life.desk.outbox())
    assert [value for value in (*PERSONAL, "+84987654321") if value.encode() in told] == []
