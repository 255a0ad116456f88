"""The forms 06 and 07: a dossier's way through the house, and an agency's register."""

from __future__ import annotations

from datetime import datetime

from services.intake.papers.facts import ControlSlip, HandOver, Register
from services.intake.papers.sheet import Sheet
from services.intake.papers.words import day_in_words, moment_in_words, short


def control_slip(sheet: Sheet, paper: ControlSlip) -> None:
    """06: phiếu kiểm soát quá trình giải quyết hồ sơ."""
    sheet.heading(paper.head)
    sheet.titled("PHIẾU KIỂM SOÁT QUÁ TRÌNH GIẢI QUYẾT HỒ SƠ", f"Mã hồ sơ: {paper.about.code}")
    sheet.fact("Thủ tục", f"{paper.about.procedure} (mã thủ tục {paper.about.procedure_code})")
    sheet.fact("Hồ sơ của", paper.about.applicant)
    sheet.fact("Thời gian nhận hồ sơ", moment_in_words(paper.received_at))
    sheet.fact("Thời gian hẹn trả kết quả", moment_in_words(paper.due_at) if paper.due_at else None)
    rows = [
        (
            str(number),
            f"{each.department} – {each.agency}",
            each.officer or "Chưa phân công",
            short(each.since),
            short(each.until) if each.until else "Đang giải quyết",
            short(each.due) if each.due else "–",
            each.result,
            _in_time(each, paper.head.issued_at),
        )
        for number, each in enumerate(paper.hand_overs, 1)
    ]
    heads = ("TT", "Cơ quan, bộ phận", "Cán bộ", "Nhận lúc", "Giao lúc", "Hạn", "Kết quả", "Tiến độ")
    sheet.grid(heads, (6, 30, 20, 17, 17, 17, 24, 13), rows, size=8)
    sheet.signatures((paper.head.position, paper.head.officer), about=paper.about)


def register(sheet: Sheet, paper: Register) -> None:
    """07: sổ theo dõi hồ sơ."""
    sheet.heading(paper.head)
    sheet.titled("SỔ THEO DÕI HỒ SƠ", f"Từ {day_in_words(paper.since)} đến {day_in_words(paper.until)}")
    rows = [
        (
            str(number),
            each.code,
            each.procedure,
            each.applicant,
            each.contact,
            each.handler,
            short(each.received_at),
            short(each.due_at) if each.due_at else "–",
            short(each.returned_at) if each.returned_at else "–",
            each.delivery,
            each.note,
        )
        for number, each in enumerate(paper.rows, 1)
    ]
    heads = (
        "TT", "Mã hồ sơ", "Thủ tục hành chính", "Cá nhân, tổ chức", "Địa chỉ, điện thoại", "Cơ quan giải quyết",
        "Nhận hồ sơ", "Hẹn trả", "Trả kết quả", "Phương thức", "Ghi chú",
    )  # fmt: skip
    sheet.grid(heads, (8, 26, 32, 26, 28, 26, 17, 17, 17, 18, 22), rows, size=7.5)
    sheet.room(55)
    sheet.paragraph(f"Tổng số: {len(paper.rows)} hồ sơ.", "B")
    sheet.signatures((paper.head.position, paper.head.officer))


def _in_time(each: HandOver, today: datetime) -> str:
    if each.due is None:
        return "–"
    if (each.until or today) > each.due:
        return "Quá hạn"
    return "Đúng hạn" if each.until else "Trong hạn"
