"""Reconciliation, decided: what heals a line that our books do not have, and which difference it is where nothing does.

A line of a statement is held against the ledger's entries of the gateway's clearing account by reference and side, and
against the bill, refund or difference that it names. Rules come first: a lost notice is healed, a fee and a payout are
posted, what is young is left in time. Only what no rule explains is raised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis.decider import Message
from contracts.money import MOST_DONG
from services.payments.domain.answers import Captured, RefundDone, RefundRefused
from services.payments.domain.by_rule import name_of
from services.payments.domain.difference import Found
from services.payments.domain.gateways import GATEWAYS
from services.payments.domain.hearing import capture_of_reference, tells_in_notices_only
from services.payments.domain.refund import REFUND_MOVES
from services.payments.domain.sides import Healing, Noticed, Posted, Stated
from services.payments.domain.vietqr import capture_of_line

DOSSIERS = "dossiers"
"""Where bills are held against dossiers: the side of reconciliation that needs no gateway."""
GRACE = timedelta(hours=24)  # so long may money that we have heard of stand on no statement
BY_HAND = timedelta(days=5)  # so long may an officer take to pay out what no gateway can
_MOST = 200
_ORDER = ("capture", "refund", "refund_returned", "other")


def healing(row: Stated) -> Healing | None:
    """The message by which whoever it concerns takes it in, as if its notice had not been lost."""
    if row.posted:
        return None
    match row.kind:
        case "capture" if row.bill_key and not row.capture_known and row.each <= MOST_DONG:
            return Healing("bill", row.bill_key, _captured(row), "capture_unheard", row.reference)
        case "refund" if row.refund_id and _has_gone(row):
            done = RefundDone(refund_id=row.refund_id, reference=row.reference)
            return _to_owner(row, done, "refund_unheard")
        case "refund_returned" if row.refund_id and (row.refund_state == "done" or row.difference_key):
            refused = RefundRefused(refund_id=row.refund_id, reason="returned_by_bank")
            return _to_owner(row, refused, "refund_returned_unheard")
    return None


def _has_gone(row: Stated) -> bool:
    """Whether a refund's line is news to whoever ordered it: he waits for it, or was told otherwise and it never came back."""
    if row.by_hand:
        return False
    if row.refund_state == "ready" or row.difference_key:
        return True
    return REFUND_MOVES.allows(row.refund_state, RefundDone) and not row.opposite


def finding(row: Stated, reason: str | None = None) -> Found | None:
    """The difference that is left where nothing heals, for that `reason`.

    None for what the ledger cannot have, and its bill does; and for a refund that was given back before its bill heard that
    it went: its two lines explain each other.
    """
    paid_twice = row.kind == "refund" and row.by_hand
    if row.currency != "VND" and not paid_twice:
        return None if _is_with_its_owner(row) else _found(row, "foreign_currency", 0, reason)
    if row.posted:
        kind = "duplicate_line" if row.lines > 1 and row.posted == row.each else "amount_differs"
        return _found(row, kind, row.posted, reason)
    if is_given_back(row):
        return None
    if paid_twice:
        return _found(row, "paid_back_twice", 0, reason)
    kind = _UNHEARD[row.kind] if row.bill_key or row.difference_key else _UNKNOWN[row.kind]
    too_much = "more than 10^12 đồng" if row.each > MOST_DONG else None
    return _found(row, kind, 0, reason or too_much or row.note or None)


def is_given_back(row: Stated) -> bool:
    """Whether a refund went and came back, all of it, while its bill believes that the gateway never sent it."""
    return (
        row.kind in ("refund", "refund_returned")
        and row.currency == "VND"
        and not row.posted
        and row.opposite == row.amount
        and row.refund_state not in (None, "ready")
    )


_UNHEARD = {
    "capture": "capture_unheard",
    "refund": "refund_unheard",
    "refund_returned": "refund_returned_unheard",
    "other": "unknown_movement",
}
_UNKNOWN = {
    "capture": "unknown_payment",
    "refund": "unknown_refund",
    "refund_returned": "unknown_return",
    "other": "unknown_movement",
}


