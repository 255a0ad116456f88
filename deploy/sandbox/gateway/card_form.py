"""The form of the checkout page: what a person typed, and what is wrong with it, said next to the field."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from deploy.sandbox.gateway import cards


@dataclass
class CardForm:
    """What a person typed; `errors` says what is wrong with it, by field, in Vietnamese and in English."""

    number: str = ""
    expiry: str = ""
    cvc: str = ""
    name: str = ""
    email: str = ""
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    month: int = 0
    year: int = 0

    @classmethod
    def read(cls, typed: dict[str, str], today: datetime) -> CardForm:
        form = cls(
            number="".join(typed.get("card_number", "").split()).replace("-", ""),
            expiry=typed.get("card_expiry", "").strip(),
            cvc=typed.get("card_cvc", "").strip(),
            name=typed.get("card_name", "").strip()[:200],
            email=typed.get("email", "").strip()[:200],
        )
        form._check(today)
        return form

    def _check(self, today: datetime) -> None:
        if not self.number:
            self.errors["number"] = ("Hãy nhập số thẻ.", "Enter the card number.")
        elif cards.number_is_wrong(self.number):
            self.errors["number"] = (
                "Số thẻ không đúng, hãy kiểm tra lại từng chữ số.",
                "The card number is not valid.",
            )
        month, _, year = self.expiry.replace(" ", "").partition("/")
        if not (month.isdecimal() and year.isdecimal() and len(month) <= 2 and len(year) in (2, 4)):
            self.errors["expiry"] = (
                "Hãy nhập tháng và năm hết hạn, ví dụ 09/29.",
                "Enter month and year, such as 09/29.",
            )
        else:
            self.month, self.year = int(month), int(year) + (2000 if len(year) == 2 else 0)
            if cards.expiry_is_wrong(self.month, self.year, (today.year, today.month)):
                self.errors["expiry"] = (
                    "Thẻ đã hết hạn hoặc ngày không đúng.",
                    "The card has expired, or the date is wrong.",
                )
        if cards.code_is_wrong(self.cvc, self.number):
            digits = 4 if self.number[:2] in ("34", "37") else 3
            self.errors["cvc"] = (f"Mã CVC gồm {digits} chữ số.", f"The security code has {digits} digits.")
        if self.email and (self.email.count("@") != 1 or not all(self.email.split("@"))):
            self.errors["email"] = ("Địa chỉ thư điện tử không đúng.", "The e-mail address is not valid.")
