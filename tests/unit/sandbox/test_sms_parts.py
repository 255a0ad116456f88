"""Parts of an SMS, against the boundaries that carriers publish and an independent reference."""

from __future__ import annotations

from itertools import accumulate, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.sms.parts import BASIC, EXTENSION, Encoding, NotEncodableError, count_parts

# 3GPP TS 23.038 6.2.1, row by row as code points: typed apart from the implementation's string.
ROWS = (
    (0x40, 0xA3, 0x24, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0x0A, 0xD8, 0xF8, 0x0D, 0xC5, 0xE5),
    (0x394, 0x5F, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E, 0xC6, 0xE6, 0xDF, 0xC9),
    (0x20, 0x21, 0x22, 0x23, 0xA4, *range(0x25, 0x40)),
    (0xA1, *range(0x41, 0x5B), 0xC4, 0xD6, 0xD1, 0xDC, 0xA7),
    (0xBF, *range(0x61, 0x7B), 0xE4, 0xF6, 0xF1, 0xFC, 0xE0),
)
EXTENDED = (0x0C, 0x5E, 0x7B, 0x7D, 0x5C, 0x5B, 0x7E, 0x5D, 0x7C, 0x20AC)


def fewest_parts(lengths: list[int], whole: int, part: int) -> int:
    """The fewest parts over all ways to cut between characters, found from the end and not greedily."""
    if sum(lengths) <= whole:
        return 1
    needed = [0] * (len(lengths) + 1)
    for start in reversed(range(len(lengths))):
        fitting = takewhile(lambda total: total <= part, accumulate(lengths[start:]))
        needed[start] = 1 + min(needed[start + taken] for taken, _ in enumerate(fitting, 1))
    return needed[0]


def test_the_alphabets_are_those_of_the_standard() -> None:
    assert {chr(point) for row in ROWS for point in row} == BASIC
    assert {chr(point) for point in EXTENDED} == EXTENSION


gsm_texts = st.text(st.sampled_from(sorted(BASIC) + sorted(EXTENSION) * 12), min_size=1, max_size=400)
unicode_texts = st.text(
    st.one_of(st.sampled_from("aăâđêôơưẠ€ "), st.characters(min_codepoint=0x10000, max_codepoint=0x1FFFF)),
    min_size=1,
    max_size=200,
)


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(gsm_texts)
def test_gsm7_texts_need_the_fewest_parts_that_tear_no_character(text: str) -> None:
    lengths = [2 if ord(character) in EXTENDED else 1 for character in text]
    assert count_parts(text, "gsm7") == fewest_parts(lengths, 160, 153)


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(unicode_texts)
def test_ucs2_texts_need_the_fewest_parts_that_tear_no_surrogate_pair(text: str) -> None:
    lengths = [len(character.encode("utf-16-be")) // 2 for character in text]
    assert count_parts(text, "ucs2") == fewest_parts(lengths, 70, 67)


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("a", "gsm7", 1),
        ("a" * 160, "gsm7", 1),
        ("a" * 161, "gsm7", 2),
        ("a" * 306, "gsm7", 2),
        ("a" * 307, "gsm7", 3),
        ("€" * 80, "gsm7", 1),
        ("€" * 80 + "a", "gsm7", 2),
        ("a" * 152 + "€" + "a" * 152, "gsm7", 3),  # 306 septets, but the pair moves to the second part
        ("ơ" * 70, "ucs2", 1),
        ("ơ" * 71, "ucs2", 2),
        ("ơ" * 134, "ucs2", 2),
        ("ơ" * 135, "ucs2", 3),
        ("😀" * 35, "ucs2", 1),
        ("😀" * 36, "ucs2", 2),
        ("ơ" * 66 + "😀" + "ơ" * 66, "ucs2", 3),  # 134 units, but the pair moves to the second part
    ],
)
def test_parts_at_the_published_boundaries(text: str, encoding: Encoding, parts: int) -> None:
    assert count_parts(text, encoding) == parts


@pytest.mark.parametrize("character", ["ơ", "đ", "`", "ç", "\t", "😀"])
def test_a_character_outside_the_alphabet_is_named(character: str) -> None:
    with pytest.raises(NotEncodableError) as refusal:
        count_parts("abc" + character, "gsm7")
    assert refusal.value.character == character


@pytest.mark.parametrize("character", ["\ud800", "\x00", "\x1b"])
def test_ucs2_carries_neither_lone_surrogates_nor_control_characters(character: str) -> None:
    with pytest.raises(NotEncodableError):
        count_parts(character, "ucs2")
