"""MaXacThuc: lower-case hex SHA-256 of a message's values joined by "|" in their order, the secret last."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

ORDERS = {
    "INIT": "LoaiBanTin PhienBan MaDoiTac MaThamChieu SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi NgonNgu MaTienTe "
    "MaNganHang ThongTinGiaoDich ThoiGianGD Ip",
    "CONFIRM": "LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD ThongTinGiaoDich",
    "QUERY": "LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD",
    "GET_BILL": "LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD",
}


def signature(kind: str, message: Mapping[str, Any], secret: str) -> str:
    values = [str(message.get(field, "")) for field in ORDERS[kind].split()]
    return hashlib.sha256("|".join((*values, secret)).encode()).hexdigest()


def signed(message: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """The message with its MaXacThuc."""
    return {**message, "MaXacThuc": signature(message["LoaiBanTin"], message, secret)}


def is_genuine(kind: str, message: Mapping[str, Any], secret: str) -> bool:
    return hmac.compare_digest(signature(kind, message, secret).encode(), str(message.get("MaXacThuc", "")).encode())
