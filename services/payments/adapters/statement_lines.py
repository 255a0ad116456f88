"""The lines of a statement, each read by itself: one that cannot be read is told as such, and hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

import structlog

from chassis.errors import Unanswered
from services.payments.domain.tidings import UNREADABLE, Movement

_TROUBLES = (Unanswered, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_MOST = 10**15  # thousands of such lines have a sum that 64 bits hold
_LONGEST = 255

log = structlog.get_logger()


def read_each(
    gateway: str,
    told: Iterable[Any],
    movement: Callable[[Any], Movement],
    moment: Callable[[Any], datetime],
    named: str,
    otherwise: datetime,
) -> list[Movement]:
    """What `movement` makes of each line. Where it raises, or no database keeps what it makes: `other`, of 0 đồng.

    Such a line stands under its own id, which is its field `named`; of the time that `moment` finds there, or `otherwise`.
    """
    lines: list[Movement | None] = []
    troubles = dict[int, tuple[Any, Exception]]()
    for place, each in enumerate(told):
        try:
            lines.append(_kept(movement(each)))
        except _TROUBLES as error:
            lines.append(None)
            troubles[place] = (each, error)
    taken = {line.line for line in lines if line is not None}
    for place, (each, trouble) in troubles.items():
        name, reason = _name(each, named, taken), _reason(trouble)
        log.error("a line of a statement cannot be read", gateway=gateway, line=name, reason=reason)
        at = _moment(each, moment, otherwise)
        lines[place] = Movement(name, "other", f"line {name}", 0, "VND", at, note=f"{UNREADABLE}{reason}")
    return [line for line in lines if line is not None]


def _kept(line: Movement) -> Movement:
    """The line, where a database keeps it. Raises ValueError where none does."""
    texts = (line.line, line.reference, line.currency, line.payment_code or "", line.purpose, line.note)
    if any("\0" in text for text in texts) or not line.line or line.at.tzinfo is None:
        raise ValueError("nothing that can be kept")
    "".join(texts).encode()
    if max(abs(line.amount), abs(line.fee)) > _MOST:
        raise ValueError("more than there is")
    return line


def _name(told: Any, named: str, taken: set[str]) -> str:
    """The line's own id; where it has none that can be kept, or one of another line, what follows from all that it says."""
    own = told.get(named) if isinstance(told, dict) else None
    name = str(own) if isinstance(own, str | int) else ""
    if 0 < len(name) <= _LONGEST and name.isprintable() and name not in taken:
        return name
    return f"unnamed {sha256(repr(told).encode('utf-8', 'backslashreplace')).hexdigest()[:32]}"


def _moment(told: Any, moment: Callable[[Any], datetime], otherwise: datetime) -> datetime:
    try:
        at = moment(told)
    except _TROUBLES:
        return otherwise
    return at if at.tzinfo is not None else otherwise


def _reason(error: Exception) -> str:
    """Why it cannot be read: in our own words where we have some, for what the line says may be about a person."""
    text = str(error) if isinstance(error, Unanswered) else type(error).__name__
    return "".join(each if each.isprintable() else "?" for each in text)[:_LONGEST]
