"""What a payer is told of a bill's state, on pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in Vietnamese and English; `tone` is how it looks: good, bad or neither."""

    vi: str
    en: str
    tone: str = ""


_OVER = Said("Đã hết hạn nộp. Xin không chuyển tiền nữa.", "The time to pay is over. Please do not pay.", "bad")
_VOID = Said("Khoản phí này đã hủy. Xin không chuyển tiền.", "This bill is void. Please do not pay.", "bad")
_STATES: Mapping[str, Said] = MappingProxyType(
    {
        "open": Said("Chưa nộp. Hãy chọn một cách nộp dưới đây.", "Not paid yet. Choose a way to pay below."),
        "checkout_ready": Said(
            "Đang mở trang thanh toán; trang này tự tải lại.",
            "The page to pay on is being opened; this page reloads by itself.",
        ),
        "in_checkout": Said(
            "Đang chờ thanh toán. Nếu bạn vừa nộp, khoản tiền đang được xác nhận; trang này tự tải lại.",
            "Waiting for the payment. If you have just paid, it is being confirmed; this page reloads by itself.",
        ),
        "closing": Said(
            "Trang thanh toán trước đang được đóng để chọn cách nộp khác; trang này tự tải lại.",
            "The page before is being closed, to choose another way; this page reloads by itself.",
        ),
        "paid": Said(
            "Đã nộp đủ. Xin cảm ơn; không cần nộp thêm.", "Paid in full. Thank you; nothing more is due.", "good"
        ),
        "expiring": _OVER,
        "expired": _OVER,
        "withdrawing": _VOID,
        "cancelled": _VOID,
        "discrepancy": Said(
            "Số tiền nhận được không khớp với khoản phí; cán bộ đang xử lý, xin chưa nộp lại.",
            "What was received does not match the bill; it is being looked into. Please do not pay again.",
            "bad",
        ),
    }
)


def said(state: str) -> Said:
    """Raises KeyError for a state that no bill has."""
    return _STATES[state]
