"""The test cards, and what is wrong with a card that a person typed.

Numbers, tokens and codes are those of Stripe's public page on testing, but for the two 4000 0070 4000 00xx cards:
Stripe has no card that stays in `processing`, so these are this gateway's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Settling = Literal["now", "later", "fails_later"]
Refunding = Literal["succeeded", "pending", "fails_later"]


@dataclass(frozen=True)
class Decline:
    """Why the issuer says no: Stripe's codes and words, and the words for the person at the page."""

    code: str
    decline_code: str
    message: str
    advice: str
    field: str = "number"


GENERIC = Decline(
    "card_declined", "generic_decline", "Your card was declined.",
    "Ngân hàng từ chối thẻ này. Hãy dùng thẻ khác hoặc hỏi ngân hàng của bạn.",
)  # fmt: skip
FUNDS = Decline(
    "card_declined", "insufficient_funds", "Your card has insufficient funds.",
    "Thẻ không đủ số dư. Hãy dùng thẻ khác.",
)  # fmt: skip
LOST = Decline("card_declined", "lost_card", "Your card was declined.", GENERIC.advice)
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.", GENERIC.advice)
EXPIRED = Decline(
    "expired_card", "expired_card", "Your card has expired.", "Thẻ đã hết hạn. Hãy dùng thẻ khác.", "expiry"
)
WRONG_CODE = Decline(
    "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.",
    "Mã bảo mật (CVC) không đúng. Hãy kiểm tra mặt sau của thẻ.", "cvc",
)  # fmt: skip
PROCESSING_ERROR = Decline(
    "processing_error", "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "Có lỗi khi xử lý thẻ. Hãy thử lại sau ít phút.",
)  # fmt: skip
NOT_A_TEST_CARD = Decline(
    "card_declined", "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card.",
    "Đây là cổng thanh toán thử nghiệm: chỉ nhận các thẻ thử ở danh sách bên dưới, không nhận thẻ thật.",
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """A test card and what happens to a payment with it. `tokens` stand for it where no number may be sent."""

    number: str
    title: str
    tokens: tuple[str, ...]
    decline: Decline | None = None
    three_d_secure: bool = False
    settles: Settling = "now"
    refund: Refunding = "succeeded"

    @property
    def brand(self) -> str:
        return {"4": "visa", "5": "mastercard", "3": "amex"}[self.number[0]]


def _of(prefix: str, *suffixes: str) -> tuple[str, ...]:
    return tuple(prefix + suffix for suffix in suffixes)


CARDS = (
    Card("4242424242424242", "Thành công · succeeds", ("pm_card_visa",)),
    Card("5555555555554444", "Thành công (Mastercard) · succeeds", ("pm_card_mastercard",)),
    Card("378282246310005", "Thành công (American Express, CVC 4 số) · succeeds", ("pm_card_amex",)),
    Card("4000000000000002", "Bị từ chối · declined",
         _of("pm_card_", "visa_chargeDeclined", "chargeDeclined"), GENERIC),
    Card("4000000000009995", "Không đủ số dư · insufficient funds",
         _of("pm_card_", "visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"), FUNDS),
    Card("4000000000009987", "Thẻ báo mất · lost card", ("pm_card_visa_chargeDeclinedLostCard",), LOST),
    Card("4000000000009979", "Thẻ báo trộm · stolen card", ("pm_card_visa_chargeDeclinedStolenCard",), STOLEN),
    Card("4000000000000069", "Thẻ hết hạn · expired card", ("pm_card_chargeDeclinedExpiredCard",), EXPIRED),
    Card("4000000000000127", "Sai CVC · incorrect CVC", ("pm_card_chargeDeclinedIncorrectCvc",), WRONG_CODE),
    Card("4000000000000119", "Lỗi xử lý · processing error",
         ("pm_card_chargeDeclinedProcessingError",), PROCESSING_ERROR),
    Card("4000000000003220", "Cần xác thực 3-D Secure · authentication required",
         _of("pm_card_", "threeDSecure2Required", "threeDSecureRequired"), three_d_secure=True),
    Card("4000008400001629", "3-D Secure rồi bị từ chối · then declined",
         ("pm_card_threeDSecureRequiredChargeDeclined",), GENERIC, three_d_secure=True),
    Card("4000008260003178", "3-D Secure rồi không đủ số dư · then insufficient funds",
         ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",), FUNDS, three_d_secure=True),
    Card("4000007040000009", "Xử lý sau, rồi thành công · processing, settles later",
         ("pm_card_processing",), settles="later"),
    Card("4000007040000017", "Xử lý sau, rồi bị từ chối · processing, fails later",
         ("pm_card_processingFails",), GENERIC, settles="fails_later"),
    Card("4000000000007726", "Thành công, hoàn tiền chậm · refund is pending first",
         ("pm_card_pendingRefund",), refund="pending"),
    Card("4000000000005126", "Thành công, hoàn tiền hỏng · refund fails later",
         ("pm_card_refundFail",), refund="fails_later"),
)  # fmt: skip
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {token: card for card in CARDS for token in card.tokens}
STRANGER = Card("4", "", ("",), NOT_A_TEST_CARD)
"""Stands for every number that is no test card; such a number is never kept."""


def by_token(token: str) -> Card:
    return BY_TOKEN.get(token, STRANGER)


def grouped(number: str) -> str:
    """As it is printed on the card: in fours, American Express as 4, 6 and 5."""
    ends = (4, 10, 15) if len(number) == 15 else range(4, len(number) + 4, 4)
    return " ".join(number[start:end] for start, end in zip((0, *ends), ends, strict=False))


def luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def number_is_wrong(number: str) -> bool:
    return not (number.isascii() and number.isdecimal() and 12 <= len(number) <= 19 and luhn(number))


def expiry_is_wrong(month: int, year: int, now: tuple[int, int]) -> str | None:
    """The code of what is wrong; a card is good to the end of its month. `now` is (year, month)."""
    if not 1 <= month <= 12:
        return "invalid_expiry_month"
    if (year, month) < now or year > now[0] + 50:
        return "invalid_expiry_year"
    return None


def code_is_wrong(code: str, number: str) -> bool:
    """Three digits, four on American Express."""
    return not (code.isascii() and code.isdecimal() and len(code) == (4 if number[:2] in ("34", "37") else 3))
