"""Reading `POST /messages`: everything that is wrong with it, at once, each with a code."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import astuple, dataclass
from typing import Any

from deploy.sandbox.sms.parts import SIZES, NotEncodableError, count_parts

FIELDS = ("reference", "to", "brand", "text", "encoding")
MOST_PARTS = 10
VIETNAMESE_MOBILE = re.compile(r"\+84[35789]\d{8}", re.ASCII)
E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
BRAND = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._&-]{0,10}", re.ASCII)


@dataclass(frozen=True)
class Submission:
    """One SMS to send. `reference` is the client's own id: sending it again sends nothing."""

    reference: str
    to: str
    brand: str
    text: str
    encoding: str
    parts: int

    def fingerprint(self) -> str:
        """Equal for equal submissions: tells a repetition from a reference used twice."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()


@dataclass(frozen=True)
class Mistake:
    """Why a field is refused; `code` is for programs, `message` for people."""

    code: str
    field: str
    message: str


def read(body: bytes) -> Submission | list[Mistake]:
    """The submission, or every mistake in it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return [Mistake("body_not_json", "", "the body is not JSON")]
    if not isinstance(fields, dict):
        return [Mistake("body_not_an_object", "", "the body is not a JSON object")]
    mistakes = [
        Mistake("field_unknown", str(name)[:64], "there is no such field") for name in fields if name not in FIELDS
    ]
    mistakes += [mistake for name in FIELDS if (mistake := _shape(name, fields.get(name)))]
    if mistakes:
        return mistakes
    try:
        parts = count_parts(fields["text"], fields["encoding"])
    except NotEncodableError as error:
        return [Mistake("text_not_encodable", "text", f"{fields['encoding']}: {error}")]
    if parts > MOST_PARTS:
        return [Mistake("text_too_long", "text", f"{parts} parts; at most {MOST_PARTS} are sent")]
    return Submission(**fields, parts=parts)


def _shape(name: str, value: Any) -> Mistake | None:
    """What is wrong with one field by itself."""
    if value is None or value == "":
        return Mistake(f"{name}_missing", name, "the field is missing or empty")
    if not isinstance(value, str):
        return Mistake(f"{name}_not_text", name, "the field is not a string")
    if name == "reference" and not REFERENCE.fullmatch(value):
        return Mistake("reference_invalid", name, "1 to 64 of A-Z a-z 0-9 . _ : -")
    if name == "to" and not (VIETNAMESE_MOBILE if value.startswith("+84") else E164).fullmatch(value):
        return Mistake("to_invalid", name, "not a mobile number in E.164, as +84912345678")
    if name == "brand" and not BRAND.fullmatch(value):
        return Mistake("brand_invalid", name, "1 to 11 of A-Z a-z 0-9 space . _ & -, beginning with a letter or digit")
    if name == "text" and not value.strip():
        return Mistake("text_missing", name, "the text has no visible character")
    if name == "encoding" and value not in SIZES:
        return Mistake("encoding_unknown", name, "gsm7 or ucs2")
    return None
