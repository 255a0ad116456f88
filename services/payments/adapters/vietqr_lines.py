"""What a line of the bank's statement is to us: money in, money back, or neither; and which bill it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.errors import Unanswered
from services.payments.adapters.statement_lines import read_each
from services.payments.adapters.vietqr_api import Booked, Line, of_shape, whole
from services.payments.domain.answers import Captured
from services.payments.domain.codes import payment_codes_in
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.tidings import UNREADABLE, Movement
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


def movements(lines: Sequence[Any], otherwise: datetime) -> list[Movement]:
    """Lines as the bank told them; `otherwise` is when something happened that does not say when."""
    return read_each(
        NAME,
        lines,
        lambda told: movement(of_shape(Line, told)),
        lambda told: of_shape(Booked, told).booked_at,
        "id",
        otherwise,
    )


def movement(line: Line) -> Movement:
    """The line in our words. A refund is called what its debit is called, also when it comes back.

    Raises UnknownCode. Of an amount with a part of a đồng, the whole đồng are in our books: a person looks at it.
    """
    kind = kind_of(line)
    if line.currency == "VND" and line.amount % 1:
        return _in_parts(line)
    amount = whole(line.amount, line.currency)
    if kind != "other" and not amount:
        raise UnknownCode("a line moves nothing")
    return Movement(
        line=line.id,
        kind=kind,
        reference=(line.original or line.id) if kind == "refund_returned" else line.id,
        amount=-amount if kind == "other" else amount,
        currency=line.currency,
        at=line.booked_at,
        refund_id=_refund_id(line.return_reference),
        payment_code=code_of(line) if kind == "capture" else None,
        purpose=line.purpose.replace("\0", " "),
        note="the bank took it" if kind == "other" else "",
    )


def newest_of(lines: Sequence[Any], payment_code: str, attempt_id: UUID) -> Captured | None:
    """The first money among these lines that names the code; of others, that cannot be read, the statement tells.

    Raises UnknownCode and Unanswered where there is none, and a line that cannot be read may be it.
    """
    trouble: Unanswered | None = None
    for told in lines:
        try:
            line = of_shape(Line, told)
            if kind_of(line) == "capture" and line.amount > 0 and code_of(line) == payment_code:
                return captured(line, attempt_id, heard_only=False)
        except Unanswered as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    return None


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


def _in_parts(line: Line) -> Movement:
    came_in = line.direction == "credit"
    return Movement(
        line=line.id,
        kind="other",
        reference=line.id,
        amount=int(line.amount) if came_in else -int(line.amount),
        currency=line.currency,
        at=line.booked_at,
        note=f"{UNREADABLE}{line.amount} {line.currency} is no whole amount",
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
