"""VietQR: the text of a picture, against published vectors and against itself; and the picture that shows it."""

from __future__ import annotations

import string
from dataclasses import replace
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from services.payments.domain.vietqr import LARGEST_AMOUNT, Transfer, capture_of_line, crc, decode, encode
from services.payments.papers import qr

patient = settings(deadline=None)  # other work on the machine must not fail a claim
TRANSFER = Transfer("970403", "0011012345678", 180_000, "thanh toan don hang")
# NAPAS's own examples: for one payment with a bill number, and for many payments.
DYNAMIC = (
    "00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA530370454061800005802VN"
    "62340107NPS68690819thanh toan don hang63042E2E"
)
STATIC = "00020101021138570010A00000072701270006970403011300110123456780208QRIBFTTA53037045802VN63049E6F"

transfers = st.builds(
    Transfer,
    st.text(string.digits, min_size=6, max_size=6),
    st.text(string.digits + string.ascii_letters, min_size=1, max_size=19),
    st.integers(1, LARGEST_AMOUNT),
    st.text([chr(each) for each in range(0x20, 0x7F)], min_size=1, max_size=25),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("123456789", 0x29B1), ("", 0xFFFF), (DYNAMIC[:-4], 0x2E2E), (STATIC[:-4], 0x9E6F)],
)
def test_the_check_is_crc_16_ccitt_false(text: str, expected: int) -> None:
    assert crc(text) == expected


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (
            Transfer("970422", "0338356589", 550_000, "VINREG1A2BKXYZ"),
            "00020101021238540010A00000072701240006970422011003383565890208QRIBFTTA53037045406550000580"
            "2VN62180814VINREG1A2BKXYZ6304E16E",
        ),
        (
            Transfer("970416", "257678859", 1_000, "Chuyen tien"),
            "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA530370454041000580"
            "2VN62150811Chuyen tien6304BBB8",
        ),
    ],
)
def test_a_picture_says_what_others_write_for_the_same_transfer(transfer: Transfer, expected: str) -> None:
    assert encode(transfer) == expected


def test_published_pictures_are_read_with_what_they_leave_open() -> None:
    assert decode(DYNAMIC) == TRANSFER
    assert decode(STATIC) == Transfer("970403", "0011012345678")


@patient
@given(transfers)
def test_what_is_written_is_read_again(transfer: Transfer) -> None:
    assert decode(encode(transfer)) == transfer


@patient
@given(transfers, st.integers(0, 200), st.characters(min_codepoint=0x20, max_codepoint=0x7E))
def test_one_wrong_character_is_always_noticed(transfer: Transfer, place: int, wrong: str) -> None:
    text = encode(transfer)
    place %= len(text)
    assume(text[place].upper() != wrong.upper())
    with pytest.raises(ValueError):
        decode(text[:place] + wrong + text[place + 1 :])


@patient
@given(st.text() | st.text().map(lambda text: f"{text}6304{crc(text + '6304'):04X}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        decode(text)
    except ValueError:
        return


@patient
@given(
    transfers.map(encode),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.sampled_from("0915V")), min_size=1, max_size=3),
)
def test_a_text_with_a_true_check_and_other_objects_is_read_or_refused(
    text: str, changes: list[tuple[int, int, str]]
) -> None:
    for place, gone, put in changes:
        text = text[:place] + put + text[place + gone :]
    said = f"{text[:-8]}6304"
    try:
        decode(f"{said}{crc(said):04X}")
    except ValueError:
        return


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bank_bin": "97040"}, "six digits"),
        ({"account": ""}, "1 to 19"),
        ({"account": "1" * 20}, "1 to 19"),
        ({"amount": 0}, "1 to 9,999,999,999,999"),
        ({"amount": -5}, "1 to 9,999,999,999,999"),
        ({"amount": 10**13}, "1 to 9,999,999,999,999"),
        ({"purpose": "x" * 26}, "25 ASCII"),
        ({"purpose": "lệ phí"}, "25 ASCII"),
        ({"purpose": ""}, "25 ASCII"),
        ({"bank_bin": "x", "account": "-"}, "six digits; an account"),
    ],
)
def test_what_no_picture_can_say_is_refused_all_at_once(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(TRANSFER, **changes)


def test_a_picture_for_one_payment_needs_an_amount_and_a_purpose() -> None:
    with pytest.raises(ValueError):
        encode(Transfer("970403", "1", None, "x"))
    with pytest.raises(ValueError):
        encode(Transfer("970403", "1", 1, None))


def test_the_money_of_a_line_always_has_the_same_name_and_no_other_line_has_it() -> None:
    assert capture_of_line("FT26327AAAA") == capture_of_line("FT26327AAAA")
    assert capture_of_line("FT26327AAAA") != capture_of_line("FT26327AAAB")
    assert capture_of_line("FT26327AAAA").version == 7


def test_the_picture_shows_the_text_with_its_quiet_zone() -> None:
    text = encode(TRANSFER)
    matrix = [[False] * 4 + [bool(dark) for dark in row] + [False] * 4 for row in segno.make_qr(text, error="m").matrix]
    quiet = [[False] * len(matrix[0])] * 4
    image = Image.open(BytesIO(qr.png(text))).convert("L")
    side = image.width // len(matrix[0])
    seen = [
        [image.getpixel((x * side + side // 2, y * side + side // 2)) == 0 for x in range(image.width // side)]
        for y in range(image.height // side)
    ]
    assert seen == [*quiet, *matrix, *quiet]
    drawing = ElementTree.fromstring(qr.svg(text))
    assert (drawing.tag, drawing.get("width")) == ("{http://www.w3.org/2000/svg}svg", str(image.width))
