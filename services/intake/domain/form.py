"""Is a form right? Everything that is wrong with it, at once, in Vietnamese and English, and what it says when nothing is.

What a JSON Schema can say stands in the catalogue; here is the rest: calendars, names, identity numbers, addresses.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict

from chassis.errors import Refusal

# The renumbering of 2018: 11-digit mobile numbers became 10-digit ones.
OLD_PREFIXES = {
    **{f"016{digit}": f"03{digit}" for digit in range(2, 10)},
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


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


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was found right."""

    agency: str
    applicant: Applicant
    details: Mapping[str, Any]


Problem = dict[str, str]


def problem(path: str, code: str, vi: str, en: str) -> Problem:
    return {"path": path, "code": code, "vi": vi, "en": en}


def check(form: Any, validator: Draft202012Validator, today: date) -> Form:
    """The form's content. Raises Refusal 422 that lists every wrong field."""
    wrong = [_told(error) for error in _leaves(validator.iter_errors(form))]
    applicant = form.get("applicant") if isinstance(form, dict) else None
    found: dict[str, Any] = {}
    if isinstance(applicant, dict):
        paths = {each["path"] for each in wrong}
        sound = {name: value for name, value in applicant.items() if f"applicant.{name}" not in paths}
        wrong += _check_applicant(sound, found, today)
    if wrong:
        raise Refusal(
            "form_invalid",
            f"Biểu mẫu có {len(wrong)} chỗ chưa đúng; xem từng mục.",
            f"The form has {len(wrong)} wrong fields; see each.",
            422,
            tuple(sorted(wrong, key=lambda each: each["path"])),
        )
    return Form(form["agency"], Applicant(**{**applicant, **found}), form["details"])  # type: ignore[dict-item]


def _check_applicant(applicant: Mapping[str, Any], found: dict[str, Any], today: date) -> Iterator[Problem]:
    if "name" in applicant:
        yield from _name(applicant["name"], found)
    if "birth_date" in applicant:
        yield from _birth_date(applicant["birth_date"], found, today)
    if "citizen_id" in applicant:
        yield from _citizen_id(applicant["citizen_id"], found.get("birth_date"), applicant.get("sex"))
    if "phone" in applicant:
        yield from _phone(applicant["phone"], found)
    if "email" in applicant:
        yield from _email(applicant["email"], found)
    if "phone" not in applicant and "email" not in applicant:
        yield problem(
            "applicant.phone", "no_contact", "Cần số điện thoại hoặc thư điện tử để nhận thông báo.",
            "Give a phone number or an e-mail address for notices.",
        )  # fmt: skip


def _name(typed: str, found: dict[str, Any]) -> Iterator[Problem]:
    name = " ".join(unicodedata.normalize("NFC", typed).translate(_INVISIBLE).split())
    if len(name) < 2 or not all(letter.isalpha() or letter in " '’.-" for letter in name):
        yield problem("applicant.name", "name", "Họ và tên chỉ gồm chữ cái.", "A name has letters only.")
    found["name"] = name


def _birth_date(typed: str, found: dict[str, Any], today: date) -> Iterator[Problem]:
    try:
        born = date.fromisoformat(typed)
    except ValueError:
        yield problem(
            "applicant.birth_date",
            "date",
            "Ngày không có trong lịch (viết NĂM-THÁNG-NGÀY).",
            "Not a date (YYYY-MM-DD).",
        )
        return
    if born > today:
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
    bare = unicodedata.normalize("NFKC", typed).translate(_INVISIBLE)
    digits = "".join(letter for letter in bare if letter.isdigit())
    national = digits.removeprefix("84") if bare.lstrip().startswith("+84") else digits
    national = "0" + national.lstrip("0")
    if len(national) == 11 and national[:4] in OLD_PREFIXES:
        national = OLD_PREFIXES[national[:4]] + national[4:]
    strange = [letter for letter in bare if not (letter.isdigit() or letter in " +-.()‐‑‒–—")]
    try:
        number = phonenumbers.parse(national, "VN")
        mobile = phonenumbers.number_type(number) in (
            phonenumbers.PhoneNumberType.MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        )
    except phonenumbers.NumberParseException:
        mobile = False
    if strange or not mobile:
        yield problem(
            "applicant.phone", "phone", "Không phải số di động Việt Nam (10 chữ số).", "Not a Vietnamese mobile number."
        )
        return
    found["phone"] = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(typed: str, found: dict[str, Any]) -> Iterator[Problem]:
    try:
        found["email"] = validate_email(typed.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        yield problem("applicant.email", "email", "Địa chỉ thư điện tử không đúng.", "Not an e-mail address.")


# JSON Schema's keywords in our words.
_WORDS = {
    "required": ("Thiếu thông tin này.", "This field is missing."),
    "additionalProperties": ("Trường này không có trong biểu mẫu.", "This field is not part of the form."),
    "enum": ("Không thuộc các lựa chọn cho phép.", "Not one of the choices."),
    "const": ("Giá trị không khớp.", "Not the expected value."),
    "minLength": ("Nội dung quá ngắn.", "Too short."),
    "maxLength": ("Nội dung quá dài.", "Too long."),
    "type": ("Không đúng kiểu dữ liệu.", "Not of the right type."),
}


def _leaves(errors: Iterator[Any]) -> Iterator[tuple[str, str, str]]:
    """(path, keyword, hint) of each wrong place; one entry for each missing or unknown field."""
    for error in errors:
        path = [str(part) for part in error.absolute_path]
        if error.validator == "required":
            missing = next(name for name in error.validator_value if error.message.startswith(f"{name!r} "))
            yield ".".join([*path, missing]), "required", ""
        elif error.validator == "additionalProperties":
            for name in sorted(set(error.instance) - set(error.schema["properties"])):
                yield ".".join([*path, name[:64]]), "additionalProperties", ""
        else:
            yield ".".join(path), str(error.validator), str(error.schema.get("description", ""))


def _told(leaf: tuple[str, str, str]) -> Problem:
    path, keyword, hint = leaf
    vi, en = _WORDS.get(keyword, ("Không đúng dạng.", "Not of the right form."))
    vi_hint, _, en_hint = hint.partition(" / ")
    return problem(path or "form", keyword, f"{vi} {vi_hint}".strip(), f"{en} {en_hint}".strip())
