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

from services.payments.domain.bill import BillState
from services.payments.papers import pages, tables
from services.payments.papers.states import said
from services.payments.papers.words import in_figures, in_words, moment_in_words

NOON = datetime(2026, 6, 9, 5, 0, tzinfo=UTC)


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
