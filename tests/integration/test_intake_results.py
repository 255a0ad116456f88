"""What a dossier ends with: the result, how it reaches its citizen, and the papers that say what was decided."""

from __future__ import annotations

from tests.integration.intake_desk import OFFICER, OTHER_AGENCY, PDF
from tests.integration.intake_life import MARKS, REASON, Life


async def test_nothing_is_completed_without_the_agencys_own_document_or_before_the_last_step(life: Life) -> None:
    code = await life.at_work()
    number = {"result_number": "010190012345"}
    assert (await life.desk.post(f"/dossiers/{code}/complete", OFFICER, number)).json()["errors"][0][
        "path"
    ] == "document_id"
    for owner in ("anh", OTHER_AGENCY):
        foreign = await life.desk.uploaded(owner)
        assert await life.refused(code, "complete", number | {"document_id": foreign}) == (422, "no_result_document")
    own = number | {"document_id": await life.desk.uploaded(OFFICER)}
    assert await life.refused(code, "complete", own) == (409, "steps_left")
    attached = "select attached from document where id = $1"
    assert await life.desk.pool.fetchval(attached, own["document_id"]) is False, "what was refused keeps nothing"
    await life.does(code, "hand-on", {})
    done = await life.does(code, "complete", own)
    assert (done["status"], done["result_document"]["document_id"]) == (9, own["document_id"])
    assert await life.desk.pool.fetchval(attached, own["document_id"]) is True
    assert await life.refused(code, "dispatch", {"carrier": "Bưu điện", "tracking_number": "E1"}) == (
        409,
        "not_by_post",
    )


async def test_a_result_goes_by_post_with_its_tracking_number(life: Life) -> None:
    delivery = {"method": "post", "address": "12 phố Chợ, phường Hoa Ban, tỉnh Thái Nguyên"}
    code = await life.at_work(delivery=delivery)
    await life.does(code, "hand-on", {})
    await life.desk.decides(code, "complete")
    sent = await life.does(code, "dispatch", {"carrier": "Bưu điện Việt Nam", "tracking_number": "EB123456789VN"})
    assert (sent["status"], sent["tracking_number"]) == (9, "EB123456789VN")
    assert (await life.does(code, "return", {"delivery": "qua bưu chính"}))["status"] == 10
    told = await life.told(code)
    assert (told[-3].delivery, told[-2].tracking_number, told[-1].delivery) == (
        "post",
        "EB123456789VN",
        "qua bưu chính",
    )
    assert delivery["address"] not in "".join(each.model_dump_json() for each in told)


async def test_an_online_result_that_its_citizen_opens_is_returned_once(life: Life) -> None:
    code = await life.at_work(delivery={"method": "online"})
    await life.does(code, "hand-on", {})
    done = (await life.desk.decides(code, "complete")).json()
    result = f"/dossiers/{code}/documents/{done['result_document']['document_id']}"
    for who in (OFFICER, "duc", OTHER_AGENCY):
        await life.desk.get(result, who)
    assert (await life.seen(code))["status"] == 9, "only its citizen fetches it"
    for _ in range(2):
        opened = await life.desk.get(result, "anh")
        assert (opened.status_code, opened.content) == (200, PDF)
    assert (await life.seen(code))["status"] == 10
    assert [type(each).__name__ for each in await life.told(code)].count("Returned") == 1


async def test_the_papers_of_a_dossier_say_what_was_decided_and_lie_in_its_folder(life: Life) -> None:
    code = await life.at_work()
    await life.does(code, "apologise", {"to": "2026-06-24", "reason": "Máy in thẻ hỏng, đang chờ sửa."})
    await life.does(code, "request-supplement", {"items": MARKS})
    await life.does(code, "stop", {"reason": "Người nộp đã có giấy phép mới."})
    files = (await life.desk.get(f"/dossiers/{code}/files", "anh")).json()
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
        text = await life.text(hrefs[form])
        assert [fact for fact in (code, *facts) if fact not in text] == [], text
        assert await life.text(hrefs[form], OFFICER) == text
        for stranger in ("duc", OTHER_AGENCY):
            assert (await life.desk.get(hrefs[form], stranger)).status_code == 404
    other = await life.filed()
    number = hrefs["05"].rsplit("/", 1)[1]
    assert (await life.desk.get(f"/dossiers/{other}/papers/{number}", "anh")).status_code == 404, (
        "not through another's code"
    )


async def test_a_refusal_is_a_paper_with_its_grounds(life: Life) -> None:
    code = await life.filed()
    await life.desk.decides(code, "refuse")
    (paper,) = [each for each in (await life.desk.get(f"/dossiers/{code}/files", "anh")).json() if each["form"] == "03"]
    assert "Giấy phép lái xe không thuộc tỉnh cấp." in await life.text(paper["href"])


async def test_a_receipt_says_for_ever_what_was_said_when_it_was_issued(life: Life) -> None:
    code = await life.filed()
    await life.does(code, "accept")
    href = next(each["href"] for each in (await life.desk.get(f"/dossiers/{code}/files", "anh")).json() if each["form"])
    issued = await life.text(href)
    await life.does(code, "correct", {"fields": {"applicant.name": "Nguyễn Thị Nguyệt"}, "reason": REASON})
    await life.does(code, "request-fees", {"fees": [{"code": "gplx-doi", "amount": 35_000, "reason": "Thêm bản"}]})
    assert await life.text(href) == issued
