"""What payers' banks make of the words that a payer writes: upper case, without marks, with their own words around.

From memory of Vietnamese statements; each way keeps the payer's letters and digits in their order, up to MOST_TYPED.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

MOST_TYPED = 80
"""As many characters an app lets a payer write."""

_LONGEST = 210
"""The switch between the banks cuts there: behind what the payer wrote, whatever is put around it."""


def bare(text: str) -> str:
    """Upper case ASCII: marks are taken off, đ is D, what is no ASCII at all becomes a blank."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    unmarked = "".join(each for each in apart if not unicodedata.combining(each))
    return "".join(each if " " <= each <= "~" else " " for each in unmarked).upper()


def searched(text: str) -> str:
    """Letters and digits alone, as a bank's search compares them."""
    return re.sub(r"[^0-9A-Z]", "", bare(text))


def _vcb(text: str, number: int) -> str:
    return f"MBVCB.{number:010}.{number % 10**6:06}.{text}.CT tu 0071{number % 10**9:09} toi 1017595600 ngan hang"


def _mb(text: str, number: int) -> str:
    return f"CUSTOMER {text}. TU: NGUOI NOP PHI- Ma giao dich/ Trace {number % 10**6:06}"


def _momo(text: str, number: int) -> str:
    return f"{number:012}-0912***678-{text}"


def _signs_lost(text: str, number: int) -> str:
    return f"IBFT {re.sub(r'[^0-9A-Za-z ]', '', text)}"


def _wrapped(text: str, number: int) -> str:
    """Lines of 35 characters, as SWIFT messages have them, put together with a blank."""
    whole = f"FT{number:012} {text}"
    return " ".join(whole[place : place + 35] for place in range(0, len(whole), 35))


def _shortened(text: str, number: int) -> str:
    """A bank that leaves place for 99 characters in all."""
    return f"{text} FT{number:012}"[:99]


WAYS: dict[str, Callable[[str, int], str]] = {
    "vcb": _vcb,
    "mb": _mb,
    "momo": _momo,
    "bidv": _signs_lost,
    "agribank": _wrapped,
    "acb": _shortened,
}
"""By the payer's bank. `number` is the transaction's own, of at most twelve digits."""


def mangled(text: str, way: str, number: int) -> str:
    """The purpose as it stands in the receiver's statement."""
    return bare(WAYS[way](bare(text[:MOST_TYPED]), number))[:_LONGEST].strip()


def mangled_by_all(text: str, number: int) -> str:
    """The worst: the signs are lost, the words wrapped, and two banks put their own words around."""
    text = bare(text[:MOST_TYPED])
    for way in ("bidv", "mb", "agribank"):
        text = WAYS[way](text, number)
    return bare(text)[:_LONGEST].strip()
