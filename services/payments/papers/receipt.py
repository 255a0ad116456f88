"""A receipt for phí and lệ phí on paper (biên lai): A4, its facts alone decide every byte of it.

What it says follows NĐ 123/2020 art. 32 (content of receipts); who paid stands in the dossier, not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import segno
from fpdf import FPDF, FontFace, ViewerPreferences
from fpdf.enums import Align, XPos, YPos

from chassis.fonts import FAMILY, cuts, drawable
from contracts.money import FeeLine
from services.payments.papers.words import in_figures, in_words, moment_in_words

_LINE = 1.45  # times the size of the letters
_QR_SIZE = 30  # mm
_LONGEST_CELL = 400  # letters


@dataclass(frozen=True, slots=True)
class Paper:
    """What a receipt says. `ended` is why it no longer holds, `replaces` the number of the one before it.

    `paid` are the ways and the gateways' references of the money, `page` is where its QR code leads; without one
    there is no code.
    """

    number: str
    agency: str
    dossier_code: str
    procedure: str
    lines: tuple[FeeLine, ...]
    amount: int
    issued_at: datetime
    paid_at: datetime
    paid: tuple[tuple[str, str], ...]
    page: str | None = None
    replaces: str | None = None
    ended: str | None = None


def render(paper: Paper) -> bytes:
    """The PDF. Takes tens of milliseconds of one processor, the first in a process a second more: call it in a thread."""
    sheet = _Sheet(paper)
    sheet.heading()
    sheet.facts()
    sheet.table_of_lines()
    sheet.close_with_code()
    return bytes(sheet.output())


def _in_a_cell(text: str) -> str:
    """The text as a row of one page can hold it, however broad its letters are; one sees where it was cut."""
    return drawable(text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1].rstrip()}…")


class _Sheet(FPDF):
    def __init__(self, paper: Paper) -> None:
        super().__init__(unit="mm", format="A4")
        self._paper = paper
        for style, path in cuts().items():
            self.add_font(FAMILY, style, path)
        self.set_margins(25, 15, 15)
        self.set_auto_page_break(True, 18)
        self.set_lang("vi-VN")
        self.set_title(f"Biên lai {paper.number}")
        self.set_author(drawable(paper.agency))
        self.set_creator("motcua")
        self.set_creation_date(paper.issued_at)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.add_page()

    def footer(self) -> None:
        """The number on each page: called by the library."""
        self.set_y(-12)
        self._letters("I", 8)
        self.cell(0, 5, f"Biên lai số {self._paper.number} – Trang {self.page_no()}/{{nb}}", align=Align.C)

    def heading(self) -> None:
        """The agency, the nation, and what this paper is."""
        paper = self._paper
        self._centred(_in_a_cell(paper.agency).upper(), "B", 11)
        self._centred("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "B", 10.5)
        self._centred("Độc lập – Tự do – Hạnh phúc", "B", 11)
        self.ln(5)
        self._centred("BIÊN LAI THU TIỀN PHÍ, LỆ PHÍ", "B", 15)
        self._centred(f"Số: {paper.number}", "B", 12)
        self._centred(moment_in_words(paper.issued_at), "I", 10.5)
        if paper.replaces:
            self._centred(f"Thay thế biên lai số {paper.replaces}", "I", 10.5)
        if paper.ended:
            self.set_text_color(163, 22, 29)
            self._centred(f"KHÔNG CÒN GIÁ TRỊ: {paper.ended}", "B", 12)
            self.set_text_color(0)
        self.ln(4)

    def facts(self) -> None:
        """Whose dossier, for what, when and how it was paid."""
        paper = self._paper
        self._fact("Mã hồ sơ", paper.dossier_code)
        self._fact("Thủ tục", _in_a_cell(paper.procedure))
        self._fact("Nộp lúc", moment_in_words(paper.paid_at))
        for way, reference in paper.paid:
            self._fact("Hình thức nộp", f"{way}, mã giao dịch {reference}")
        self.ln(2)

    def table_of_lines(self) -> None:
        """Each fee with its kind and its legal basis, and the sum in figures and in words."""
        self._letters("", 9.5)
        with self.table(
            col_widths=(8, 18, 52, 42, 30),
            align=Align.L,
            text_align=(Align.C, Align.L, Align.L, Align.L, Align.R),
            line_height=9.5 * 1.35 / self.k,
            padding=(0.8, 1),
            headings_style=FontFace(emphasis="BOLD", fill_color=(236, 236, 236)),
        ) as table:
            table.row(("TT", "Loại", "Khoản thu", "Căn cứ pháp lý", "Số tiền"))
            for number, line in enumerate(self._paper.lines, 1):
                amount = in_figures(line.amount)
                table.row((str(number), line.kind, _in_a_cell(line.name), _in_a_cell(line.legal_basis), amount))
        self.ln(3)
        self._fact("Tổng số tiền", in_figures(self._paper.amount))
        self._fact("Bằng chữ", in_words(self._paper.amount).capitalize())

    def close_with_code(self) -> None:
        """The QR code as squares with its quiet zone, and what it is for; both on one page."""
        if self._paper.page is None:
            return
        if self.get_y() + _QR_SIZE + 22 > self.h - 18:
            self.add_page()
        self.ln(4)
        matrix = segno.make_qr(self._paper.page, error="m").matrix
        module, top = _QR_SIZE / (len(matrix) + 8), self.get_y()
        left = (self.w - _QR_SIZE) / 2
        self.set_fill_color(0)
        for row, modules in enumerate(matrix, 4):
            for column, dark in enumerate(modules, 4):
                if dark:
                    self.rect(left + column * module, top + row * module, module, module, style="F")
        self.set_y(top + _QR_SIZE)
        self._centred("Quét mã để kiểm tra biên lai này còn giá trị hay không", "I", 9)

    def _letters(self, style: str = "", size: float = 11) -> None:
        self.set_font(FAMILY, style, size)

    def _centred(self, text: str, style: str, size: float) -> None:
        self._letters(style, size)
        self.multi_cell(0, size * _LINE / self.k, drawable(text), align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _fact(self, name: str, value: str) -> None:
        """A line "name: value"; nothing where there is no value."""
        if not value:
            return
        label = f"{name}: "
        self._letters()
        width = self.get_string_width(label) + 2
        self.cell(width, 11 * _LINE / self.k, label)
        self._letters("B")
        self.multi_cell(self.epw - width, 11 * _LINE / self.k, drawable(value), align=Align.L, new_x=XPos.LMARGIN)
