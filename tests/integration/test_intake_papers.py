"""Forms 01–07 as PDF: every fact is on them with its accents, the code leads to the status page, nothing is cut off."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import unicodedata
from datetime import date, datetime
from typing import Any

import pytest
import segno
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter
from pypdf import PageObject, PdfReader

from chassis.clock import VIETNAM
from chassis.fonts import cuts
from services.intake.papers import TITLES, facts, render
from services.intake.papers.words import day_in_words, in_figures, in_words, moment_in_words, short

URL = "https://motcua.example.vn/theo-doi/G09.20-260609-0001?t=3Jk29sKq"
LONG = "Công ty trách nhiệm hữu hạn một thành viên Sản xuất – Thương mại – Dịch vụ và Xuất nhập khẩu Nông sản " * 3


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


HEAD = facts.Head(
    superior="Ủy ban nhân dân tỉnh Thái Nguyên",
    agency="Sở Tư pháp",
    desk="Bộ phận một cửa",
    place="Thái Nguyên",
    phone="0208 3855 123",
    number="1042/TNHS",
    issued_at=at("2026-06-09T09:12"),
    officer="Trần Văn Minh",
)
ABOUT = facts.About(
    code="G09.20-260609-0001",
    procedure_code="1.002809",
    procedure="Đổi giấy phép lái xe",
    applicant="Nguyễn Thị Hồng Nhưỡng",
    address="Số 12, ngõ 5, đường Hoàng Văn Thụ, phường Phan Đình Phùng",
    phone="0912 345 678",
    email="hong.nhuong@example.vn",
    status_url=URL,
)
WAY = (
    facts.HandOver(
        agency="Sở Tư pháp",
        department="Bộ phận một cửa",
        officer="Trần Văn Minh",
        since=at("2026-06-09T09:10"),
        until=at("2026-06-09T10:40"),
        due=at("2026-06-09T17:00"),
        result="Chuyển phòng chuyên môn",
    ),
    facts.HandOver(
        agency="Sở Tư pháp",
        department="Phòng Hành chính tư pháp",
        officer="Lê Thị Thu Hường",
        since=at("2026-06-09T10:40"),
        until=at("2026-06-12T16:00"),
        due=at("2026-06-12T11:30"),
        result="Thẩm định xong",
    ),
    facts.HandOver(agency="Ủy ban nhân dân xã Đồng Hỷ", department="Văn phòng", since=at("2026-06-12T16:01")),
)
ROW = facts.RegisterRow(
    code="G09.20-260609-0001",
    procedure="Đổi giấy phép lái xe",
    applicant="Đặng Quỳnh Ngữ",
    contact="Xã Đồng Hỷ, 0912345678",
    handler="Phòng Cảnh sát giao thông",
    received_at=at("2026-06-09T09:10"),
    due_at=at("2026-06-16T17:00"),
    returned_at=at("2026-06-16T10:00"),
    delivery="Tại quầy",
    note="Trước hạn",
)
PAPERS: dict[str, facts.Paper] = {
    "01": facts.Receipt(
        head=HEAD,
        about=ABOUT,
        documents=(
            facts.Handed(name="Đơn đề nghị đổi giấy phép lái xe", originals=1),
            facts.Handed(name="Giấy khám sức khỏe", copies=2, note="còn giá trị đến 01/12/2026"),
        ),
        received_at=at("2026-06-09T09:10"),
        processing="5 ngày làm việc",
        due_at=at("2026-06-16T17:00"),
        delivery="Qua dịch vụ bưu chính",
        fees=(
            facts.FeePosition(name="Lệ phí cấp đổi", legal_basis="Thông tư 37/2023/TT-BTC", amount=135_000),
            facts.FeePosition(name="Phí hồ sơ", legal_basis="Nghị quyết 05/NQ", amount=0, note="Miễn: hộ nghèo"),
        ),
        paid=True,
        meeting=facts.Meeting(
            purpose="Chụp ảnh",
            place="Trung tâm Phục vụ hành chính công",
            address="17 Đội Cấn",
            at=at("2026-06-11T08:30"),
        ),
    ),
    "02": facts.SupplementRequest(
        head=HEAD,
        about=ABOUT,
        marks=(
            facts.Mark(what="Ảnh chân dung", reason="Ảnh chụp quá sáu tháng; đề nghị nộp ảnh 3×4 nền xanh."),
            facts.Mark(what="Số giấy phép cũ", reason="Số đã khai không khớp với bản sao."),
        ),
        until=date(2026, 7, 9),
        legal_bases=("Điều 37 Thông tư 12/2017/TT-BGTVT",),
    ),
    "03": facts.Refusal(
        head=HEAD,
        about=ABOUT,
        grounds="Giấy phép đang bị tước quyền sử dụng.",
        marks=(facts.Mark(what="Giấy phép lái xe", reason="Đang bị tạm giữ."),),
        legal_bases=("Khoản 4 Điều 38 Luật số 36/2024/QH15",),
    ),
    "04": facts.Apology(
        head=HEAD,
        about=ABOUT,
        received_at=at("2026-06-09T09:10"),
        promised=at("2026-06-16T17:00"),
        reason="Cần xác minh thêm với cơ quan đã cấp giấy phép cũ.",
        new_due=at("2026-06-23T17:00"),
        legal_bases=("Khoản 9 Điều 19 Nghị định số 61/2018/NĐ-CP",),
    ),
    "05": facts.StopNotice(
        head=HEAD,
        about=ABOUT,
        received_at=at("2026-06-09T09:10"),
        stopped_at=at("2026-07-10T08:00"),
        reason="Quá thời hạn bổ sung hồ sơ.",
        money="không hoàn trả theo Thông tư 37/2023/TT-BTC",
        legal_bases=("Điều 19 Nghị định số 61/2018/NĐ-CP",),
    ),
    "06": facts.ControlSlip(
        head=HEAD.model_copy(update={"phone": None}),
        about=ABOUT.model_copy(update={"address": None, "phone": None, "email": None}),
        received_at=at("2026-06-09T09:10"),
        due_at=at("2026-06-16T17:00"),
        hand_overs=WAY,
    ),
    "07": facts.Register(
        head=HEAD.model_copy(update={"phone": None}), since=date(2026, 6, 1), until=date(2026, 6, 30), rows=(ROW,)
    ),
}
OF_A_DOSSIER = sorted(PAPERS.keys() - {"07"})
NOT_WRITTEN = {"status_url", "form", "issued_at"}  # a code, the foot, a day without its hour
BOTH_WAYS = TypeAdapter[facts.Paper](facts.Paper)


def pages(paper: facts.Paper) -> list[PageObject]:
    return list(PdfReader(io.BytesIO(render(paper))).pages)


def bare(text: str) -> str:
    """The text without the spaces and capitals that lines, cells and headings change."""
    return re.sub(r"\s", "", unicodedata.normalize("NFC", text)).casefold()


def written(paper: facts.Paper) -> str:
    """All that is on the paper, without what stands at the foot of each page."""
    text = "".join(page.extract_text() for page in pages(paper))
    foot = re.escape(bare(f"Mẫu số {paper.form} – Thông tư số 03/2025/TT-VPCP"))
    return re.sub(rf"{foot}trang\d+/\d+", "", bare(text))


def said(value: Any) -> list[str]:
    """How each fact is written; where there are two ways, of which one must be there, joined by |."""
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return [each for name, field in fields.items() if name not in NOT_WRITTEN for each in said(field)]
    if isinstance(value, tuple):
        return [each for part in value for each in said(part)]
    if isinstance(value, datetime):
        return [f"{moment_in_words(value)}|{short(value)}"]
    if isinstance(value, date):
        return [day_in_words(value)]
    return [value] if isinstance(value, str) and value else []


@pytest.mark.parametrize("form", PAPERS)
def test_every_fact_is_on_the_paper_with_its_accents(form: str) -> None:
    text = written(PAPERS[form])
    for ways in [*said(PAPERS[form]), TITLES[form], "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"]:
        assert any(bare(way) in text for way in ways.split("|")), ways
    assert bare("Độc lập – Tự do – Hạnh phúc") in text
    assert bare("Thái Nguyên, ngày 09 tháng 6 năm 2026") in text


def test_the_receipt_says_amounts_in_figures_and_in_words_and_whether_they_were_paid() -> None:
    paper = PAPERS["01"]
    assert isinstance(paper, facts.Receipt)
    text = written(paper)
    assert bare(f"Tổng cộng: {in_figures(135_000)} ({in_words(135_000)}), đã nộp") in text
    assert bare("chưa nộp") in written(paper.model_copy(update={"paid": False}))
    assert bare("Phí, lệ phí: không phải nộp") in written(paper.model_copy(update={"fees": ()}))


def test_the_control_slip_says_who_was_in_time_and_who_has_it_now() -> None:
    text = written(PAPERS["06"])
    for told in ("Đúng hạn", "Quá hạn", "Đang giải quyết", "Chưa phân công"):
        assert bare(told) in text
    late = WAY[2].model_copy(update={"due": at("2026-06-08T17:00")})
    assert bare("Quá hạn") in written(PAPERS["06"].model_copy(update={"hand_overs": (late,)}))
    running = late.model_copy(update={"due": at("2026-06-10T17:00")})
    assert bare("Trong hạn") in written(PAPERS["06"].model_copy(update={"hand_overs": (running,)}))


@pytest.mark.parametrize("form", OF_A_DOSSIER)
def test_the_code_is_the_status_pages_address(form: str) -> None:
    content = pages(PAPERS[form])[-1].get_contents()
    assert content is not None
    squares = [
        (float(x), float(y), float(size))
        for x, y, size, height in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) -([\d.]+) re f", content.get_data())
        if size == height
    ]
    left, top = min(x for x, _, _ in squares), max(y for _, y, _ in squares)
    matrix = segno.make_qr(URL, error="m").matrix
    size = (max(x for x, _, _ in squares) - left) / (len(matrix) - 1)
    dark = {(round((top - y) / size), round((x - left) / size)) for x, y, _ in squares}
    assert dark == {(row, column) for row, line in enumerate(matrix) for column, each in enumerate(line) if each}


@pytest.mark.parametrize("form", PAPERS)
def test_the_file_says_what_it_is_and_embeds_its_letters(form: str) -> None:
    file = PdfReader(io.BytesIO(render(PAPERS[form])))
    assert file.metadata is not None
    assert str(file.metadata.title).startswith(TITLES[form])
    assert file.metadata.author == "Sở Tư pháp"
    assert file.metadata.creation_date == HEAD.issued_at
    assert str(file.root_object["/Lang"]) == "vi-VN"
    for page in file.pages:
        width, height = sorted((float(page.mediabox.width), float(page.mediabox.height)))
        assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (210, 297)
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            inside = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            assert "+NotoSans" in inside["/FontName"]
            assert inside["/FontFile2"].get_object().get_data()


@pytest.mark.parametrize("form", PAPERS)
def test_the_same_facts_give_the_same_bytes(form: str) -> None:
    again = BOTH_WAYS.validate_json(PAPERS[form].model_dump_json())
    assert again == PAPERS[form]
    assert render(again) == render(PAPERS[form])


def test_another_process_gives_the_same_bytes_in_many_threads_at_once() -> None:
    script = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pydantic import TypeAdapter
from services.intake.papers import facts, render

paper = TypeAdapter(facts.Paper).validate_json(sys.stdin.buffer.read())
with ThreadPoolExecutor(4) as threads:
    made = set(threads.map(render, [paper] * 8))
assert len(made) == 1
sys.stdout.buffer.write(made.pop())
"""
    paper = PAPERS["01"]
    made = subprocess.run(
        [sys.executable, "-c", script], input=paper.model_dump_json().encode(), stdout=subprocess.PIPE, check=True
    )
    assert made.stdout == render(paper)


