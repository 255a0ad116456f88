"""The domestic test cards of VNPAY's public sandbox [V], and what becomes of a payment with each."""

from __future__ import annotations

from typing import NamedTuple

HOLDER, ISSUED, OTP = "NGUYEN VAN A", "07/15", "123456"
MISTAKES = 3


class Card(NamedTuple):
    """`response`: vnp_ResponseCode once the card was typed in; None where the bank goes on to ask for an OTP."""

    number: str
    title: str
    response: str | None


CARDS = (
    Card("9704198526191432198", "thành công, OTP 123456", None),
    Card("9704195798459170488", "không đủ số dư", "51"),
    Card("9704192181368742", "chưa kích hoạt", "09"),
    Card("9704193370791314", "bị khóa", "12"),
    Card("9704194841945513", "hết hạn", "99"),
)
BY_NUMBER = {card.number: card for card in CARDS}
BANKS = {
    "NCB": "Ngân hàng NCB, thẻ nội địa",
    "VNPAYQR": "Ứng dụng hỗ trợ VNPAY-QR",
    "SHB": "Ngân hàng SHB (đang bảo trì)",
}
"""vnp_BankCode and its title. SHB always answers 75 here; VNPAYQR pays at once, as an app does."""
GROUPS = frozenset({"VNBANK", "INTCARD"})
"""vnp_BankCode that names no bank: the payer chooses."""
