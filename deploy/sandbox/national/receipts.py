"""The platform's receipt as a PDF: one page, in the letters that every PDF reader has, so Vietnamese without its marks."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from deploy.sandbox.kit.pages import vietnam_time


def receipt_of(payment: Mapping[str, Any]) -> bytes:
    """The receipt of a paid payment, a row of the store."""
    from fpdf import FPDF  # it brings along all of fontTools, seconds of a start

    told = json.loads(payment["message"])
    receipt = told.get("ThongTinBienLai") or told
    sheet = FPDF()
    sheet.add_page()
    sheet.set_font("Helvetica", "B", 16)
    sheet.cell(0, 12, "BIEN LAI THU PHI, LE PHI (thu nghiem)", new_x="LMARGIN", new_y="NEXT")
    sheet.set_font("Helvetica", "", 11)
    for name, value in (
        ("Ma giao dich", payment["number"]),
        ("Ma tham chieu", payment["reference"]),
        ("Ma ho so", payment["dossier"]),
        ("Nguoi nop", receipt.get("HoTenNguoiNop", "")),
        ("Don vi thu", receipt.get("TenDonVi", "")),
        ("Noi dung", receipt.get("NoiDungThanhToan", "")),
        ("So tien", f"{payment['taken']} {payment['currency']}"),
        ("Thoi gian", vietnam_time(payment["at"])),
    ):
        sheet.multi_cell(0, 8, _plain(f"{name}: {value}"), new_x="LMARGIN", new_y="NEXT")
    return bytes(sheet.output())


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return bare.encode("ascii", "ignore").decode()
