"""How many SMS a text becomes: GSM 03.38 septets or UCS-2 units, packed as a handset's network does it.

Lengths after 3GPP TS 23.038 (alphabets) and TS 23.040 9.2.3.24.1 (a concatenated part loses 6 octets to its header).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Sent as an escape and a letter: two septets that no part may tear apart."""

SIZES: dict[Encoding, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
"""Units in a message that fits one SMS, and in each part of a longer one."""


class NotEncodableError(ValueError):
    """The text has a character that the encoding cannot carry."""

    def __init__(self, character: str) -> None:
        super().__init__(f"U+{ord(character):04X} cannot be encoded")
        self.character = character


def count_parts(text: str, encoding: Encoding) -> int:
    """The number of SMS, at least 1; raises NotEncodableError with the first character that does not fit."""
    costs = septets(text) if encoding == "gsm7" else code_units(text)
    whole, part = SIZES[encoding]
    return 1 if sum(costs) <= whole else pack(costs, part)


def septets(text: str) -> list[int]:
    """Per character its GSM-7 septets: 1, or 2 from the extension table."""
    costs = []
    for character in text:
        if character in BASIC:
            costs.append(1)
        elif character in EXTENSION:
            costs.append(2)
        else:
            raise NotEncodableError(character)
    return costs


def code_units(text: str) -> list[int]:
    """Per character its UTF-16 code units: 1, or 2 for a surrogate pair. A lone surrogate is no character."""
    costs = []
    for character in text:
        if "\ud800" <= character <= "\udfff" or (character < " " and character not in "\n\r"):
            raise NotEncodableError(character)
        costs.append(2 if character > "\uffff" else 1)
    return costs


def pack(costs: Sequence[int], size: int) -> int:
    """The parts of `size` units needed in order, a character never straddling two (so `ceil` would undercount)."""
    parts, used = 1, 0
    for cost in costs:
        if used + cost > size:
            parts, used = parts + 1, 0
        used += cost
    return parts