def test_letters_that_were_swept_away_are_cut_again() -> None:
    before = render(PAPERS["03"])
    folder = next(iter(cuts().values())).parent
    shutil.rmtree(folder)
    assert render(PAPERS["03"]) == before


def test_a_register_of_two_hundred_rows_flows_over_pages_that_repeat_its_heading() -> None:
    rows = tuple(ROW.model_copy(update={"code": f"G09.20-260609-{number:04}"}) for number in range(1, 201))
    found = pages(PAPERS["07"].model_copy(update={"rows": rows}))
    assert len(found) > 5
    texts = [bare(page.extract_text()) for page in found]
    for number, text in enumerate(texts, 1):
        assert bare(f"Trang {number}/{len(found)}") in text
    codes = re.findall(r"g09\.20-260609-\d{4}", "".join(texts))
    assert codes == [row.code.casefold() for row in rows]
    assert all(bare("Cá nhân, tổ chức") in text for text in texts if "g09.20" in text)
    assert bare("Tổng số: 200 hồ sơ") in texts[-1]


def test_long_texts_flow_over_pages_and_lose_nothing() -> None:
    marks = tuple(facts.Mark(what=f"Giấy tờ thứ {number}", reason=f"{number}: {LONG}") for number in range(1, 41))
    paper = PAPERS["02"].model_copy(update={"marks": marks})
    assert len(pages(paper)) > 3
    text = written(paper)
    for mark in marks:
        assert bare(f"{mark.what}Lý do: {mark.reason}") in text


