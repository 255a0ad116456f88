"""Currencies the gateway takes, their decimals, and how an amount is written."""

from __future__ import annotations

DECIMALS = {
    "vnd": 0, "jpy": 0, "krw": 0,
    "usd": 2, "eur": 2, "gbp": 2, "aud": 2, "cad": 2, "chf": 2, "cny": 2, "hkd": 2, "sgd": 2, "thb": 2,
}  # fmt: skip
"""Amounts are integers of the smallest unit; đồng, yen and won have none below one."""

SIGNS = {"vnd": "₫", "usd": "US$", "eur": "€", "gbp": "£", "jpy": "¥"}


def most(currency: str) -> int:
    """The largest amount of one payment: eight digits, twelve where the unit is small."""
    return 10**8 - 1 if DECIMALS[currency] else 10**12 - 1


def written(amount: int, currency: str) -> str:
    """As a person in Vietnam reads it: 135.000 ₫; 12,50 US$."""
    decimals = DECIMALS[currency]
    whole, rest = divmod(abs(amount), 10**decimals)
    text = f"{whole:,}".replace(",", ".") + (f",{rest:0{decimals}}" if decimals else "")
    return f"{'−' if amount < 0 else ''}{text} {SIGNS.get(currency, currency.upper())}"
