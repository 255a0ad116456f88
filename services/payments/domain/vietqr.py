"""VietQR: what the picture says from which a payer's bank fills in a transfer; written and read.

Source: EMVCo QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1 (objects, lengths, CRC); NAPAS, the
VietQR format for transfers to an account (template 38, A000000727, QRIBFTTA).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from chassis.identifiers import derived_id

LONGEST_PURPOSE = 25
LARGEST_AMOUNT = 10**13 - 1  # object 54 holds thirteen characters

_DYNAMIC, _STATIC = "12", "11"
_NAPAS, _TO_ACCOUNT, _DONG, _VIETNAM = "A000000727", "QRIBFTTA", "704", "VN"
_BIN = re.compile(r"[0-9]{6}")
_ACCOUNT = re.compile(r"[0-9A-Za-z]{1,19}")
_AMOUNT = re.compile(r"[1-9][0-9]{0,12}")
_PURPOSE = re.compile(rf"[ -~]{{1,{LONGEST_PURPOSE}}}")
_END = "6304"

# One namespace for the money of all lines: what a line is called is unique at the bank.
_LINES = UUID("019a0000-0000-7000-8000-000062616e6b")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a payer is to transfer, in whole đồng. A picture that is used many times (static) may leave the last two open.

    Raises ValueError for what no picture can say.
    """

    bank_bin: str
    account: str
    amount: int | None = None
    purpose: str | None = None

    def __post_init__(self) -> None:
        wrong = [
            what
            for what, pattern, value in (
                ("a bank's number is six digits", _BIN, self.bank_bin),
                ("an account is 1 to 19 letters and digits", _ACCOUNT, self.account),
                ("an amount is 1 to 9,999,999,999,999 đồng", _AMOUNT, self.amount),
                (f"a purpose is 1 to {LONGEST_PURPOSE} ASCII characters", _PURPOSE, self.purpose),
            )
            if value is not None and not pattern.fullmatch(str(value))
        ]
        if wrong:
            raise ValueError("; ".join(wrong))


def encode(transfer: Transfer) -> str:
    """The text of a picture for one payment (dynamic). Raises ValueError without an amount or a purpose."""
    if transfer.amount is None or transfer.purpose is None:
        raise ValueError("a picture for one payment names an amount and a purpose")
    to = _object("00", transfer.bank_bin) + _object("01", transfer.account)
    receiver = _object("00", _NAPAS) + _object("01", to) + _object("02", _TO_ACCOUNT)
    text = "".join(
        (
            _object("00", "01"),
            _object("01", _DYNAMIC),
            _object("38", receiver),
            _object("53", _DONG),
            _object("54", str(transfer.amount)),
            _object("58", _VIETNAM),
            _object("62", _object("08", transfer.purpose)),
            _END,
        )
    )
    return f"{text}{crc(text):04X}"


def decode(text: str) -> Transfer:
    """What a picture says, of either kind. Raises ValueError for one that is damaged, or no transfer to an account in đồng."""
    said, checked = text[:-4], text[-4:]
    if not said.endswith(_END) or checked.upper() != f"{crc(said):04X}":
        raise ValueError("the check at the end does not fit")
    objects = _objects(said[: -len(_END)])
    receiver = _objects(objects.get("38", ""))
    expected = {"00": "01", "53": _DONG, "58": _VIETNAM}
    transfers = receiver.get("00") == _NAPAS and receiver.get("02") == _TO_ACCOUNT
    if not transfers or any(objects.get(tag) != value for tag, value in expected.items()):
        raise ValueError("this is no transfer to an account in Vietnam, in đồng")
    if objects.get("01") not in (_DYNAMIC, _STATIC):
        raise ValueError("a picture is for one payment (12) or for many (11)")
    amount = objects.get("54")
    if amount is not None and not _AMOUNT.fullmatch(amount):
        raise ValueError("the amount is not in whole đồng")
    to = _objects(receiver.get("01", ""))
    return Transfer(
        bank_bin=to.get("00", ""),
        account=to.get("01", ""),
        amount=None if amount is None else int(amount),
        purpose=_objects(objects.get("62", "")).get("08"),
    )


def crc(text: str) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, beginning with 0xFFFF, over the bytes of the text in UTF-8."""
    register = 0xFFFF
    for byte in text.encode():
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ 0x1021 if register & 0x8000 else register << 1) & 0xFFFF
    return register


def capture_of_line(line: str) -> UUID:
    """The name of the money that came in with one line of the bank's statement: always the same."""
    return derived_id(_LINES, f"bank {line}")


def _object(tag: str, value: str) -> str:
    """Raises ValueError for a value that two digits of length cannot describe."""
    if not 1 <= len(value) <= 99:
        raise ValueError(f"object {tag} holds 1 to 99 characters, not {len(value)}")
    return f"{tag}{len(value):02}{value}"


def _objects(text: str) -> Mapping[str, str]:
    """The objects of one level. Raises ValueError when they do not fill the text, or one stands there twice."""
    found: dict[str, str] = {}
    while text:
        head = re.match(r"([0-9]{2})([0-9]{2})", text, re.ASCII)
        if head is None or head[1] in found or len(text) < 4 + int(head[2]) or head[2] == "00":
            raise ValueError("the objects do not fit into one another")
        end = 4 + int(head[2])
        found[head[1]], text = text[4:end], text[end:]
    return found
