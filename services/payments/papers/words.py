"""Amounts and moments as Vietnamese receipts write them."""

from __future__ import annotations

from datetime import datetime

from chassis.clock import VIETNAM

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_PLACES = ((10**6, " triệu"), (1000, " nghìn"), (1, ""))
_MILLIARD = 10**9


def in_words(amount: int) -> str:
    """Đồng in words: 135000 is "một trăm ba mươi lăm nghìn đồng". Raises ValueError below nought."""
    if amount < 0:
        raise ValueError("an amount is not negative")
    return f"{_number(amount)} đồng"


def in_figures(amount: int) -> str:
    """Đồng in figures: 135.000 đồng."""
    return f"{amount:,} đồng".replace(",", ".")


def moment_in_words(moment: datetime) -> str:
    """A moment in Vietnam: 17 giờ 00 phút, ngày 09 tháng 06 năm 2026."""
    return f"{moment.astimezone(VIETNAM):%H giờ %M phút, ngày %d tháng %m năm %Y}"


def _number(amount: int) -> str:
    if amount == 0:
        return _DIGITS[0]
    milliards, rest = divmod(amount, _MILLIARD)
    said = [f"{_number(milliards)} tỷ"] if milliards else []
    for place, name in _PLACES:
        if group := rest // place % 1000:
            said.append(_group(group, full=bool(said)) + name)
    return " ".join(said)


def _group(group: int, *, full: bool) -> str:
    """Three digits; after a higher group the hundreds are said even when there are none."""
    hundreds, tens, ones = group // 100, group // 10 % 10, group % 10
    said = [f"{_DIGITS[hundreds]} trăm"] if hundreds or full else []
    if tens:
        said.append("mười" if tens == 1 else f"{_DIGITS[tens]} mươi")
    elif ones and said:
        said.append("linh")
    if ones:
        said.append({(True, 1): "mốt", (True, 4): "tư"}.get((tens > 1, ones)) or _one(ones, tens))
    return " ".join(said)


def _one(ones: int, tens: int) -> str:
    return "lăm" if ones == 5 and tens else _DIGITS[ones]
