"""Vietnamese as forms write it: amounts in words and in figures, dates, and text that a font can draw."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime

from chassis.clock import VIETNAM

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_GROUPS = ("", " nghìn", " triệu")
_MILLIARD = 10**9


def in_words(amount: int) -> str:
    """Đồng in words as receipts say them: 135000 is "một trăm ba mươi lăm nghìn đồng". Raises ValueError below nought."""
    if amount < 0:
        raise ValueError("an amount is not negative")
    return f"{_number(amount)} đồng"


def in_figures(amount: int) -> str:
    """Đồng in figures: 135.000 đồng."""
    return f"{amount:,} đồng".replace(",", ".")


def day_in_words(day: date) -> str:
    """A date as official papers write it (NĐ 30/2020, annex I): nought before days under 10 and months 1 and 2."""
    month = f"{day.month:02}" if day.month < 3 else str(day.month)
    return f"ngày {day:%d} tháng {month} năm {day.year}"


def moment_in_words(moment: datetime) -> str:
    """A moment in Vietnam's time: 17 giờ 00 phút, ngày 09 tháng 6 năm 2026."""
    local = moment.astimezone(VIETNAM)
    return f"{local:%H} giờ {local:%M} phút, {day_in_words(local.date())}"


def short(moment: datetime) -> str:
    """A moment in Vietnam's time for a table's cell: 09/06/2026 17:00."""
    return f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M}"


def clean(text: str) -> str:
    """The text composed (NFC), without characters that draw nothing; line breaks stay."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\t", " "))
    return "".join(
        character for character in composed if character == "\n" or unicodedata.category(character) not in _INVISIBLE
    )


_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


def _number(amount: int) -> str:
    if amount >= _MILLIARD:
        head = f"{_number(amount // _MILLIARD)} tỷ"
        rest = amount % _MILLIARD
        return f"{head} {_below_milliard(rest, after=True)}" if rest else head
    return _below_milliard(amount, after=False) if amount else _DIGITS[0]


def _below_milliard(amount: int, *, after: bool) -> str:
    """Groups of three digits; `after` other words, or a higher group, a group has its hundreds said even when nought."""
    said: list[str] = []
    for place in (2, 1, 0):
        group = amount // 1000**place % 1000
        if group:
            said.append(_group(group, full=after or bool(said)) + _GROUPS[place])
    return " ".join(said)


def _group(group: int, *, full: bool) -> str:
    hundreds, tens, ones = group // 100, group // 10 % 10, group % 10
    said = [f"{_DIGITS[hundreds]} trăm"] if hundreds or full else []
    if tens > 1:
        said.append(f"{_DIGITS[tens]} mươi")
    elif tens == 1:
        said.append("mười")
    elif ones and said:
        said.append("linh")
    if ones:
        said.append(_ones(ones, tens))
    return " ".join(said)


def _ones(ones: int, tens: int) -> str:
    if ones == 5 and tens:
        return "lăm"
    if tens > 1 and ones in (1, 4):
        return "mốt" if ones == 1 else "tư"
    return _DIGITS[ones]
