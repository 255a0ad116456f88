"""Who applies: names, birth dates, identity numbers, phones and e-mail addresses as people really type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.kinds import OLD_PREFIXES
from tests.forms import checked, filled, refused


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh"),
        ("  Nguyễn   Thị\u00a0Ánh ", "Nguyễn Thị Ánh"),
        ("NGUYE\u0302\u0303N THI\u0323 A\u0301NH", "NGUYỄN THỊ ÁNH"),
        ("Nguyễn\u200b Thị Ánh\ufeff", "Nguyễn Thị Ánh"),
        ("H'Hen Niê", "H'Hen Niê"),
        ("Y Khuê\u0306 Bya\u0306", "Y Khuê\u0306 Byă"),
        ("Đặng Văn A.", "Đặng Văn A."),
    ],
)
def test_a_name_is_kept_in_nfc_with_single_spaces(typed: str, kept: str) -> None:
    assert checked(filled(name=typed)).applicant.name == kept


@pytest.mark.parametrize(
    "typed",
    ["Anh1", "Anh 😀", "..", "''", "- -", "\u0301\u0302", "A\u202eB", "Robert'); DROP TABLE", "<b>Anh</b>", "A@B"],
)
def test_a_name_has_letters_and_only_letters(typed: str) -> None:
    assert refused(filled(name=typed)) == {"applicant.name": {"name"}}


@pytest.mark.parametrize(
    "typed",
    [
        "0912345678",
        "912345678",
        "0912 345 678",
        "0912.345.678",
        "0912-345-678",
        "0912\u2010345\u2011678",
        "0912\u2012345\u2013678",
        "0912\u2014345\u2212678",
        "(0)912345678",
        "+84912345678",
        "+84 (0)912 345 678",
        "+84 0912 345 678",
        "(+84) 912 345 678",
        "84912345678",
        "0084912345678",
        "00912345678",
        "\ufeff0912345678",
        "0912\u200b345\u200c678",
        "\t0912345678\n",
        "０９１２３４５６７８",
    ],
)
def test_a_mobile_number_is_understood_however_it_is_written(typed: str) -> None:
    assert checked(filled(phone=typed)).applicant.phone == "+84912345678"


@pytest.mark.parametrize(
    "typed",
    [
        '07";DROP TABLE;"',
        "0912345678😀",
        "0912345678x5",
        "0912/345/678",
        "19001234",
        "1900 6017",
        "1800 1234",
        "024 3825 1234",
        "+84 24 3825 1234",
        "113",
        "091234567",
        "09123456789",
        "0" * 30,
        "9" * 30,
        "000912345678",
        "0612345678",
        "٠٩١٢٣٤٥٦٧٨",
        "+",
        "+84",
        "84",
        "+0912345678",
        "0912+345+678",
        "++84912345678",
        "+84+84912345678",
        "không có",
    ],
)
def test_what_is_no_vietnamese_mobile_number_is_refused(typed: str) -> None:
    assert refused(filled(phone=typed)) == {"applicant.phone": {"phone"}}


@pytest.mark.parametrize(
    "foreign", ["+376 312 345", "+1 650 253 0000", "+32 470 12 34 56", "+44 7911 123456", "+239 981 2345"]
)
def test_a_foreign_number_is_refused_and_never_read_as_somebody_elses_here(foreign: str) -> None:
    assert refused(filled(phone=foreign)) == {"applicant.phone": {"phone"}}


RENUMBERED = {
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036", "0167": "037", "0168": "038", "0169": "039",
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), RENUMBERED.items())
@pytest.mark.parametrize("rest", ["0000000", "1234567", "9999999"])
def test_a_number_from_before_the_renumbering_of_2018_is_converted(old: str, new: str, rest: str) -> None:
    wanted = f"+84{new[1:]}{rest}"
    for typed in (f"{old}{rest}", f"{old} {rest[:3]} {rest[3:]}", f"+84{old[1:]}{rest}", f"+84 (0){old[1:]}{rest}"):
        assert checked(filled(phone=typed)).applicant.phone == wanted
    assert checked(filled(phone=f"{new}{rest}")).applicant.phone == wanted


def test_the_renumbering_is_the_whole_one() -> None:
    assert OLD_PREFIXES == RENUMBERED


@pytest.mark.parametrize("old", ["0160", "0161", "0170", "0187", "0190"])
def test_an_eleven_digit_number_that_was_never_renumbered_is_refused(old: str) -> None:
    assert refused(filled(phone=f"{old}1234567")) == {"applicant.phone": {"phone"}}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("anh.nguyen@example.vn", "anh.nguyen@example.vn"),
        (" Anh@EXAMPLE.vn\n", "Anh@example.vn"),
        ("\ufeffanh@example.vn", "anh@example.vn"),
        ("an\u200bh@example.vn", "anh@example.vn"),
        ("anh+hoso@mail.example.com.vn", "anh+hoso@mail.example.com.vn"),
        ("anh@công.vn", "anh@xn--cng-kna.vn"),
        ("anh@xn--cng-kna.vn", "anh@xn--cng-kna.vn"),
    ],
)
def test_an_email_address_is_kept_in_its_normal_form(typed: str, kept: str) -> None:
    assert checked(filled(email=typed)).applicant.email == kept


@pytest.mark.parametrize(
    "typed",
    [
        "anh@[127.0.0.1]",
        "anh@127.0.0.1",
        "anh@[IPv6:::1]",
        "anh..nguyen@example.vn",
        ".anh@example.vn",
        "anh@example..vn",
        "anh@.vn",
        "“anh”@example.vn",
        "anh’s@example.vn",
        "ánh@example.vn",
        "😀@example.vn",
        "anh@xn--0.vn",
        "anh@xn--zzzzzzz99999.vn",
        f"{'a' * 309}@example.vn",
        f"{'a' * 65}@example.vn",
        "anh@localhost",
        "anh",
        "anh@@example.vn",
        "anh nguyen@example.vn",
        "Ánh <anh@example.vn>",
        "anh@example.vn, duc@example.vn",
        "anh@example.vn\nBcc: duc@example.vn",
        '"anh"@example.vn',
    ],
)
def test_what_is_no_email_address_for_every_mail_server_is_refused(typed: str) -> None:
    assert refused(filled(email=typed)) == {"applicant.email": {"email"}}


def test_an_address_longer_than_any_is_refused_by_its_length() -> None:
    assert refused(filled(email=f"{'a' * 310}@example.vn")) == {"applicant.email": {"maxLength"}}


@pytest.mark.parametrize(
    ("birth_date", "sex", "citizen_id", "wrong"),
    [
        ("1990-03-08", "nữ", "019190012345", set()),
        ("1990-03-08", "nam", "019090012345", set()),
        ("1900-01-01", "nam", "019000012345", set()),
        ("1999-12-31", "nữ", "019199012345", set()),
        ("2000-01-01", "nam", "019200012345", set()),
        ("2001-01-01", "nữ", "019301012345", set()),
        ("1990-03-08", "nam", "019190012345", {"sex"}),
        ("1990-03-08", "nữ", "019090012345", {"sex"}),
        ("1990-03-08", "nữ", "019390012345", {"century"}),
        ("2001-01-01", "nam", "019001012345", {"century"}),
        ("2001-01-01", "nam", "019401012345", {"century"}),
        ("1991-03-08", "nữ", "019190012345", {"birth_year"}),
        ("1991-03-08", "nam", "019190012345", {"birth_year", "sex"}),
        ("1990-03-08", "nam", "019990012345", {"century", "sex"}),
    ],
)
def test_a_citizen_id_agrees_with_century_year_and_sex(
    birth_date: str, sex: str, citizen_id: str, wrong: set[str]
) -> None:
    found = refused(filled(birth_date=birth_date, sex=sex, citizen_id=citizen_id))
    assert found == ({"applicant.citizen_id": wrong} if wrong else {})


@given(st.from_regex(r"[0-9]{3}", fullmatch=True))
def test_the_province_of_birth_in_a_citizen_id_is_not_judged(province: str) -> None:
    """Provinces were merged; the numbers stayed."""
    assert refused(filled(citizen_id=f"{province}190012345")) == {}


@pytest.mark.parametrize(
    "typed", ["01919001234", "0191900123456", "01919001234a", "０１９１９００１２３４５", "019 190 012 345"]
)
def test_a_citizen_id_has_twelve_digits(typed: str) -> None:
    assert refused(filled(citizen_id=typed)) == {"applicant.citizen_id": {"pattern"}}


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("1990-02-29", "date"),
        ("1990-02-30", "date"),
        ("1990-13-01", "date"),
        ("1990-00-10", "date"),
        ("08/03/1990", "date"),
        ("1990-3-8", "date"),
        ("19900308", "date"),
        ("1990-W10-4", "date"),
        ("1990-03-08T00:00:00", "date"),
        ("2026-06-10", "future"),
        ("9999-12-31", "future"),
        ("1895-12-31", "too_old"),
        ("0001-01-01", "too_old"),
    ],
)
def test_a_birth_date_is_a_day_in_the_calendar_that_has_been(typed: str, why: str) -> None:
    assert refused(filled(birth_date=typed)) == {"applicant.birth_date": {why}}


def test_somebody_born_today_may_apply() -> None:
    assert refused(filled(birth_date="2026-06-09", citizen_id="019326012345")) == {}
    assert refused(filled(birth_date="2024-02-29", citizen_id="019324012345")) == {}
