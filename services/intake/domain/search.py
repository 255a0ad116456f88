"""Vietnamese as people search for it: without accents, in small letters."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile(r"[\u0300-\u036f]")
_WORD = re.compile(r"[0-9a-z]+")
_MOST_WORDS = 10


def plain(text: str) -> str:
    """The text without accents and capitals: Nguyễn Thị Ánh Đào → nguyen thi anh dao."""
    return _MARKS.sub("", unicodedata.normalize("NFD", text.lower())).replace("đ", "d")


def words(text: str) -> list[str]:
    """The words of a text, plain."""
    return _WORD.findall(plain(text))


def query(text: str) -> str | None:
    """A tsquery for what somebody typed: all of its words, of which the last one may be unfinished; None without any.

    A number may be unfinished wherever it stands, and a phone number may be written as at home (0912 345 678) or as
    abroad (+84 912 345 678), with spaces, dots or dashes.
    """
    typed = words(text)[:_MOST_WORDS]
    if not typed:
        return None
    *whole, last = typed
    told = " & ".join([*(_term(word, is_last=False) for word in whole), _term(last, is_last=True)])
    if whole and all(word.isdigit() for word in typed):
        return f"({told}) | {_term(''.join(typed), is_last=True)}"
    return told


def _term(word: str, is_last: bool) -> str:
    if not word.isdigit():
        return f"{word}:*" if is_last else word
    unfinished = is_last or len(word) > 3
    as_typed = f"{word}:*" if unfinished else word
    return f"({as_typed} | 84{word[1:]}:*)" if word.startswith("0") and len(word) > 3 else as_typed
