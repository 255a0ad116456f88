"""Double entry in whole đồng: what a capture and a refund post."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.money import FeeLine


class Posting(BaseModel):
    """One line of a ledger transaction; either debit or credit is 0. A transaction's id is what it records: an attempt or a refund."""

    model_config = ConfigDict(frozen=True)

    transaction_id: UUID
    line: int
    account: str
    debit: int = 0
    credit: int = 0
    reason: str


SUSPENSE = "suspense"


def clearing(gateway: str) -> str:
    """The money that a gateway holds for us."""
    return f"gateway:{gateway}"


def capture(attempt_id: UUID, gateway: str, lines: Sequence[FeeLine]) -> tuple[Posting, ...]:
    """The gateway took the fees for their beneficiaries."""
    paid = sum(line.amount for line in lines)
    return (
        Posting(transaction_id=attempt_id, line=0, account=clearing(gateway), debit=paid, reason="capture"),
        *(
            Posting(
                transaction_id=attempt_id,
                line=number,
                account=f"fee:{line.beneficiary}",
                credit=line.amount,
                reason=line.code,
            )
            for number, line in enumerate(lines, 1)
            if line.amount
        ),
    )


def unexpected(attempt_id: UUID, gateway: str, amount: int, reason: str) -> tuple[Posting, ...]:
    """The gateway took money that no open bill asks for: it is kept apart until it is returned or explained."""
    return (
        Posting(transaction_id=attempt_id, line=0, account=clearing(gateway), debit=amount, reason=reason),
        Posting(transaction_id=attempt_id, line=1, account=SUSPENSE, credit=amount, reason=reason),
    )


def refund(refund_id: UUID, gateway: str, lines: Sequence[FeeLine], reason: str) -> tuple[Posting, ...]:
    """Fees went back to the citizen, line by line."""
    returned = sum(line.amount for line in lines)
    return (
        *(
            Posting(
                transaction_id=refund_id,
                line=number,
                account=f"fee:{line.beneficiary}",
                debit=line.amount,
                reason=reason,
            )
            for number, line in enumerate(lines, 1)
            if line.amount
        ),
        Posting(transaction_id=refund_id, line=0, account=clearing(gateway), credit=returned, reason=reason),
    )


def refund_unexpected(refund_id: UUID, gateway: str, amount: int, reason: str) -> tuple[Posting, ...]:
    """Money that was kept apart went back."""
    return (
        Posting(transaction_id=refund_id, line=1, account=SUSPENSE, debit=amount, reason=reason),
        Posting(transaction_id=refund_id, line=0, account=clearing(gateway), credit=amount, reason=reason),
    )


def undone(transaction_id: UUID, postings: Sequence[Posting], reason: str) -> tuple[Posting, ...]:
    """What these postings moved goes back, as a transaction of its own: entries are never changed."""
    return tuple(
        posting.model_copy(
            update={
                "transaction_id": transaction_id,
                "debit": posting.credit,
                "credit": posting.debit,
                "reason": reason,
            }
        )
        for posting in postings
    )
