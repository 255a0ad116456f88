"""Who applies: names, birth dates, identity numbers and addresses, checked and kept in one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict

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


class Applicant(BaseModel):
    """Who applies, in the one form in which we keep it: names in NFC, phones in E.164."""

    model_config = ConfigDict(frozen=True)

    name: str
    citizen_id: str
    birth_date: date
    sex: Literal["nam", "nữ"]
    phone: str | None = None
    email: str | None = None
    language: Literal["vi", "en"] = "vi"


Problem = dict[str, str]


def problem(path: str, code: str, vi: str, en: str) -> Problem:
    return {"path": path, "code": code, "vi": vi, "en": en}


def check(typed: Mapping[str, Any], found: dict[str, Any], today: date) -> Iterator[Problem]:
    """What is wrong with fields that the schema lets through; puts what they say, in the form we keep, into `found`."""
    if "name" in typed:
        yield from _name(typed["name"], found)
    if "birth_date" in typed:
        yield from _birth_date(typed["birth_date"], found, today)
    if "citizen_id" in typed:
        yield from _citizen_id(typed["citizen_id"], found.get("birth_date"), typed.get("sex"))
    if "phone" in typed:
        yield from _phone(typed["phone"], found)
    if "email" in typed:
        yield from _email(typed["email"], found)


def _name(typed: str, found: dict[str, Any]) -> Iterator[Problem]:
    # Some Ê Đê letters (ê̆, ơ̆) have no composed form: their marks stay on their own in NFC.
    name = " ".join(typed.split())
    letters = [letter for letter in name if letter.isalpha()]
    strange = [
        letter for letter in name if not (letter.isalpha() or unicodedata.combining(letter) or letter in " '’.-")
    ]
    if len(letters) < 2 or strange:
        yield problem("applicant.name", "name", "Họ và tên chỉ gồm chữ cái.", "A name has letters only.")
    found["name"] = name


def _birth_date(typed: str, found: dict[str, Any], today: date) -> Iterator[Problem]:
    try:
        born = date.fromisoformat(typed)
    except ValueError:
        born = None
    if born is None or born.isoformat() != typed:
        yield problem(
            "applicant.birth_date",
            "date",
            "Ngày không có trong lịch (viết NĂM-THÁNG-NGÀY).",
            "Not a date (YYYY-MM-DD).",
        )
    elif born > today:
        yield problem("applicant.birth_date", "future", "Ngày sinh ở tương lai.", "The birth date is in the future.")
    elif born.year < today.year - 130:
        yield problem("applicant.birth_date", "too_old", "Ngày sinh quá xa.", "The birth date is too long ago.")
    else:
        found["birth_date"] = born


def _citizen_id(typed: str, born: date | None, sex: str | None) -> Iterator[Problem]:
    """Digit 4 tells century and sex, digits 5–6 the year. The province of birth is not checked: provinces merged."""
    century_and_sex, year = int(typed[3]), int(typed[4:6])
    if born is not None:
        if century_and_sex // 2 != born.year // 100 - 19:
            yield problem(
                "applicant.citizen_id", "century", "Số định danh không khớp với thế kỷ của năm sinh.",
                "The citizen ID contradicts the century of the birth date.",
            )  # fmt: skip
        elif year != born.year % 100:
            yield problem(
                "applicant.citizen_id", "birth_year", "Số định danh không khớp với năm sinh.",
                "The citizen ID contradicts the year of birth.",
            )  # fmt: skip
    if sex is not None and (century_and_sex % 2 == 1) != (sex == "nữ"):
        yield problem(
            "applicant.citizen_id",
            "sex",
            "Số định danh không khớp với giới tính.",
            "The citizen ID contradicts the sex.",
        )


def _phone(typed: str, found: dict[str, Any]) -> Iterator[Problem]:
    digits = _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", typed))
    number = _mobile(digits)
    if number is None:
        yield problem(
            "applicant.phone", "phone", "Không phải số di động Việt Nam (10 chữ số).", "Not a Vietnamese mobile number."
        )
        return
    found["phone"] = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _mobile(digits: str) -> phonenumbers.PhoneNumber | None:
    """The number when it is a Vietnamese mobile one; a foreign number is never read as one of ours."""
    matched = _VIETNAMESE.fullmatch(digits)
    if matched is None:
        return None
    national = f"0{matched[1]}"
    if len(national) == 11:
        national = OLD_PREFIXES.get(national[:4], national[:4]) + national[4:]
    number = phonenumbers.parse(national, "VN")
    return number if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE else None


def _email(typed: str, found: dict[str, Any]) -> Iterator[Problem]:
    """An address in letters that every mail server takes, its domain in Punycode: not all know SMTPUTF8 (RFC 6531)."""
    try:
        checked = validate_email(
            typed, strict=True, check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except EmailNotValidError:
        yield problem("applicant.email", "email", "Địa chỉ thư điện tử không đúng.", "Not an e-mail address.")
        return
    found["email"] = checked.ascii_email
