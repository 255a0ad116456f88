"""Vietnamese as forms write it: amounts, dates, and text that can be drawn."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.papers.words import clean, day_in_words, in_figures, in_words, moment_in_words, short

DIGITS = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "sáu": 6, "bảy": 7,
    "tám": 8, "chín": 9,
}  # fmt: skip


def read(words: str) -> int:
    """The amount that the words say: the other way round, by another rule."""
    amount = 0
    for part in words.removesuffix(" đồng").split("tỷ"):
        whole = group = digit = 0
        for word in part.split():
            if word in DIGITS:
                digit = DIGITS[word]
            elif word in ("trăm", "mươi"):
                group, digit = group + digit * {"trăm": 100, "mươi": 10}[word], 0
            elif word == "mười":
                group += 10
            elif word in ("nghìn", "triệu"):
                whole += (group + digit) * {"nghìn": 1000, "triệu": 10**6}[word]
                group = digit = 0
            else:
                assert word == "linh"
        amount = amount * 10**9 + whole + group + digit
    return amount


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "không đồng"),
        (4, "bốn đồng"),
        (5, "năm đồng"),
        (10, "mười đồng"),
        (11, "mười một đồng"),
        (14, "mười bốn đồng"),
        (15, "mười lăm đồng"),
        (20, "hai mươi đồng"),
        (21, "hai mươi mốt đồng"),
        (24, "hai mươi tư đồng"),
        (55, "năm mươi lăm đồng"),
        (101, "một trăm linh một đồng"),
        (105, "một trăm linh năm đồng"),
        (110, "một trăm mười đồng"),
        (115, "một trăm mười lăm đồng"),
        (1_000, "một nghìn đồng"),
        (1_005, "một nghìn không trăm linh năm đồng"),
        (8_000, "tám nghìn đồng"),
        (100_000, "một trăm nghìn đồng"),
        (115_000, "một trăm mười lăm nghìn đồng"),
        (135_000, "một trăm ba mươi lăm nghìn đồng"),
        (1_021_034, "một triệu không trăm hai mươi mốt nghìn không trăm ba mươi tư đồng"),
        (1_000_001, "một triệu không trăm linh một đồng"),
        (2_000_000_000, "hai tỷ đồng"),
        (10**12, "một nghìn tỷ đồng"),
        (1_000_000_500_000, "một nghìn tỷ năm trăm nghìn đồng"),
    ],
)
def test_amounts_in_words(amount: int, words: str) -> None:
    assert in_words(amount) == words


@given(st.integers(0, 10**12) | st.integers(0, 10**20))
def test_words_say_the_amount_and_no_other(amount: int) -> None:
    assert read(in_words(amount)) == amount
    assert "  " not in in_words(amount)


@given(st.integers(0, 10**12))
def test_lăm_mốt_and_tư_stand_where_they_are_said(amount: int) -> None:
    words = in_words(amount).split()
    for before, word in pairwise(words):
        assert (word == "lăm") <= (before in ("mươi", "mười"))
        assert (word in ("mốt", "tư")) <= (before == "mươi")
        assert (before == "mươi") <= (word not in ("một", "bốn", "năm"))
        assert (before == "linh") <= (word in DIGITS and word not in ("mốt", "tư", "lăm", "không"))


def test_an_amount_below_nought_has_no_words() -> None:
    with pytest.raises(ValueError, match="not negative"):
        in_words(-1)


def test_figures_dates_and_moments() -> None:
    assert in_figures(1_135_000) == "1.135.000 đồng"
    assert day_in_words(date(2026, 2, 9)) == "ngày 09 tháng 02 năm 2026"
    assert day_in_words(date(2026, 6, 19)) == "ngày 19 tháng 6 năm 2026"
    evening = datetime(2026, 6, 8, 18, 5, tzinfo=UTC)
    assert moment_in_words(evening) == "01 giờ 05 phút, ngày 09 tháng 6 năm 2026"
    assert short(evening) == "09/06/2026 01:05"


@given(st.text())
def test_clean_text_is_composed_and_has_nothing_invisible_but_line_breaks(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert not {unicodedata.category(letter) for letter in cleaned if letter != "\n"} & {"Cc", "Cf", "Cs", "Co", "Cn"}


def test_decomposed_vietnamese_is_composed() -> None:
    assert clean(unicodedata.normalize("NFD", "Nguyễn\u200b Thị\tHường\r\n")) == "Nguyễn Thị Hường\n"
