"""MaXacThuc, the signature of the national payment platform's messages.

Lower-case hex SHA-256 of the values joined by "|" in a fixed order, the secret last (platform 1.0.6; design,
national-portal 8). The platform's answers name no order and carry none: they are believed for the connection they come on.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType

Value = str | int

_ASKED = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")

ORDERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "INIT": (
            "LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan", "MaKenhThanhToan",
            "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich", "ThoiGianGD", "Ip",
        ),
        "CONFIRM": (
            "LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich", "MaNganHang",
            "ThoiGianGD", "ThongTinGiaoDich",
        ),
        "QUERY": _ASKED,
        "GET_BILL": _ASKED,
    }
)  # fmt: skip
"""The signed fields of each message, in their order."""


def joined(message: Mapping[str, Value], secret: str) -> str:
    """What is hashed.

    Raises ValueError for a message of an unknown kind, without a signed field, or with a value that is not text or a whole
    number or that holds the separator: then two messages would have one signature.
    """
    order = ORDERS.get(str(message.get("LoaiBanTin")))
    if order is None:
        raise ValueError("a message of no known kind")
    values = [_written(message, field) for field in order]
    return "|".join((*values, secret))


def signature(message: Mapping[str, Value], secret: str) -> str:
    """MaXacThuc of a message. Raises ValueError as `joined` does."""
    return sha256(joined(message, secret).encode()).hexdigest()


def is_genuine(message: Mapping[str, Value], secret: str) -> bool:
    """Whether MaXacThuc is right, compared in constant time; False too for what cannot be signed."""
    try:
        expected, given = signature(message, secret).encode(), str(message.get("MaXacThuc")).encode()
    except ValueError:  # a lone surrogate, which JSON may name, has no bytes
        return False
    return hmac.compare_digest(expected, given)


def _written(message: Mapping[str, Value], field: str) -> str:
    value = message.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{field} is not text and no whole number")
    text = str(value)
    if "|" in text:
        raise ValueError(f"{field} holds the separator")
    return text
