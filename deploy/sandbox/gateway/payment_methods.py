"""Cards as the API keeps them: brand, last four digits and expiry, never the number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.gateway import identifiers
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.cards import (
    BY_NUMBER,
    BY_TOKEN,
    STRANGER,
    Card,
    code_is_wrong,
    expiry_is_wrong,
    number_is_wrong,
)
from deploy.sandbox.gateway.errors import ApiError, invalid, missing
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))

CREATE = {
    "type": take.text(choices=("card",)),
    "card": take.fields(
        {"number": take.text(30), "exp_month": take.integer(), "exp_year": take.integer(), "cvc": take.text(4)},
        ("number", "exp_month", "exp_year"),
    ),
    "billing_details": take.fields(
        {"name": take.text(unset=True), "email": take.email, "phone": take.text(unset=True)}
    ),
    "metadata": take.metadata,
}
DETAILS = take.fields(CREATE, ("type", "card"))


def keep(
    work: Work, card: Card, last4: str, expiry: tuple[int, int], *,
    name: str | None = None, email_address: str | None = None, details: dict[str, str] | None = None,
) -> Object:  # fmt: skip
    """A payment method for a card; `expiry` is (month, year)."""
    return work.store.insert(
        {
            "id": identifiers.new("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {
                "address": NO_ADDRESS, "email": email_address, "name": name, "phone": None, "tax_id": None
            },
            "card": {
                "brand": card.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
                "country": "VN",
                "display_brand": card.brand,
                "exp_month": expiry[0],
                "exp_year": expiry[1],
                "funding": "credit",
                "last4": last4,
                "networks": {"available": [card.brand], "preferred": None},
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": work.now,
            "customer": None,
            "livemode": False,
            "metadata": details or {},
            "type": "card",
            "_token": card.tokens[0],
        }
    )  # fmt: skip


def from_details(work: Work, values: Values) -> Object:
    """A payment method for a card sent in full; raises the card error that Stripe does for what is mistyped."""
    card = values["card"]
    number = card["number"].replace(" ", "").replace("-", "")
    today = datetime.fromtimestamp(work.moment, UTC)
    if number_is_wrong(number):
        raise card_error("Your card number is incorrect.", "incorrect_number", "number")
    wrong = expiry_is_wrong(card["exp_month"], card["exp_year"], (today.year, today.month))
    if wrong == "invalid_expiry_month":
        raise card_error("Your card's expiration month is invalid.", wrong, "exp_month")
    if wrong is not None:
        raise card_error("Your card's expiration year is invalid.", wrong, "exp_year")
    if "cvc" in card and code_is_wrong(card["cvc"], number):
        raise card_error("Your card's security code is invalid.", "invalid_cvc", "cvc")
    person = values.get("billing_details", {})
    return keep(
        work, BY_NUMBER.get(number, STRANGER), number[-4:], (card["exp_month"], card["exp_year"]),
        name=person.get("name"), email_address=person.get("email"), details=take.merged({}, values.get("metadata")),
    )  # fmt: skip


def card_error(message: str, code: str, param: str) -> ApiError:
    return ApiError(402, "card_error", message, code=code, param=param)


def named(work: Work, identifier: str) -> Object:
    """A payment method kept before, or a fresh one for a documented test token such as `pm_card_visa`."""
    if card := BY_TOKEN.get(identifier):
        return keep(work, card, card.number[-4:], (12, datetime.fromtimestamp(work.moment, UTC).year + 3))
    return retrieve(work, {}, identifier)


def given(work: Work, values: Values) -> Object | None:
    """The payment method that a request names or describes, if it does."""
    if "payment_method" in values and "payment_method_data" in values:
        raise invalid(
            "You may only specify one of these parameters: payment_method, payment_method_data.", "payment_method"
        )
    if values.get("payment_method") is not None:
        return named(work, values["payment_method"])
    data: dict[str, Any] | None = values.get("payment_method_data")
    return None if data is None else from_details(work, data)


def create(work: Work, values: Values, _: str) -> Object:
    return from_details(work, values)


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    found = work.store.find("payment_method", identifier)
    if found is None:
        raise missing("PaymentMethod", identifier, "payment_method")
    return found


OPERATIONS = (
    Operation("POST", "/v1/payment_methods", create, {**take.EXPAND, **CREATE}, ("type", "card")),
    Operation("GET", "/v1/payment_methods/{id}", retrieve, take.EXPAND),
)
