"""What a line of the bank's statement is to us: money in, money back, or neither; and which bill it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from services.payments.adapters.vietqr_api import Line, whole
from services.payments.domain.codes import payment_codes_in
from services.payments.domain.gateway import Captured, Movement, UnknownCode
from services.payments.domain.vietqr import capture_of_line

NAME = "vietqr"

Kind = Literal["capture", "refund", "refund_returned", "other"]
# (direction, whether it belongs to a return) -> what it is.
_KINDS: Mapping[tuple[str, bool], Kind] = {
    ("credit", False): "capture",
    ("debit", True): "refund",
    ("credit", True): "refund_returned",
    ("debit", False): "other",
}


def movement(line: Line) -> Movement:
    """The line in our words. A refund is called what its debit is called, also when it comes back.

    Raises UnknownCode.
    """
    kind, amount = kind_of(line), whole(line.amount, line.currency)
    return Movement(
        line=line.id,
        kind=kind,
        reference=(line.original or line.id) if kind == "refund_returned" else line.id,
        amount=-amount if kind == "other" else amount,
        currency=line.currency,
        at=line.booked_at,
        refund_id=_refund_id(line.return_reference),
        payment_code=code_of(line) if kind == "capture" else None,
        purpose=line.purpose,
        note="the bank took it" if kind == "other" else "",
    )


def captured(line: Line, attempt_id: UUID | None, heard_only: bool) -> Captured:
    """The money of a credited line. The line names it: a page can be paid on several times.

    Raises UnknownCode for a credit of nothing, or of a part of a đồng.
    """
    if line.amount <= 0:
        raise UnknownCode(f"line {line.id} credits {line.amount} {line.currency}")
    return Captured(
        attempt_id=attempt_id,
        amount=whole(line.amount, line.currency),
        currency=line.currency,
        reference=line.id,
        paid_at=line.booked_at,
        gateway=NAME,
        capture_id=capture_of_line(line.id),
        heard_only=heard_only,
    )


def kind_of(line: Line) -> Kind:
    kind = _KINDS.get((line.direction, line.return_reference is not None))
    if kind is None:
        raise UnknownCode(f"a line of the statement is {line.direction[:32]}")
    return kind


def code_of(line: Line) -> str | None:
    """The payment code in the purpose. Where it holds several, nobody can say whose the money is: a person decides.

    A code may hold MC itself, and with the bank's words behind it look like a second one: that is none.
    """
    codes = payment_codes_in(line.purpose)
    if len(codes) < 2:
        return codes[0] if codes else None
    first, bare = codes[0], re.sub("[^0-9A-Z]", "", line.purpose.upper())
    apart = [code for part in bare.split(first) for code in payment_codes_in(part)]
    return None if apart else first


def _refund_id(reference: str | None) -> UUID | None:
    """Our refund's id; a return that somebody else asked for at the bank has another reference."""
    try:
        return UUID(reference) if reference else None
    except ValueError:
        return None
