"""The forms 01–05: what the agency writes to whoever filed the dossier."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.papers.facts import (
    About,
    Apology,
    FeePosition,
    Head,
    Mark,
    Receipt,
    Refusal,
    StopNotice,
    SupplementRequest,
)
from services.intake.papers.sheet import Sheet
from services.intake.papers.words import day_in_words, in_figures, in_words, moment_in_words

_CLOSE = 70  # mm: the last lines and the signatures


def receipt(sheet: Sheet, paper: Receipt) -> None:
    """01: giấy tiếp nhận hồ sơ và hẹn trả kết quả."""
    sheet.heading(paper.head)
    sheet.titled("GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", f"Mã hồ sơ: {paper.about.code}")
    sheet.fact("Cơ quan tiếp nhận", f"{paper.head.agency} – {paper.head.desk}")
    sheet.fact("Điện thoại", paper.head.phone)
    _who(sheet, paper.about, "Tiếp nhận hồ sơ của")
    if paper.documents:
        sheet.paragraph("Thành phần hồ sơ nộp gồm:")
        rows = [
            (str(number), each.name, str(each.originals or "–"), str(each.copies or "–"), each.note)
            for number, each in enumerate(paper.documents, 1)
        ]
        sheet.grid(("TT", "Tên giấy tờ", "#Bản chính", "#Bản sao", "Ghi chú"), (7, 60, 13, 13, 27), rows)
    _fees(sheet, paper.fees, paper.paid)
    sheet.fact("Thời gian giải quyết theo quy định", f"{paper.processing} kể từ ngày nhận đủ hồ sơ hợp lệ")
    sheet.room(_CLOSE)
    sheet.fact("Thời gian nhận hồ sơ", moment_in_words(paper.received_at))
    sheet.fact("Thời gian hẹn trả kết quả", moment_in_words(paper.due_at))
    sheet.fact("Đăng ký nhận kết quả", paper.delivery)
    if (meeting := paper.meeting) is not None:
        when = moment_in_words(meeting.at) if meeting.at else "chọn giờ trên trang theo dõi hồ sơ"
        sheet.fact("Lịch hẹn", f"{meeting.purpose}, {when}, tại {meeting.place}, {meeting.address}")
    sheet.signatures(
        ("Người nộp hồ sơ", paper.about.applicant),
        (paper.head.position, paper.head.officer),
        about=paper.about,
    )


def supplement_request(sheet: Sheet, paper: SupplementRequest) -> None:
    """02: phiếu yêu cầu bổ sung, hoàn thiện hồ sơ."""
    sheet.heading(paper.head)
    sheet.titled("PHIẾU YÊU CẦU BỔ SUNG, HOÀN THIỆN HỒ SƠ", f"Mã hồ sơ: {paper.about.code}")
    _who(sheet, paper.about, "Hồ sơ của")
    sheet.paragraph("Yêu cầu bổ sung, hoàn thiện hồ sơ gồm những nội dung sau:")
    _marks(sheet, paper.marks)
    _bases(sheet, paper.legal_bases)
    if paper.until is not None:
        sheet.fact("Thời hạn bổ sung", f"hết {day_in_words(paper.until)}")
    sheet.paragraph(
        "Thời hạn giải quyết tạm dừng từ khi gửi phiếu này và được tính tiếp khi hồ sơ đã được bổ sung đầy đủ. "
        "Toàn bộ yêu cầu được nêu một lần trong phiếu này."
    )
    _closed(sheet, paper.head, paper.about)


def refusal(sheet: Sheet, paper: Refusal) -> None:
    """03: phiếu từ chối tiếp nhận giải quyết hồ sơ."""
    sheet.heading(paper.head)
    sheet.titled("PHIẾU TỪ CHỐI TIẾP NHẬN GIẢI QUYẾT HỒ SƠ", f"Mã hồ sơ: {paper.about.code}")
    _who(sheet, paper.about, "Nhận hồ sơ của")
    sheet.paragraph(
        f"Qua xem xét, {paper.head.desk}, {paper.head.agency} thông báo không tiếp nhận, giải quyết hồ sơ này "
        "với lý do cụ thể như sau:"
    )
    sheet.paragraph(paper.grounds, "B", indent=6)
    _marks(sheet, paper.marks)
    _bases(sheet, paper.legal_bases)
    sheet.paragraph("Xin thông báo để Ông/Bà được biết và thực hiện.")
    _closed(sheet, paper.head, paper.about)


def apology(sheet: Sheet, paper: Apology) -> None:
    """04: văn bản xin lỗi và đề nghị gia hạn thời gian giải quyết."""
    sheet.heading(paper.head)
    sheet.titled("VĂN BẢN XIN LỖI\nVÀ ĐỀ NGHỊ GIA HẠN THỜI GIAN GIẢI QUYẾT", f"Mã hồ sơ: {paper.about.code}")
    sheet.fact("Kính gửi", paper.about.applicant)
    _who(sheet, paper.about, None)
    sheet.fact("Thời gian nhận hồ sơ", moment_in_words(paper.received_at))
    sheet.fact("Thời gian đã hẹn trả kết quả", moment_in_words(paper.promised))
    sheet.paragraph(
        f"Đến nay, {paper.head.agency} chưa thể trả kết quả giải quyết hồ sơ của Ông/Bà đúng thời hạn đã hẹn. Lý do:"
    )
    sheet.paragraph(paper.reason, "B", indent=6)
    _bases(sheet, paper.legal_bases)
    sheet.paragraph(
        f"{paper.head.agency} xin lỗi Ông/Bà về sự chậm trễ này và đề nghị được gia hạn thời gian giải quyết một lần."
    )
    sheet.fact("Thời gian hẹn lại trả kết quả", moment_in_words(paper.new_due))
    sheet.paragraph("Rất mong nhận được sự thông cảm của Ông/Bà.")
    _closed(sheet, paper.head, paper.about)


def stop_notice(sheet: Sheet, paper: StopNotice) -> None:
    """05: thông báo dừng giải quyết hồ sơ."""
    sheet.heading(paper.head)
    sheet.titled("THÔNG BÁO\nDỪNG GIẢI QUYẾT HỒ SƠ", f"Mã hồ sơ: {paper.about.code}")
    sheet.fact("Kính gửi", paper.about.applicant)
    _who(sheet, paper.about, None)
    sheet.fact("Thời gian nhận hồ sơ", moment_in_words(paper.received_at))
    sheet.paragraph(
        f"{paper.head.agency} thông báo dừng giải quyết hồ sơ này từ {moment_in_words(paper.stopped_at)} "
        "với lý do như sau:"
    )
    sheet.paragraph(paper.reason, "B", indent=6)
    sheet.fact("Phí, lệ phí", paper.money)
    _bases(sheet, paper.legal_bases)
    sheet.paragraph("Xin thông báo để Ông/Bà được biết.")
    _closed(sheet, paper.head, paper.about)


def _who(sheet: Sheet, about: About, opening: str | None) -> None:
    if opening:
        sheet.fact(opening, about.applicant)
    sheet.fact("Địa chỉ", about.address)
    sheet.fact("Số điện thoại", about.phone)
    sheet.fact("Thư điện tử", about.email)
    sheet.fact("Nội dung yêu cầu giải quyết", f"{about.procedure} (mã thủ tục {about.procedure_code})")


def _fees(sheet: Sheet, fees: Sequence[FeePosition], paid: bool) -> None:
    if not fees:
        sheet.fact("Phí, lệ phí", "không phải nộp")
        return
    sheet.paragraph("Phí, lệ phí:")
    rows = [
        (str(number), each.name, each.legal_basis, each.note, in_figures(each.amount))
        for number, each in enumerate(fees, 1)
    ]
    sheet.grid(("TT", "Khoản thu", "Căn cứ", "Ghi chú", "#Số tiền"), (7, 40, 35, 20, 22), rows)
    due = sum(each.amount for each in fees)
    sheet.fact("Tổng cộng", f"{in_figures(due)} ({in_words(due)}){', đã nộp' if paid else ', chưa nộp'}")


def _marks(sheet: Sheet, marks: Sequence[Mark]) -> None:
    for number, mark in enumerate(marks, 1):
        sheet.paragraph(f"{number}. {mark.what}", "B", indent=6)
        sheet.paragraph(f"Lý do: {mark.reason}", indent=12)


def _bases(sheet: Sheet, bases: Sequence[str]) -> None:
    if bases:
        sheet.paragraph("Căn cứ pháp lý:")
    for basis in bases:
        sheet.paragraph(f"– {basis}", "I", indent=6)


def _closed(sheet: Sheet, head: Head, about: About) -> None:
    """Whom to ask, and the signature, which never stands alone on a page."""
    sheet.room(_CLOSE)
    phone = f", số điện thoại {head.phone}," if head.phone else ""
    sheet.paragraph(f"Nếu có vướng mắc, Ông/Bà liên hệ {head.desk}, {head.agency}{phone} để được hướng dẫn.")
    sheet.signatures((head.position, head.officer), about=about)
