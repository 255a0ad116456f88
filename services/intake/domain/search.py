"""Vietnamese as people search for it: without accents, in small letters."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile(r"[\u0300-\u036f]")
_WORD = re.compile(r"[0-9a-z]+")


def plain(text: str) -> str:
    """The text without accents and capitals: Nguyễn Thị Ánh Đào → nguyen thi anh dao."""
    return _MARKS.sub("", unicodedata.normalize("NFD", text.lower())).replace("đ", "d")


def words(text: str) -> list[str]:
    """The words of a text, plain."""
    return _WORD.findall(plain(text))
