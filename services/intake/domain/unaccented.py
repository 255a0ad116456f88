"""Text as people type it who leave out the marks."""

from __future__ import annotations

import unicodedata


def unaccented(text: str) -> str:
    """In small letters, without marks, with single spaces: “Đổi  GIẤY phép” becomes “doi giay phep”."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return " ".join("".join(each for each in letters if not unicodedata.combining(each)).casefold().split())
