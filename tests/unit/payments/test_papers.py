"""Papers, pages and files that payers and officers are given."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from datetime import UTC, datetime
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from contracts.money import FeeLine
from services.payments.domain.bill import BillState
from services.payments.papers import pages, receipt, tables
from services.payments.papers.states import said
from services.payments.papers.words import in_figures, in_words, moment_in_words

NOON = datetime(2026, 6, 9, 5, 0, tzinfo=UTC)
LINE = FeeLine(
    code="a", kind="lệ phí", name="Lệ phí cấp đổi giấy phép lái xe", amount=115_000, legal_basis="TT 37/2023/TT-BTC",
    beneficiary="3511",
)  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "không đồng"),
        (5, "năm đồng"),
        (15, "mười lăm đồng"),
        (21, "hai mươi mốt đồng"),
        (24, "hai mươi tư đồng"),
        (105, "một trăm linh năm đồng"),
        (1_005, "một nghìn không trăm linh năm đồng"),
        (135_000, "một trăm ba mươi lăm nghìn đồng"),
        (1_000_000, "một triệu đồng"),
        (1_000_015, "một triệu không trăm mười lăm đồng"),
        (1_000_000_000, "một tỷ đồng"),
        (2_000_000_005, "hai tỷ không trăm linh năm đồng"),
        (10**12, "một nghìn tỷ đồng"),
    ],
)
def test_amounts_in_words(amount: int, words: str) -> None:
    assert in_words(amount) == words


def test_no_two_amounts_have_the_same_words() -> None:
    drawn = random.Random(3)
    amounts = sorted({*range(20_000), *(drawn.randrange(10**12) for _ in range(20_000))})
    said_of = [in_words(amount) for amount in amounts]
    assert all(first != second for first, second in pairwise(sorted(said_of)))


def test_an_amount_below_nought_is_none() -> None:
    with pytest.raises(ValueError, match="not negative"):
        in_words(-1)


def test_amounts_and_moments_as_one_writes_them() -> None:
    assert in_figures(1_135_000) == "1.135.000 đồng"
    assert moment_in_words(NOON) == "12 giờ 00 phút, ngày 09 tháng 06 năm 2026"


def paper(**changes: object) -> receipt.Paper:
    usual: dict[str, object] = {
        "number": "2026/00000017", "agency": "Công an tỉnh Thái Nguyên", "dossier_code": "G09.20-260609-0001",
        "procedure": "Đổi giấy phép lái xe", "lines": (LINE,), "amount": 115_000, "issued_at": NOON, "paid_at": NOON,
        "paid": (("Thẻ quốc tế", "pi_1"),), "page": "https://phi.example.vn/receipts/2026/17?k=abc",
    }  # fmt: skip
    return receipt.Paper(**(usual | changes))  # type: ignore[arg-type]


def read(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_the_same_receipt_is_drawn_the_same() -> None:
    assert receipt.render(paper()) == receipt.render(paper())


def test_a_receipt_with_many_lines_goes_over_pages_and_loses_none() -> None:
    lines = tuple(
        LINE.model_copy(update={"name": f"Khoản thu số {number}", "amount": number}) for number in range(1, 121)
    )
    pages_read = read(receipt.render(paper(lines=lines, amount=sum(range(121)))))
    assert len(pages_read) > 1
    whole = " ".join(pages_read)
    assert all(f"Khoản thu số {number} " in whole for number in range(1, 121))
    assert "7.260 đồng" in whole
    assert all("Biên lai số 2026/00000017" in each for each in pages_read), "each page says whose it is"


@pytest.mark.parametrize("letters", ["W" * 5_000, "Ǆ" * 5_000, "Thông tư số mười một của Bộ Tài chính " * 300])
def test_words_that_would_fill_a_page_are_cut_and_one_sees_it(letters: str) -> None:
    line = LINE.model_copy(update={"name": letters, "legal_basis": letters})
    whole = " ".join(read(receipt.render(paper(lines=(line, LINE), agency=letters, procedure=letters))))
    assert "…" in whole
    assert LINE.name in whole


def test_letters_that_no_font_has_are_seen_as_such() -> None:
    (read_page,) = read(receipt.render(paper(procedure="Thủ tục 漢")))
    assert "漢" not in read_page
    assert "Thủ tục" in read_page


def test_without_a_key_for_links_a_receipt_has_no_code() -> None:
    (read_page,) = read(receipt.render(paper(page=None)))
    assert "Quét mã" not in read_page


@pytest.mark.parametrize("state", get_args(BillState))
def test_each_state_of_a_bill_is_told_on_pages(state: str) -> None:
    assert said(state).vi
    assert said(state).en


CELLS = st.one_of(
    st.none(), st.integers(0, 10**12), st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.dates()
)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=5))
def test_csv_reads_back_what_was_written_and_begins_no_formula(rows: list[list[tables.Cell]]) -> None:
    back = list(csv.reader(io.StringIO(tables.csv_of(rows).decode(), newline=""), delimiter=";"))
    assert len(back) == len(rows)
    for row, cells in zip(rows, back, strict=True):
        for cell, text in zip(row, cells, strict=True):
            assert not text.startswith(("=", "+", "-", "@", "\t", "\r"))
            if isinstance(cell, str):
                assert text.removeprefix("'") == cell.removeprefix("'") or text == cell
            elif isinstance(cell, int):
                assert text == str(cell)


@pytest.mark.parametrize("text", ["=1+1", "+84", "-1", "@SUM(A1)", "\t=1", "＝1+1"])
def test_text_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    (row,) = csv.reader(io.StringIO(tables.csv_of([[text]]).decode(), newline=""), delimiter=";")
    assert row == [f"'{text}"]
    with zipfile.ZipFile(io.BytesIO(tables.workbook_of("x", ["a"], [[text, NOON, None, 5]]))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<v>5</v>" in sheet


def test_a_page_tells_no_other_site_its_address_and_sends_forms_over_tls_only() -> None:
    page = pages.page("message.html", public_url="https://x.vn", title="<b>", vi="v", en="e")
    assert "&lt;b&gt;" in bytes(page.body).decode(), "what is shown is escaped"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"].endswith("form-action 'self' https:")
    in_the_clear = pages.page("message.html", public_url="http://127.0.0.1", title="t", vi="v", en="e")
    assert in_the_clear.headers["content-security-policy"].endswith("form-action 'self' https: http:")
