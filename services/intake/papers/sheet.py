"""A sheet of official paper (NĐ 30/2020, annex I): the national heading, paragraphs, tables, signatures, QR, page numbers."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Literal, cast

import segno
from fpdf import FPDF, FontFace, ViewerPreferences
from fpdf.enums import Align, MethodReturnValue, TableBordersLayout, XPos, YPos

from chassis.clock import VIETNAM
from chassis.fonts import FAMILY, cuts, drawable
from services.intake.papers.facts import About, Head
from services.intake.papers.words import clean, day_in_words

_LEFT, _RIGHT, _TOP, _BOTTOM = 25, 15, 15, 18  # mm
_LINE = 1.45  # times the size of the letters
_LONGEST_CELL = 240  # characters: what is longer goes on in a row below, since a row does not break over pages
_QR_SIZE, _QR_BLOCK, _TO_SIGN = 26, 42, 28


class Sheet(FPDF):
    """A4 paper with the letters of the forms; sizes in mm, letters in points."""

    def __init__(self, form: str, orientation: Literal["portrait", "landscape"] = "portrait") -> None:
        super().__init__(orientation=orientation, unit="mm", format="A4")
        self.foot = f"Mẫu số {form} – Thông tư số 03/2025/TT-VPCP"
        for style, path in cuts().items():
            self.add_font(FAMILY, style, path)
        self.set_margins(_LEFT, _TOP, _RIGHT)
        self.c_margin = 0
        self.set_auto_page_break(True, _BOTTOM)
        self.set_lang("vi-VN")
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.letters()
        self.add_page()

    def footer(self) -> None:
        """The form's name and the page's number: called for each page."""
        self.set_y(-12)
        self.letters("I", 8)
        self.cell(0, 5, self.foot)
        self.set_x(self.l_margin)
        self.cell(0, 5, f"Trang {self.page_no()}/{{nb}}", align=Align.C)

    def letters(self, style: str = "", size: float = 11) -> None:
        """What follows is written in this style ("", B, I) and size."""
        self.set_font(FAMILY, style, size)

    def heading(self, head: Head) -> None:
        """The agency on the left, the nation on the right; number, place and day below."""
        left, right = self.epw * 0.44, self.epw * 0.56
        top, x = self.get_y(), self.l_margin
        if head.superior:
            self._centred(x, left, head.superior.upper(), "", 10)
        self._centred(x, left, head.agency.upper(), "B" if not head.desk else "", 10)
        self._centred(x, left, head.desk.upper(), "B", 10)
        self._rule(x + left / 2, 24)
        below = self.get_y()
        self.set_y(top)
        self._centred(x + left, right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "B", 10.5)
        self._centred(x + left, right, "Độc lập – Tự do – Hạnh phúc", "B", 11)
        self._rule(x + left + right / 2, 52)
        self.set_y(max(below, self.get_y()) + 2)
        top = self.get_y()
        self._centred(x, left, f"Số: {head.number}", "", 10.5)
        below = self.get_y()
        self.set_y(top)
        day = day_in_words(head.issued_at.astimezone(VIETNAM).date())
        self._centred(x + left, right, f"{head.place}, {day}" if head.place else day.capitalize(), "I", 10.5)
        self.set_y(max(below, self.get_y()) + 4)

    def titled(self, title: str, below: str = "") -> None:
        """The paper's name in the middle."""
        self._centred(self.l_margin, self.epw, title, "B", 14)
        if below:
            self._centred(self.l_margin, self.epw, below, "I", 10.5)
        self.ln(3)

    def paragraph(self, text: str, style: str = "", indent: float = 0) -> None:
        """Text over the whole width."""
        self.letters(style)
        self.set_x(self.l_margin + indent)
        self.multi_cell(self.epw - indent, 11 * _LINE / self.k, _text(text), align=Align.J, new_x=XPos.LMARGIN)
        self.ln(1)

    def fact(self, name: str, value: str | None) -> None:
        """A line "name: value" with the value set off; nothing where there is no value."""
        if not value:
            return
        label = f"{name}: "
        self.letters()
        width = self.get_string_width(label)
        self.cell(width, 11 * _LINE / self.k, label)
        self.letters("B")
        self.multi_cell(self.epw - width, 11 * _LINE / self.k, _text(value), align=Align.L, new_x=XPos.LMARGIN)
        self.ln(0.6)

    def grid(self, heads: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[str]], size: float = 9) -> None:
        """A table; its heading is repeated on each page. A column whose heading begins with # holds figures."""
        self.letters("", size)
        aligns = tuple(Align.R if head.startswith("#") else Align.C if head == "TT" else Align.L for head in heads)
        with self.table(
            col_widths=tuple(widths),
            align=Align.L,
            text_align=aligns,
            line_height=size * 1.35 / self.k,
            padding=(0.8, 1),
            borders_layout=TableBordersLayout.ALL,
            headings_style=FontFace(emphasis="BOLD", fill_color=(236, 236, 236)),
        ) as table:
            heading = table.row()
            for head in heads:
                heading.cell(head.removeprefix("#"), align=Align.C)
            for row in rows:
                for part in _parts(row):
                    table.row(part)
        self.ln(2)

    def room(self, height: float) -> None:
        """What follows stands together: on the next page when less than this height is left on this one."""
        if self.get_y() + height > self.h - _BOTTOM:
            self.add_page()

    def signatures(self, *signers: tuple[str, str], about: About | None = None) -> None:
        """At most two who sign (role, name), side by side on the right; on the left the code of the status page."""
        width = (self.epw - _QR_BLOCK) / 2
        names = max(self._height(name, width, "B", 11) for _, name in signers)
        self.room(3 + max(_QR_SIZE + 8, _TO_SIGN + names))
        self.ln(3)
        top = self.get_y()
        if about is not None:
            self._qr(self.l_margin, top, about)
        for number, (role, name) in enumerate(reversed(signers), 1):
            x = self.w - self.r_margin - number * width
            self.set_y(top)
            self._centred(x, width, role.upper(), "B", 10.5)
            self._centred(x, width, "(Ký, ghi rõ họ tên)", "I", 9)
            self.set_y(top + _TO_SIGN)
            self._centred(x, width, name, "B", 11)

    def _height(self, text: str, width: float, style: str, size: float) -> float:
        """How high the text becomes in this width."""
        self.letters(style, size)
        height = self.multi_cell(
            width, size * 1.35 / self.k, _text(text), dry_run=True, output=MethodReturnValue.HEIGHT
        )
        return cast("float", height)

    def _qr(self, x: float, y: float, about: About) -> None:
        """The QR code as squares, with its quiet zone; below it what it is for."""
        matrix = segno.make_qr(about.status_url, error="m").matrix
        module = _QR_SIZE / (len(matrix) + 8)
        left, top = x + (_QR_BLOCK - _QR_SIZE) / 2 + 4 * module, y + 4 * module
        self.set_fill_color(0)
        for row, line in enumerate(matrix):
            for column, dark in enumerate(line):
                if dark:
                    self.rect(left + column * module, top + row * module, module, module, style="F")
        self.set_y(y + _QR_SIZE)
        self._centred(x, _QR_BLOCK, "Quét mã để theo dõi hồ sơ", "I", 8)
        self._centred(x, _QR_BLOCK, about.code, "", 7.5)

    def _centred(self, x: float, width: float, text: str, style: str, size: float) -> None:
        self.letters(style, size)
        self.set_x(x)
        self.multi_cell(width, size * 1.35 / self.k, _text(text), align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _rule(self, middle: float, length: float) -> None:
        y = self.get_y() + 0.8
        self.line(middle - length / 2, y, middle + length / 2, y)
        self.set_y(y + 0.8)


def _text(typed: str) -> str:
    return drawable(clean(typed))


def _parts(row: Sequence[str]) -> list[tuple[str, ...]]:
    """The row, or where a cell is too long, rows of which each goes on where the one above ended."""
    cells = [_pieces(" ".join(_text(cell).split())) for cell in row]
    longest = max(map(len, cells))
    return [tuple(cell[part] if part < len(cell) else "" for cell in cells) for part in range(longest)]


def _pieces(text: str) -> list[str]:
    if len(text) <= _LONGEST_CELL:
        return [text]
    return wrap(text, _LONGEST_CELL)
