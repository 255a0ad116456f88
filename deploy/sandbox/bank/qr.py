"""Reading a VietQR text as a bank's app does: EMVCo objects, NAPAS's template for transfers to an account."""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass


class UnreadableError(ValueError):
    """No picture of a transfer to an account in đồng; the message is for the payer."""


@dataclass(frozen=True)
class Picture:
    """What the app fills in; what the picture leaves open is empty."""

    bin: str
    account: str
    amount: str
    purpose: str


def read(text: str) -> Picture:
    """Raises UnreadableError."""
    text = text.strip()
    # CRC-16/CCITT-FALSE is the standard library's CRC-CCITT, begun with 0xFFFF.
    if len(text) < 12 or text[-8:-4] != "6304" or f"{crc_hqx(text[:-4].encode(), 0xFFFF):04X}" != text[-4:].upper():
        raise UnreadableError("Mã QR bị hỏng: số kiểm tra không khớp.")
    outer = _objects(text[:-8])
    receiver = _objects(outer.get("38", ""))
    if receiver.get("00") != "A000000727" or receiver.get("02") != "QRIBFTTA":
        raise UnreadableError("Mã này không phải là VietQR chuyển tiền tới tài khoản.")
    if outer.get("53") != "704":
        raise UnreadableError("Mã QR này không dùng đồng Việt Nam.")
    to = _objects(receiver.get("01", ""))
    purpose = _objects(outer.get("62", "")).get("08", "")
    return Picture(to.get("00", ""), to.get("01", ""), outer.get("54", ""), purpose)


def _objects(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        tag, size = text[place : place + 2], text[place + 2 : place + 4]
        value = text[place + 4 : place + 4 + (int(size) if size.isdecimal() else 0)]
        if not tag.isdecimal() or not size.isdecimal() or len(value) != int(size) or not value:
            raise UnreadableError("Mã QR không đúng khuôn dạng EMVCo.")
        found[tag] = value
        place += 4 + len(value)
    return found
