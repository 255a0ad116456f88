"""Double entry in whole đồng: what each movement of money posts. Entries are added, never changed.

gateway:NAME      what a gateway holds for us (debit); its lines carry the gateway's reference, which statements know
fee:ACCOUNT       fees for a beneficiary account at the treasury (credit)
suspense          money that belongs to no fee: parts, excess, what nobody asked for (credit)
refunds           owed to citizens: decided, not yet gone back (credit)
gateway-fee:NAME  what a gateway keeps for its service (debit)
hand:AGENCY       paid out by an agency's officer (credit)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from chassis.decider import Message
from chassis.identifiers import derived_id
from contracts.money import FeeLine
from services.payments.domain.refund import Refund, RefundLine

SUSPENSE = "suspense"
REFUNDS = "refunds"


class Posting(Message):
    """One line of a ledger transaction; either debit or credit is 0. A transaction's id is what it records.

    `reference` is the gateway's, on lines of its clearing account.
    """

    note: Literal["posting"] = "posting"
    transaction_id: UUID
    line: int
    dossier_code: str | None = None
    bill_id: UUID | None = None
    account: str
    debit: int = 0
    credit: int = 0
    reason: str
    reference: str | None = None


class Side(Message):
    """An account and what is moved on it."""

    account: str
    amount: int
    reason: str | None = None
    reference: str | None = None


def clearing(gateway: str) -> str:
    """The money that a gateway holds for us."""
    return f"gateway:{gateway}"


def fee(beneficiary: str) -> str:
    """The fees of a beneficiary account."""
    return f"fee:{beneficiary}"


def hand(agency: str) -> str:
    """What an agency's officers pay out."""
    return f"hand:{agency}"


def gateway_fee(gateway: str) -> str:
    """What a gateway keeps for its service."""
    return f"gateway-fee:{gateway}"


def post(transaction_id: UUID, debits: Sequence[Side], credited: Sequence[Side], reason: str) -> tuple[Posting, ...]:
    """The lines of one transaction; sides of nothing are left out. Raises ValueError when it does not balance."""
    if sum(side.amount for side in debits) != sum(side.amount for side in credited):
        raise ValueError("a ledger transaction that does not balance")
    sides = [(side, True) for side in debits if side.amount] + [(side, False) for side in credited if side.amount]
    return tuple(
        Posting(
            transaction_id=transaction_id,
            line=line,
            account=side.account,
            debit=side.amount if is_debit else 0,
            credit=0 if is_debit else side.amount,
            reason=side.reason or reason,
            reference=side.reference,
        )
        for line, (side, is_debit) in enumerate(sides)
    )


def capture(capture_id: UUID, gateway: str, reference: str, lines: Sequence[FeeLine]) -> tuple[Posting, ...]:
    """The gateway took the fees for their beneficiaries, exactly."""
    paid = Side(account=clearing(gateway), amount=sum(line.amount for line in lines), reference=reference)
    return post(capture_id, [paid], _to_beneficiaries(lines), "capture")


def kept_apart(capture_id: UUID, gateway: str, reference: str, amount: int, reason: str) -> tuple[Posting, ...]:
    """The gateway took money that is no fee, or not yet."""
    paid = Side(account=clearing(gateway), amount=amount, reference=reference)
    return post(capture_id, [paid], [Side(account=SUSPENSE, amount=amount)], reason)


def settled(settlement_id: UUID, lines: Sequence[FeeLine]) -> tuple[Posting, ...]:
    """Money that was kept apart is enough for the fees."""
    total = sum(line.amount for line in lines)
    return post(settlement_id, [Side(account=SUSPENSE, amount=total)], _to_beneficiaries(lines), "settled")


def refund_decided(refund: Refund) -> tuple[Posting, ...]:
    """Money is owed to the citizen from now on."""
    return post(refund.refund_id, _sources(refund), [Side(account=REFUNDS, amount=refund.amount)], "refund")


def refund_done(refund: Refund, way: str, reference: str, time: int = 0) -> tuple[Posting, ...]:
    """The money has gone back by `way`: a gateway's clearing account, or an agency's hand. `time` counts repetitions."""
    gone = Side(account=way, amount=refund.amount, reference=reference)
    transaction_id = derived_id(refund.refund_id, f"done {time}" if time else "done")
    return post(transaction_id, [Side(account=REFUNDS, amount=refund.amount)], [gone], "refunded")


def refund_came_back(refund: Refund) -> tuple[Posting, ...]:
    """What the gateway had sent came back: it is owed again."""
    back = Side(account=clearing(refund.gateway), amount=refund.amount, reference=refund.reference)
    transaction_id = derived_id(refund.refund_id, "came back")
    return post(transaction_id, [back], [Side(account=REFUNDS, amount=refund.amount)], "refund came back")


def service_fee(fee_id: UUID, gateway: str, reference: str, amount: int) -> tuple[Posting, ...]:
    """What the gateway kept for its service of one movement."""
    kept = Side(account=gateway_fee(gateway), amount=amount)
    gone = Side(account=clearing(gateway), amount=amount, reference=f"fee {reference}")
    return post(fee_id, [kept], [gone], "gateway fee")


def _to_beneficiaries(lines: Sequence[FeeLine]) -> list[Side]:
    return [Side(account=fee(line.beneficiary), amount=line.amount, reason=line.code) for line in lines]


def _sources(refund: Refund) -> list[Side]:
    if refund.unexpected:
        return [Side(account=SUSPENSE, amount=refund.amount)]
    return [_source(line) for line in refund.lines]


def _source(line: RefundLine) -> Side:
    return Side(account=fee(line.beneficiary), amount=line.amount, reason=line.code)
