"""Text as it is kept: whatever keyboard or document it came from, what looks alike is alike."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from services.intake.domain.problem import UNWRITABLE, Problems, named

_DEEPEST = 8
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")


def clean(value: Any, wrong: Problems, place: tuple[str | int, ...] = ()) -> Any:
    """The value with its text in NFC, without what cannot be seen and without space around it.

    Adds to `wrong` what cannot be cleaned: characters that nothing can keep (U+FFFD stands for them in the answer), and
    what is nested too deep.
    """
    if isinstance(value, str):
        return _text(value, wrong, place)
    if not isinstance(value, dict | list):
        return value
    if len(place) == _DEEPEST:
        wrong.add(named(place), "too_deep", "Dữ liệu lồng quá sâu.", "Nested too deep.")
        return None
    if isinstance(value, list):
        return [clean(each, wrong, (*place, index)) for index, each in enumerate(value)]
    return {_key(name): clean(each, wrong, (*place, name)) for name, each in value.items()}


def _key(name: str) -> str:
    return name if name.isidentifier() else UNWRITABLE.sub("\ufffd", name)


def _text(text: str, wrong: Problems, place: tuple[str | int, ...]) -> str:
    if text.isascii() and text.isprintable():
        return text.strip()
    if UNWRITABLE.search(text):
        wrong.add(named(place), "characters", "Có ký tự không hợp lệ.", "Characters that cannot be kept.")
        text = UNWRITABLE.sub("\ufffd", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return text.strip()
