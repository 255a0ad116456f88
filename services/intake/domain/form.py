"""Is a form right? Everything that is wrong with it, at once, in Vietnamese and English, and what it says when nothing is.

What a JSON Schema can say stands in the catalogue; what it cannot, about people, in `applicant`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from chassis.errors import Refusal
from services.intake.domain import applicant as applicants
from services.intake.domain.applicant import Applicant, Problem, problem
from services.intake.domain.catalogue import Catalogue

_DEEPEST = 8
_LONGEST_NAME = 64
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
# What no keyboard writes, PostgreSQL does not keep (U+0000) or UTF-8 cannot say (half of a surrogate pair).
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

MOST_ERRORS = 100  # nobody reads more, and a hostile form shall not make a large answer


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was found right."""

    procedure: str
    agency: str
    applicant: Applicant
    details: Mapping[str, Any]


def check(typed: Any, catalogue: Catalogue, today: date) -> Form:
    """The form's content. Raises Refusal 422 that lists every wrong field."""
    wrong: list[Problem] = []
    form = _clean(typed, (), wrong)
    procedure = form.get("procedure") if isinstance(form, dict) else None
    wrong += [_told(error) for error in islice(_leaves(catalogue.validator(procedure).iter_errors(form)), MOST_ERRORS)]
    applicant = form.get("applicant") if isinstance(form, dict) else None
    found: dict[str, Any] = {}
    if isinstance(applicant, dict):
        paths = {each["path"] for each in wrong}
        sound = {name: value for name, value in applicant.items() if f"applicant.{name}" not in paths}
        wrong += applicants.check(sound, found, today)
        if not applicant.keys() & {"phone", "email"}:
            wrong.append(
                problem(
                    "applicant.phone", "no_contact", "Cần số điện thoại hoặc thư điện tử để nhận thông báo.",
                    "Give a phone number or an e-mail address for notices.",
                )
            )  # fmt: skip
    if wrong:
        raise Refusal(
            "form_invalid",
            f"Biểu mẫu có {len(wrong)} chỗ chưa đúng; xem từng mục.",
            f"The form has {len(wrong)} wrong fields; see each.",
            422,
            tuple(sorted(wrong, key=lambda each: each["path"])),
        )
    return Form(form["procedure"], form["agency"], Applicant(**{**form["applicant"], **found}), form["details"])


def _clean(value: Any, path: tuple[str, ...], wrong: list[Problem]) -> Any:
    """The value with its text in NFC, without what cannot be seen and without space around it.

    So what looks alike is alike, whichever keyboard or document it came from. Adds to `wrong` what cannot be cleaned.
    """
    if isinstance(value, str):
        if _UNWRITABLE.search(value):
            wrong.append(
                problem(_named(path), "characters", "Có ký tự không hợp lệ.", "Characters that cannot be kept.")
            )
        return unicodedata.normalize("NFC", value.translate(_INVISIBLE)).strip()
    if not isinstance(value, dict | list):
        return value
    if len(path) == _DEEPEST:
        wrong.append(problem(_named(path), "too_deep", "Dữ liệu lồng quá sâu.", "Nested too deep."))
        return None
    if isinstance(value, list):
        return [_clean(each, (*path, str(place)), wrong) for place, each in enumerate(value)]
    return {name: _clean(each, (*path, name), wrong) for name, each in value.items()}


def _named(path: tuple[str, ...]) -> str:
    """A path as it may be shown: field names are the caller's, and may be anything."""
    return ".".join(_UNWRITABLE.sub("\ufffd", name)[:_LONGEST_NAME] for name in path) or "form"


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


def _leaves(errors: Iterator[Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(path, keyword, hint) of each wrong place; one entry for each missing or unknown field."""
    for error in errors:
        path = tuple(str(part) for part in error.absolute_path)
        if error.validator == "required":
            missing = next(name for name in error.validator_value if error.message.startswith(f"{name!r} "))
            yield (*path, missing), "required", ""
        elif error.validator == "additionalProperties":
            for name in sorted(set(error.instance) - set(error.schema["properties"])):
                yield (*path, name), "additionalProperties", ""
        else:
            yield path, str(error.validator), str(error.schema.get("description", ""))


def _told(leaf: tuple[tuple[str, ...], str, str]) -> Problem:
    path, keyword, hint = leaf
    vi, en = _WORDS.get(keyword, ("Không đúng dạng.", "Not of the right form."))
    vi_hint, _, en_hint = hint.partition(" / ")
    return problem(_named(path), keyword, f"{vi} {vi_hint}".strip(), f"{en} {en_hint}".strip())