def missing(row: Posted, until: datetime, raised: Collection[str] = ()) -> Found | None:
    """Our books have it and the gateway does not. What is among the `raised` stays so until the gateway tells of it.

    It is looked for from when we posted it, whatever moment whoever told of it claimed. None for what was posted `until` then
    or later: its line may be under way; and for what its gateway tells of in a notice and nowhere else.
    """
    if not row.has_page and tells_in_notices_only(row.gateway):
        return None
    found = Found(
        gateway=row.gateway,
        kind="missing_at_gateway",
        reference=row.reference,
        expected=row.amount,
        found=0,
        at=row.moment,
        incoming=row.incoming,
        dossier_code=row.dossier_code,
        bill_id=row.bill_id,
    )
    return found if row.posted_at < until or found.key in raised else None


def between(row: Noticed, now: datetime) -> Found | None:
    """What bills and dossiers disagree about; None for what an officer has still time for."""
    if row.kind == "by_hand_waiting" and now - row.since < BY_HAND:
        return None
    return Found(
        gateway=DOSSIERS,
        kind=row.kind,
        reference=row.reference,
        expected=row.expected,
        found=row.found,
        currency=row.currency,
        at=row.since,
        # Whoever must know of a page that took something else was told when it did.
        told=row.kind in ("not_as_asked", "foreign_currency"),
        dossier_code=row.dossier_code,
        bill_id=row.bill_id,
        attempt_id=row.attempt_id,
        reason=row.reason,
    )


def waves(healings: Iterable[Healing]) -> Iterator[list[Healing]]:
    """What may be said at once, to each at most one thing; money comes before it goes back."""
    waiting = sorted(healings, key=lambda each: _ORDER.index(_kind_of(each)))
    while waiting:
        wave, later, keys = list[Healing](), list[Healing](), set[tuple[str, str]]()
        for each in waiting:
            of = (each.to, each.key)
            fits = of not in keys and len(wave) < _MOST and (not wave or wave[0].to == each.to)
            (wave if fits else later).append(each)
            keys.add(of)
        yield wave
        waiting = later


def _kind_of(each: Healing) -> str:
    return each.kind.removesuffix("_unheard")


def _to_owner(row: Stated, message: Message, kind: str) -> Healing | None:
    if row.difference_key:
        return Healing("difference", row.difference_key, message, kind, row.reference)
    return Healing("bill", row.bill_key, message, kind, row.reference) if row.bill_key else None


def _captured(row: Stated) -> Captured:
    return Captured(
        attempt_id=row.attempt_id,
        capture_id=_own_name(row),
        amount=row.each,
        currency=row.currency,
        reference=row.reference,
        paid_at=row.at,
        gateway=row.gateway,
    )


def _own_name(row: Stated) -> UUID | None:
    """What names money as its notice does: a page is paid once, and its attempt does; transfers are named by their lines."""
    if row.gateway in GATEWAYS and GATEWAYS[row.gateway].parts:
        return capture_of_line(row.line)
    if row.attempt_id:
        return None
    if tells_in_notices_only(row.gateway):
        return capture_of_reference(row.gateway, row.reference)
    return name_of(row.gateway, row.line)


def _found(row: Stated, kind: str, expected: int, reason: str | None) -> Found:
    # What its bill did not take by its own name is other money, and needs another name.
    money_id = name_of(row.gateway, row.line) if row.bill_key else _captured(row).money_id
    return Found(
        gateway=row.gateway,
        kind=kind,
        reference=row.reference,
        expected=expected,
        found=row.amount,
        currency=row.currency,
        at=row.at,
        incoming=row.incoming,
        posts=True,
        dossier_code=row.dossier_code,
        bill_id=row.bill_id,
        attempt_id=row.attempt_id,
        money_id=money_id if row.kind == "capture" else None,
        reason=reason,
    )


def _is_with_its_owner(row: Stated) -> bool:
    """Other money is in no ledger: its bill knows of it."""
    match row.kind:
        case "capture":
            return row.capture_known
        case "refund":
            return row.refund_state in ("done", "refused") or row.difference_key is not None
        case "refund_returned":
            return row.refund_state == "refused" or row.difference_key is not None
    return False


def healings(rows: Sequence[Stated]) -> list[Healing]:
    """What heals of these lines."""
    return [each for each in map(healing, rows) if each is not None]