def test_long_names_and_cells_lose_nothing() -> None:
    about = ABOUT.model_copy(update={"applicant": LONG, "procedure": LONG, "address": "W" * 900})
    way = tuple(each.model_copy(update={"result": LONG * 3, "department": LONG}) for each in WAY)
    slip = PAPERS["06"].model_copy(update={"about": about, "hand_overs": way})
    assert written(slip).count(bare("nông sản")) >= len(way) * 3 * 4
    receipt = PAPERS["01"].model_copy(update={"about": about})
    text = written(receipt)
    assert text.count(bare(LONG)) == 3  # whose it is, the procedure, who signs
    assert bare("W" * 900) in text


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300) | st.text(
    "aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ -,.",
    min_size=1,
    max_size=300,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, TEXTS)
def test_whatever_was_typed_can_be_drawn(name: str, reason: str) -> None:
    about = ABOUT.model_copy(update={"applicant": name, "procedure": reason})
    for form in ("02", "06"):
        made = {
            "02": {"about": about, "marks": (facts.Mark(what=name, reason=reason),)},
            "06": {"about": about, "hand_overs": (WAY[0].model_copy(update={"result": reason, "officer": name}),)},
        }[form]
        assert pages(PAPERS[form].model_copy(update=made))


def test_letters_that_the_font_has_not_are_seen_to_be_missing_and_named_in_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    about = ABOUT.model_copy(update={"applicant": "Nguyễn 王小明 Hà"})
    assert bare("Nguyễn ��� Hà") in written(PAPERS["02"].model_copy(update={"about": about}))
    assert "glyph" not in caplog.text
    assert "王" not in caplog.text


def test_decomposed_names_are_drawn_composed() -> None:
    about = ABOUT.model_copy(update={"applicant": unicodedata.normalize("NFD", ABOUT.applicant)})
    assert render(PAPERS["02"].model_copy(update={"about": about})) == render(PAPERS["02"])
