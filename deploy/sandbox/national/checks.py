"""What the platform demands of a message: the fields and forms of version 1.0.6 as far as they are known.

Lengths and which receipt fields are required follow third parties' code; what is compared with what is from memory.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.sandbox.kit.pages import VIETNAM

BANKS = {"VCB": "Vietcombank", "ICB": "VietinBank", "BIDV": "BIDV", "VBA": "Agribank", "MB": "MB Bank"}
SERVICES: Mapping[str, list[str]] = json.loads((Path(__file__).parent / "services.json").read_text("utf-8"))
"""MaTTHC -> its MaDVC, as LayDVC would list them."""

FIXED = {
    "PhienBan": "1.0.6", "LoaiHinhThanhToan": "PAY", "MaKenhThanhToan": "1", "MaThietBi": "1", "NgonNgu": "vi-VN",
    "MaTienTe": "VND",
}  # fmt: skip
DUMMIES = {"000000001", "000000000", "000000000001", "000000000000", "123456789", "123456789012"}
CLOCKS_DIFFER = timedelta(hours=6)
TEXTS = (
    "MaTTHC", "TenTTHC", "MaDVC", "TenDVC", "MaDonVi", "TenDonVi", "MaHoSo", "TKThuHuong", "MaNHThuHuong", "TenTKThuHuong",
    "NoiDungThanhToan", "HoTenNguoiNop", "SoCMNDNguoiNop", "DiaChiNguoiNop",
)  # fmt: skip
FINES = ("MaLoaiHinhThuPhat", "KhoBac", "SoQD", "NgayQD", "ThoiGianViPham", "DiaDiemViPham", "TenNguoiViPham")


def wrong_with_init(message: Mapping[str, Any], now: float) -> list[str]:
    """Every field of an INIT that is not right, with why; empty when all is well."""
    wrong = [f"{field} phải là {value}" for field, value in FIXED.items() if str(message.get(field, "")) != value]
    amount = whole(message.get("SoTien"))
    if amount is None:
        wrong.append("SoTien phải là số nguyên dương")
    if message.get("MaNganHang", "") not in ("", *BANKS):
        wrong.append("MaNganHang không có trong danh mục")
    if not 1 <= len(str(message.get("ThongTinGiaoDich", ""))) <= 50:
        wrong.append("ThongTinGiaoDich phải có từ 1 đến 50 ký tự")
    if not is_address(message.get("Ip")):
        wrong.append("Ip không phải là địa chỉ IP")
    return wrong + wrong_reference(message) + wrong_time(message, now) + wrong_with_receipt(message, amount or 0)


def wrong_with_question(message: Mapping[str, Any]) -> list[str]:
    """Every field of a QUERY or GET_BILL that is not right."""
    version = [] if message.get("PhienBan") == FIXED["PhienBan"] else ["PhienBan phải là 1.0.6"]
    told = [] if moment(message.get("ThoiGianGD")) else ["ThoiGianGD phải có dạng yyyyMMddHHmmss"]
    return version + wrong_reference(message) + told


def wrong_reference(message: Mapping[str, Any]) -> list[str]:
    if re.fullmatch(r"[A-Za-z0-9]{1,255}", str(message.get("MaThamChieu", "")), re.ASCII):
        return []
    return ["MaThamChieu chỉ gồm chữ cái và chữ số, nhiều nhất 255 ký tự"]


def wrong_time(message: Mapping[str, Any], now: float) -> list[str]:
    """A time in twelve hours is half a day off in the afternoon: that is noticed."""
    told = moment(message.get("ThoiGianGD"))
    if told is None:
        return ["ThoiGianGD phải có dạng yyyyMMddHHmmss"]
    if abs(told - datetime.fromtimestamp(now, VIETNAM)) > CLOCKS_DIFFER:
        return ["ThoiGianGD lệch quá 6 giờ so với giờ Việt Nam"]
    return []


def wrong_with_receipt(message: Mapping[str, Any], amount: int) -> list[str]:
    """Every field of ThongTinBienLai that is missing or wrong."""
    told = message.get("ThongTinBienLai")
    if not isinstance(told, Mapping):
        return ["thiếu ThongTinBienLai"]
    kind = str(told.get("MaDichVu", ""))
    wrong = [] if kind in ("1", "2") else ["MaDichVu phải là 1 (xử phạt) hoặc 2 (phí, lệ phí)"]
    required = TEXTS + (FINES if kind == "1" else ())
    wrong += [f"thiếu {field}" for field in required if not str(told.get(field) or "").strip()]
    wrong += [f"{field} quá dài" for field in required if len(str(told.get(field) or "")) > 500]
    paper = str(told.get("SoCMNDNguoiNop") or "")
    if paper and (paper in DUMMIES or not re.fullmatch(r"[0-9]{9}|[0-9]{12}", paper, re.ASCII)):
        wrong.append("SoCMNDNguoiNop không phải là số giấy tờ thật")
    if kind == "2" and told.get("MaDVC") and told["MaDVC"] not in SERVICES.get(str(told.get("MaTTHC")), ()):
        wrong.append("MaDVC không thuộc thủ tục MaTTHC")
    return wrong + wrong_lines(told, amount)


def wrong_lines(told: Mapping[str, Any], amount: int) -> list[str]:
    """The two lists of what is paid: named, of a known kind, adding up to SoTien."""
    wrong = []
    for name, fields in (("PhiLePhi", ("LoaiPhiLePhi", "MaPhiLePhi", "TenPhiLePhi")), ("DSKhoanNop", ("NoiDung",))):
        lines = told.get(name)
        if not isinstance(lines, list) or not lines or not all(isinstance(line, Mapping) for line in lines):
            wrong.append(f"thiếu {name}")
            continue
        wrong += [f"{name}: thiếu {field}" for field in fields if not all(line.get(field) for line in lines)]
        if sum(whole(line.get("SoTien")) or 0 for line in lines) != amount:
            wrong.append(f"{name}: tổng SoTien khác SoTien của giao dịch")
        if name == "PhiLePhi" and any(str(line.get("LoaiPhiLePhi")) not in ("1", "2") for line in lines):
            wrong.append("PhiLePhi: LoaiPhiLePhi phải là 1 (phí) hoặc 2 (lệ phí)")
    return wrong


def whole(told: object) -> int | None:
    """A positive whole number, written as one or as digits."""
    if isinstance(told, bool) or not re.fullmatch(r"[1-9][0-9]{0,11}", str(told), re.ASCII):
        return None
    return int(str(told))


def moment(told: object) -> datetime | None:
    if not isinstance(told, str) or not re.fullmatch(r"[0-9]{14}", told, re.ASCII):
        return None
    try:
        return datetime.strptime(told, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        return None


def is_address(told: object) -> bool:
    try:
        ipaddress.ip_address(str(told))
    except ValueError:
        return False
    return True
