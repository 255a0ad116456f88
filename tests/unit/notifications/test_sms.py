"""SMS: every Vietnamese letter survives as its plain one, and parts are counted as a network packs them."""

from __future__ import annotations

import unicodedata
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.sms.parts import count_parts
from services.notifications.domain.sms import Encoding, compose, split, unaccented

TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
VOWELS = ("a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y")
LETTERS = [
    unicodedata.normalize("NFC", letter)
    for vowel, tone in product(VOWELS, TONES)
    for letter in (vowel + tone, (vowel + tone).upper())
    if not unicodedata.normalize("NFC", letter).isascii()
] + ["đ", "Đ"]

EXTENSION = "^{}\\[~]|€"
GSM = st.text(st.sampled_from("aZ09 @£$é\n" + EXTENSION), max_size=700)
UCS = st.text(st.sampled_from("aộđ😀€𝒳"), max_size=300)


def test_there_are_134_accented_letters_and_each_becomes_the_letter_below_its_accents() -> None:
    assert len(set(LETTERS)) == 134
    plain = {"đ": "d", "Đ": "D"}
    for letter in LETTERS:
        base = plain.get(letter) or unicodedata.normalize("NFD", letter)[0]
        assert base.isascii()
        assert unaccented(letter) == base
        assert unaccented(unicodedata.normalize("NFD", letter)) == base


def test_a_sentence_in_nfc_and_in_nfd_is_the_same_sms() -> None:
    sentence = "Đã tiếp nhận hồ sơ của Ông Nguyễn Văn Đường – “đúng hạn”…"
    assert compose(sentence).text == 'Da tiep nhan ho so cua Ong Nguyen Van Duong - "dung han"...'
    assert compose(unicodedata.normalize("NFD", sentence)) == compose(sentence)
    assert compose(sentence).encoding == "gsm7"


@given(st.text(st.sampled_from([*LETTERS, "\u0301", "\u0323", " ", "\u00a0", "\u200b", "x"])))
def test_vietnamese_never_needs_ucs2(text: str) -> None:
    assert compose(text).encoding == "gsm7"
    assert unaccented(unaccented(text)) == unaccented(text)


def test_one_character_beyond_gsm7_sends_the_whole_text_with_its_accents() -> None:
    sms = compose("Hồ sơ đã xong 😀")
    assert (sms.text, sms.encoding, sms.parts) == ("Hồ sơ đã xong 😀", "ucs2", 1)
    nfd = compose(unicodedata.normalize("NFD", "Hồ sơ 😀"))
    assert nfd.text == "Hồ sơ 😀"


@pytest.mark.parametrize(
    ("encoding", "length", "parts"),
    [
        ("ucs2", 70, 1),
        ("ucs2", 71, 2),
        ("ucs2", 134, 2),
        ("ucs2", 135, 3),
        ("gsm7", 160, 1),
        ("gsm7", 161, 2),
        ("gsm7", 306, 2),
        ("gsm7", 307, 3),
    ],
)
def test_the_boundaries_of_parts(encoding: Encoding, length: int, parts: int) -> None:
    assert len(split("a" * length, encoding)) == parts


def test_an_escape_pair_is_never_torn_apart_so_306_septets_may_need_three_parts() -> None:
    assert [len(part) for part in split("a" * 152 + "€" + "a" * 152, "gsm7")] == [152, 152, 1]
    assert [len(part) for part in split("a" * 151 + "€" + "a" * 153, "gsm7")] == [152, 153]


def test_a_surrogate_pair_is_never_torn_apart_so_134_units_may_need_three_parts() -> None:
    assert [len(part) for part in split("ộ" * 66 + "😀" + "ộ" * 66, "ucs2")] == [66, 66, 1]
    assert [len(part) for part in split("ộ" * 65 + "😀" + "ộ" * 67, "ucs2")] == [66, 67]


@pytest.mark.parametrize("character", ["ộ", "`", "😀"])
def test_what_gsm7_does_not_have_is_refused_not_counted(character: str) -> None:
    with pytest.raises(ValueError, match="not in GSM-7"):
        split(character, "gsm7")


def fewest(costs: list[int], size: int) -> int:
    """The fewest parts into which a sequence can be cut, found by looking at every cut: nothing greedy about it."""
    best = [0] + [len(costs)] * len(costs)
    for end in range(1, len(costs) + 1):
        total = 0
        for start in range(end - 1, -1, -1):
            total += costs[start]
            if total > size:
                break
            best[end] = min(best[end], best[start] + 1)
    return best[-1]


@given(GSM)
def test_gsm7_parts_are_as_few_as_can_be_and_as_the_carrier_counts(text: str) -> None:
    costs = [2 if character in EXTENSION else 1 for character in text]
    expected = 1 if sum(costs) <= 160 else fewest(costs, 153)
    parts = split(text, "gsm7")
    assert "".join(parts) == text
    assert len(parts) == expected == count_parts(text, "gsm7")


@given(UCS)
def test_ucs2_parts_are_as_few_as_can_be_and_as_the_carrier_counts(text: str) -> None:
    costs = [len(character.encode("utf-16-be")) // 2 for character in text]
    expected = 1 if sum(costs) <= 70 else fewest(costs, 67)
    parts = split(text, "ucs2")
    assert "".join(parts) == text
    assert len(parts) == expected == count_parts(text, "ucs2")
