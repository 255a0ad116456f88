"""What a line of a statement posts by rule: the gateway's own fee, and what it has paid out to our account."""

from __future__ import annotations

from uuid import UUID

from chassis.identifiers import derived_id
from services.payments.domain import ledger
from services.payments.domain.sides import FeeToMend
from services.payments.domain.tidings import Movement

PAYOUTS = ("payout", "payout_cancel", "payout_failure")
_LINES = UUID("018f0000-0000-7000-8000-000000057a7e")


def explained(gateway: str, movement: Movement) -> tuple[ledger.Posting, ...]:
    """What a line posts by rule: the gateway's own fee, and what it has paid out to our account."""
    if movement.currency != "VND":
        return ()
    line_id, fee = name_of(gateway, movement.line), _fee(gateway, movement.line, movement.fee, "fee")
    if movement.kind != "other" or movement.note not in PAYOUTS or not movement.amount:
        return fee
    here = ledger.Side(account=ledger.clearing(gateway), amount=abs(movement.amount), reference=movement.reference)
    there = ledger.Side(account=f"payout:{gateway}", amount=abs(movement.amount))
    sides = ([here], [there]) if movement.amount > 0 else ([there], [here])
    return (*fee, *ledger.post(derived_id(line_id, "payout"), *sides, "payout"))


def mended(fee: FeeToMend) -> tuple[ledger.Posting, ...]:
    """What a fee posts whose line is gone, or there again."""
    return _fee(fee.gateway, fee.line, fee.more, f"fee {fee.before}" if fee.before else "fee")


def _fee(gateway: str, line: str, amount: int, name: str) -> tuple[ledger.Posting, ...]:
    if not amount:
        return ()
    clearing = ledger.Side(account=ledger.clearing(gateway), amount=abs(amount), reference=f"fee {line}")
    kept = ledger.Side(account=ledger.gateway_fee(gateway), amount=abs(amount))
    sides = ([kept], [clearing]) if amount > 0 else ([clearing], [kept])
    return ledger.post(derived_id(name_of(gateway, line), name), *sides, "gateway fee")


def name_of(gateway: str, line: str) -> UUID:
    """What names a line of a statement: always the same."""
    return derived_id(_LINES, f"{gateway} {line}")
