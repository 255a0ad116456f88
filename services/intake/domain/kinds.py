"""What people write about themselves and others: names, phones, addresses, numbers and dates, checked and kept in one form.

A field says in its schema which kind it is: `"x-kind": "phone"`. Each kind is a function from what was typed, with its
place and today's date, to what is kept; what is wrong is added to `wrong`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.vn import mst

from services.intake.domain.problem import Problems

# The renumbering of 2018: 11-digit mobile numbers became 10-digit ones.
OLD_PREFIXES = {
    **{f"016{digit}": f"03{digit}" for digit in range(2, 10)},
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip

# Without a plus, 84 is the country only before a whole national number. One stray zero is forgiven.
_VIETNAMESE = re.compile(r"(?:\+84|0084|84(?=\d{9}))?0{0,2}([1-9]\d{8,9})", re.ASCII)
_BETWEEN_DIGITS = re.compile(r"[\s.()\-‐‑‒–—−]")
_CITIZEN_ID = re.compile(r"[0-9]{12}", re.ASCII)

_OLDEST = 130  # years; nobody has lived longer


def name(typed: str, path: str, wrong: Problems, today: date) -> str:
    """With single spaces."""
    # Some Ê Đê letters (ê̆, ơ̆) have no composed form: their marks stay on their own in NFC.
    kept = " ".join(typed.split())
    letters = [letter for letter in kept if letter.isalpha()]
    strange = [
        letter for letter in kept if not (letter.isalpha() or unicodedata.combining(letter) or letter in " '’.-")
    ]
    if len(letters) < 2 or strange:
        wrong.add(path, "name", "Họ và tên chỉ gồm chữ cái.", "A name has letters only.")
    return kept


def phone(typed: str, path: str, wrong: Problems, today: date) -> str:
    """A Vietnamese mobile number in E.164; an old one as it is since 2018."""
    digits = _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", typed))
    number = _mobile(digits)
    if number is None:
        wrong.add(
            path, "phone", "Không phải số di động Việt Nam (10 chữ số).", "Not a Vietnamese mobile number."
        )  # fmt: skip
        return typed
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(typed: str, path: str, wrong: Problems, today: date) -> str:
    """An address in letters that every mail server takes, its domain in Punycode: not all know SMTPUTF8 (RFC 6531)."""
    try:
        checked = validate_email(
            typed, strict=True, check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except EmailNotValidError:
        wrong.add(path, "email", "Địa chỉ thư điện tử không đúng.", "Not an e-mail address.")
        return typed
    return checked.ascii_email or typed


def tax_code(typed: str, path: str, wrong: Problems, today: date) -> str:
    """An MST: 10 digits, 13 for a branch; a person's is their citizen ID since 1/7/2025 (Luật Quản lý thuế art. 35)."""
    if mst.is_valid(typed):
        return str(mst.format(typed))
    if not _CITIZEN_ID.fullmatch(typed):
        wrong.add(
            path, "tax_code", "Mã số thuế không đúng; hãy kiểm tra từng chữ số.", "Not a tax code; check each digit."
        )
    return typed


def citizen_id(typed: str, path: str, wrong: Problems, today: date) -> str:
    if not _CITIZEN_ID.fullmatch(typed):
        wrong.add(path, "citizen_id", "Số định danh cá nhân có 12 chữ số.", "A citizen ID has 12 digits.")
    return typed


def birth_date(typed: str, path: str, wrong: Problems, today: date) -> str:
    born = day_of(typed)
    if born is None:
        wrong.add(
            path, "date", "Ngày không có trong lịch (viết NĂM-THÁNG-NGÀY).", "Not a date (YYYY-MM-DD)."
        )  # fmt: skip
    elif born > today:
        wrong.add(path, "future", "Ngày sinh ở tương lai.", "The birth date is in the future.")
    elif born.year < today.year - _OLDEST:
        wrong.add(path, "too_old", "Ngày sinh quá xa.", "The birth date is too long ago.")
    return typed


Kind = Callable[[str, str, Problems, date], str]

KINDS: Mapping[str, Kind] = {
    "name": name,
    "phone": phone,
    "email": email,
    "tax_code": tax_code,
    "citizen_id": citizen_id,
    "birth_date": birth_date,
}


def day_of(typed: object) -> date | None:
    """The day that is written as YEAR-MONTH-DAY and in no other way."""
    try:
        day = date.fromisoformat(typed) if isinstance(typed, str) else None
    except ValueError:
        return None
    return day if day is not None and day.isoformat() == typed else None


def agree(typed: str, born: date | None, sex: object, path: str, wrong: Problems) -> None:
    """Digit 4 tells century and sex, digits 5–6 the year (NĐ 137/2015 art. 13; TT 59/2021/TT-BCA art. 4).

    The province of birth, digits 1–3, is not checked: provinces merged.
    """
    if not _CITIZEN_ID.fullmatch(typed):
        return
    century_and_sex, year = int(typed[3]), int(typed[4:6])
    if born is not None and century_and_sex // 2 != born.year // 100 - 19:
        wrong.add(
            path, "century", "Số định danh không khớp với thế kỷ của năm sinh.",
            "The citizen ID contradicts the century of the birth date.",
        )  # fmt: skip
    elif born is not None and year != born.year % 100:
        wrong.add(
            path, "birth_year", "Số định danh không khớp với năm sinh.",
            "The citizen ID contradicts the year of birth.",
        )  # fmt: skip
    if sex in ("nam", "nữ") and (century_and_sex % 2 == 1) != (sex == "nữ"):
        wrong.add(
            path, "sex", "Số định danh không khớp với giới tính.", "The citizen ID contradicts the sex."
        )  # fmt: skip


def _mobile(digits: str) -> phonenumbers.PhoneNumber | None:
    """The number when it is a Vietnamese mobile one; a foreign number is never read as one of ours."""
    matched = _VIETNAMESE.fullmatch(digits)
    if matched is None:
        return None
    national = f"0{matched[1]}"
    if len(national) == 11:
        national = OLD_PREFIXES.get(national[:4], national[:4]) + national[4:]
    number = phonenumbers.PhoneNumber(country_code=84, national_number=int(national))
    return number if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE else None
