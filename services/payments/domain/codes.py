"""A bill's payment code: short enough for the purpose of a bank transfer, and found again in what banks make of it."""

from __future__ import annotations

import re
from hashlib import sha256
from uuid import UUID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_PREFIX, _DIGITS = "MC", 11
# Banks put words before and after, change case, and take away what is no letter or digit. What they put before may look
# like the beginning of a code: the real one is found within it, for nothing is consumed.
_WRITTEN = re.compile(rf"(?={_PREFIX}([{_ALPHABET}]{{{_DIGITS + 1}}}))")
_LOST = re.compile(r"[^0-9A-Z]")


def payment_code(bill_id: UUID) -> str:
    """MC, eleven characters that follow from the bill's id (55 bits), and one that checks them."""
    number = int.from_bytes(sha256(b"payment code" + bill_id.bytes).digest()[:8]) % 32**_DIGITS
    digits = "".join(_ALPHABET[number // 32**place % 32] for place in reversed(range(_DIGITS)))
    return f"{_PREFIX}{digits}{_check(digits)}"


def payment_codes_in(purpose: str) -> list[str]:
    """The payment codes that a transfer's purpose holds, each once; what only looks like one is left out."""
    bare = _LOST.sub("", purpose.upper())
    found: list[str] = _WRITTEN.findall(bare)
    return list(dict.fromkeys(f"{_PREFIX}{each}" for each in found if _check(each[:-1]) == each[-1]))


def _check(digits: str) -> str:
    """Weights that differ by an odd number: one wrong character, or two swapped, are noticed almost always."""
    weighed = sum((2 * place + 1) * _ALPHABET.index(digit) for place, digit in enumerate(digits))
    return _ALPHABET[weighed % 32]
