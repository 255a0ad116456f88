"""Who pays, as a gateway that prints receipts demands it: typed by the payer, sealed at once, read by the adapter alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from chassis.errors import Park, Refusal
from chassis.sealing import Sealer

_CITIZEN_ID = re.compile(r"[0-9]{12}", re.ASCII)
# Written to get past a required field (design, national-portal 11.2): nobody's number. No province has the code 000.
_PLACEHOLDER = re.compile(r"(.)\1{11}|123456789012|012345678901|000[0-9]{9}", re.ASCII)


def _tidy(typed: str) -> str:
    """In NFC, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", typed).split())


def _name(typed: str) -> str:
    kept = _tidy(typed)
    letters = [letter for letter in kept if letter.isalpha()]
    strange = [each for each in kept if not (each.isalpha() or unicodedata.combining(each) or each in " '’.-")]
    if len(letters) < 2 or strange:
        raise PydanticCustomError("payer_name", "a name has letters only")
    return kept


def _paper(typed: str) -> str:
    kept = _tidy(typed)
    if not _CITIZEN_ID.fullmatch(kept):
        raise PydanticCustomError("payer_paper", "a citizen ID has 12 digits")
    if _PLACEHOLDER.fullmatch(kept):
        raise PydanticCustomError("payer_placeholder", "nobody has this citizen ID")
    return kept


def _address(typed: str) -> str:
    kept = _tidy(typed)
    if sum(each.isalnum() for each in kept) < 2 or not kept.isprintable():
        raise PydanticCustomError("payer_address", "an address has letters or digits")
    return kept


class Payer(BaseModel):
    """The payer's name, citizen ID (12 digits) and address, in the form in which a receipt prints them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=100), AfterValidator(_name)]
    paper: Annotated[str, Field(max_length=20), AfterValidator(_paper)]
    address: Annotated[str, Field(max_length=200), AfterValidator(_address)]
    province: Annotated[str, Field(max_length=50), AfterValidator(_tidy)] = ""


_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "missing": ("Hãy điền mục này để in biên lai.", "Fill this in: the receipt prints it."),
        "extra_forbidden": ("Không có mục này; hãy bỏ đi.", "There is no such field; leave it out."),
        "string_type": ("Hãy ghi bằng chữ.", "Write it as text."),
        "string_too_long": ("Quá dài; hãy viết gọn lại.", "Too long; write it shorter."),
        "payer_name": ("Họ và tên chỉ gồm chữ cái; hãy ghi như trên giấy tờ.", "A name has letters only; write it as on your papers."),
        "payer_paper": (
            "Số định danh cá nhân có 12 chữ số; hãy ghi như trên thẻ căn cước.",
            "A citizen ID has 12 digits; write it as on your card.",
        ),
        "payer_placeholder": (
            "Không ai có số định danh này; hãy ghi số trên thẻ căn cước của người nộp tiền.",
            "Nobody has this citizen ID; write the one on the payer's card.",
        ),
        "payer_address": ("Hãy ghi địa chỉ của người nộp tiền.", "Write the payer's address."),
    }
)  # fmt: skip
_OTHER = ("Giá trị không đúng dạng.", "The value does not have the right form.")


def checked(typed: object) -> Payer:
    """The payer that was typed. Raises Refusal 422 with every wrong field at once; no value is repeated in it."""
    try:
        return Payer.model_validate(typed)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_context=False)
    errors = tuple(
        {
            "path": ".".join(("payer", *map(str, each["loc"]))),
            "code": each["type"],
            "vi": _WORDS.get(each["type"], _OTHER)[0],
            "en": _WORDS.get(each["type"], _OTHER)[1],
        }
        for each in wrong
    )
    vi, en = "Thông tin người nộp tiền chưa đúng; xem từng mục.", "The payer is not right; see each field."
    raise Refusal("invalid_payer", vi, en, 422, errors)


def seal(payer: Payer, sealer: Sealer) -> str:
    """The payer as only the adapter can read it; each time another text."""
    return sealer.seal(payer.model_dump_json().encode()).decode()


def unseal(sealed: str, sealer: Sealer) -> Payer:
    """The payer. Raises Park for a seal that cannot be opened, or that holds no payer."""
    try:
        return Payer.model_validate_json(sealer.open(sealed.encode()))
    except (ValidationError, UnicodeEncodeError):
        raise Park("what was sealed is no payer") from None
