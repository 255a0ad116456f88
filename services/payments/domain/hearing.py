"""What webhooks say of money, once their bills were told: taken in, asked about, or neither."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from chassis.identifiers import derived_id
from services.payments.domain.answers import Captured
from services.payments.domain.bill import Bill
from services.payments.domain.gateways import GATEWAYS
from services.payments.domain.tidings import Movement

Became = Literal["settled", "not_taken", "other_money"]
_MONEY = UUID("019c0000-0000-7000-8000-6e6174696f6e")
"""What names money that no page of ours names begins with this."""


def capture_of_reference(gateway: str, reference: str) -> UUID:
    """The name of money that no page of ours names, at a gateway that gives no statement: always the same."""
    return derived_id(_MONEY, f"{gateway} {reference}")


def became(bill: Bill, money: Captured) -> Became:
    """What became of money that a webhook told a bill of.

    settled      the bill has it, or asks the gateway
    not_taken    neither: whoever reads the gateway's statement, or asks about its pages, will find it
    other_money  neither, and nobody will: its gateway gives no statement, and no page still to be asked about names it
    """
    here = [each for each in bill.captures if (each.gateway, each.reference) == (money.gateway, money.reference)]
    if any((each.amount, each.currency) == (money.amount, money.currency) for each in here):
        return "settled"
    attempt, is_taken = bill.attempt_of(money.attempt_id), money.money_id in bill.taken
    if money.heard_only and not is_taken and attempt is not None and attempt.session_id is not None:
        return "settled"
    if here or not tells_in_notices_only(money.gateway) or (attempt is not None and not is_taken):
        return "not_taken"
    return "other_money"


def tells_in_notices_only(gateway: str) -> bool:
    """Whether nobody but a notice tells of money that was paid on no page of ours, or a second time."""
    manner = GATEWAYS.get(gateway)
    return manner is not None and not manner.statement


def line_of(money: Captured, payment_code: str | None) -> Movement:
    """The line that a statement would have of it."""
    return Movement(
        line=money.reference,
        kind="capture",
        reference=money.reference,
        amount=money.amount,
        currency=money.currency,
        at=money.paid_at,
        attempt_id=money.attempt_id,
        payment_code=payment_code,
    )
