"""Paying by the dossier's code on the portal itself: the platform asks the agency what is due (dptracuuthanhtoanhs).

It posts {"MaHoSo": CODE}; the agency answers `error_code` 1 and the bill in `message`, 0 and [] where nothing is due, -1 and []
where it knows no such dossier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from deploy.sandbox.national import checks

Answer = Literal["due", "nothing", "unknown", "silent", "wrong"]
ANSWERS: Mapping[str, Answer] = {"0": "nothing", "-1": "unknown"}
WITHIN_SECONDS = 10.0
TEXTS = (
    "MaTTHC", "TenTTHC", "MaDVC", "TenDVC", "MaDonVi", "TenDonVi", "MaHoSo", "TKThuHuong", "MaNHThuHuong", "TenTKThuHuong",
    "NoiDungThanhToan",
)  # fmt: skip


@dataclass(frozen=True)
class Due:
    """What an agency answered; `wrong` lists what its bill lacks."""

    answer: Answer
    bill: Mapping[str, Any]
    amount: int = 0
    wrong: tuple[str, ...] = ()


async def what_is_due(url: str, code: str) -> Due:
    """Ask the agency."""
    try:
        async with httpx.AsyncClient(timeout=WITHIN_SECONDS) as http:
            told = (await http.post(url, json={"MaHoSo": code})).json()
    except (httpx.HTTPError, ValueError):
        return Due("silent", {})
    if not isinstance(told, dict):
        return Due("silent", {})
    said, bill = str(told.get("error_code", "")), told.get("message")
    if isinstance(bill, str):
        bill = _object(bill)
    if said == "1" and isinstance(bill, dict):
        wrong = wrong_with_bill(bill, code)
        return Due("wrong" if wrong else "due", bill, amount_of(bill), tuple(wrong))
    return Due(ANSWERS.get(said, "silent"), {})


def wrong_with_bill(bill: Mapping[str, Any], code: str) -> list[str]:
    """What the bill lacks. The payer's own fields may be empty: the portal knows who has signed in."""
    reference = checks.wrong_reference({"MaThamChieu": bill.get("MaTraCuuTT", "")})
    wrong = ["MaTraCuuTT chỉ gồm chữ cái và chữ số"] if reference else []
    wrong += [f"thiếu {field}" for field in TEXTS if not str(bill.get(field) or "").strip()]
    if bill.get("MaHoSo") != code:
        wrong.append("MaHoSo không phải là mã đã hỏi")
    return wrong + checks.wrong_lines(bill, amount_of(bill))


def amount_of(bill: Mapping[str, Any]) -> int:
    """The sum of DSKhoanNop, in đồng."""
    lines = bill.get("DSKhoanNop")
    if not isinstance(lines, list):
        return 0
    return sum(checks.whole(line.get("SoTien")) or 0 for line in lines if isinstance(line, Mapping))


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
