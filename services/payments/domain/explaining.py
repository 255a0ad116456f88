"""What becomes of a difference: raised, gone, explained, assigned, sent back; and what of it stands in suspense."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.decider import Call, Decision
from chassis.errors import NotFound, Refusal
from chassis.identifiers import derived_id, time_of
from contracts import payments
from contracts.money import MOST_DONG
from services.payments.domain import ledger
from services.payments.domain.answers import Captured, RefundDone, RefundRefused
from services.payments.domain.difference import (
    MOVES,
    UNEXPLAINED,
    Assign,
    Difference,
    DifferenceState,
    Explain,
    Found,
    Gone,
    PayOutByHand,
    Return,
    TakeOver,
)
from services.payments.domain.gateways import GATEWAYS
from services.payments.domain.questions import Refund
from services.payments.domain.refund import require_silence

_ALL = UUID("018f0000-0000-7000-8000-00000d1ffe2e")


def found(difference: Difference | None, message: Found, now: datetime) -> Decision[Difference] | None:
    """Raise it, once; what was explained or healed is raised again when it is there with other figures."""
    before = difference.state if difference else None
    same = difference is not None and (difference.expected, difference.found) == (message.expected, message.found)
    if not MOVES.allows(before, Found) or (same and before != "healed"):
        return None
    figures = message.model_dump(exclude={"posts", "told"} | ({"reason"} if message.reason is None else set()))
    raised = (
        Difference(
            **figures,
            key=message.key,
            difference_id=derived_id(_ALL, message.key),
            subject=message.dossier_code or message.reference,
            found_at=now,
        )
        if difference is None
        else difference.model_copy(update=figures | {"state": MOVES.require(before, Found).target})
    )
    told = () if message.told or before == "open" else (_event(raised),)
    more = message.found - message.expected
    signed = more if message.incoming else -more
    wanted = signed if message.posts and message.currency == "VND" else 0
    return _moved_apart(raised, wanted, told)


def gone(difference: Difference | None, message: Gone, now: datetime) -> Decision[Difference] | None:
    """It is no difference any more: what stood in suspense stands where it belongs."""
    if difference is None or not MOVES.allows(difference.state, Gone):
        return None
    return _moved_apart(difference.model_copy(update={"state": "healed"}), 0)


def explain(difference: Difference | None, message: Explain, now: datetime) -> Decision[Difference] | None:
    """An operator's reason; money that stands in suspense stays there."""
    after = _to(difference, Explain, "explained", reason=message.reason, by=message.by)
    return Decision(after)


def assign(difference: Difference | None, message: Assign, now: datetime) -> Decision[Difference] | None:
    """Out of suspense: a bill takes the money (`captured_of`) in this very transaction. Raises Refusal `not_assignable`."""
    after = _to(difference, Assign, "assigned", bill_assigned=message.bill_id, reason=message.reason, by=message.by)
    if not after.is_money_in or after.found - after.expected > MOST_DONG:
        raise Refusal(
            "not_assignable",
            "Chỉ gán được tiền đã vào cổng mà chưa có khoản phí nào nhận, không quá một nghìn tỷ đồng.",
            "Only money that came in and that no bill has taken can be assigned, not more than 10^12 đồng.",
        )
    return _moved_apart(after, 0)


def captured_of(difference: Difference) -> Captured:
    """What the bill is told to which the money is assigned: named as whoever else saw it would name it."""
    return Captured(
        attempt_id=None,
        capture_id=difference.money_id,
        amount=difference.found - difference.expected,
        currency=difference.currency,
        reference=difference.reference,
        paid_at=difference.at,
        gateway=difference.gateway,
    )


def send_back(difference: Difference | None, message: Return, now: datetime) -> Decision[Difference] | None:
    """Owed to whoever paid it, and sent by the gateway; or to be paid out by hand. Raises Refusal `not_returnable`."""
    target: DifferenceState = "by_hand" if message.by_hand else "returning"
    after = _to(difference, Return, target, refund_id=message.refund_id, reason=message.reason, by=message.by)
    manner = GATEWAYS.get(after.gateway)
    by_gateway = manner is not None and manner.sends_back(now - after.at, after.currency, has_page=False)
    if not after.is_money_in or not (by_gateway or message.by_hand):
        raise Refusal(
            "not_returnable",
            "Cổng này không trả lại được (nữa). Hãy yêu cầu chi trả tại quầy (by_hand); một người khác sẽ chi trả."
            if after.is_money_in
            else "Chỉ trả lại được tiền đã vào cổng mà chưa có khoản phí nào nhận.",
            "The gateway cannot send it back: have it paid out by hand (by_hand), by somebody else."
            if after.is_money_in
            else "Only money that came in and that no bill has taken can be sent back.",
        )
    amount = after.apart
    notes = _post(after, ledger.SUSPENSE, ledger.REFUNDS, amount, "refund")
    after = after.model_copy(update={"apart": 0, "postings": after.postings + 1})
    if message.by_hand:
        return Decision(after, notes=notes)
    request = Refund(
        gateway=after.gateway,
        refund_id=message.refund_id,
        dossier_code=after.dossier_code or "",
        reference=after.reference,
        amount=amount,
        currency=after.currency,
        reason=message.reason,
        captured_amount=amount,
        paid_at=after.at,
        requested_at=now,
    )
    return Decision(after, calls=(Call(message.refund_id, request),), notes=notes)


def take_over(difference: Difference | None, message: TakeOver, now: datetime) -> Decision[Difference] | None:
    """Out of the hands of a gateway that is silent for days: it is asked no more, and somebody pays it out by hand.

    If it had sent the money all the same, its statement says so. Raises Refusal `not_silent_yet`.
    """
    if difference is not None and difference.state == "by_hand":
        return None
    after = _to(difference, TakeOver, "by_hand")
    if after.refund_id is None:
        return Decision(after)
    require_silence(time_of(after.refund_id), now)
    return Decision(after, drops=(after.refund_id,))


def pay_out(difference: Difference | None, message: PayOutByHand, now: datetime) -> Decision[Difference] | None:
    """It was paid out by hand. Raises Refusal 403 for whoever ordered that: two people pay out what no bill owes."""
    paid = (message.voucher, message.by)
    if difference is not None and (difference.refund_reference, difference.paid_out_by) == paid:
        return None
    after = _to(difference, PayOutByHand, "returned", refund_reference=message.voucher, paid_out_by=message.by)
    if after.by == message.by:
        raise Refusal(
            "ordered_by_you",
            "Người yêu cầu trả lại không được tự chi trả. Hãy nhờ một người khác.",
            "Whoever ordered it does not pay it out. Ask somebody else.",
            403,
        )
    amount, way = after.found - after.expected, ledger.hand("operators")
    notes = _post(after, ledger.REFUNDS, way, amount, "refunded", credited=message.voucher)
    return Decision(after.model_copy(update={"postings": after.postings + 1}), notes=notes)


def returned(difference: Difference | None, message: RefundDone, now: datetime) -> Decision[Difference] | None:
    """The gateway has sent it back."""
    if difference is None or difference.refund_id != message.refund_id:
        return None
    if not MOVES.allows(difference.state, RefundDone):
        return None
    amount = difference.found - difference.expected
    way = ledger.clearing(difference.gateway)
    notes = _post(difference, ledger.REFUNDS, way, amount, "refunded", credited=message.reference)
    changes = {"state": "returned", "refund_reference": message.reference, "postings": difference.postings + 1}
    return Decision(difference.model_copy(update=changes), notes=notes)


def not_returned(difference: Difference | None, message: RefundRefused, now: datetime) -> Decision[Difference] | None:
    """The gateway will not send it, or got it back: it stands in suspense again, and somebody must look again."""
    if difference is None or difference.refund_id != message.refund_id or difference.paid_out_by:
        return None
    if not MOVES.allows(difference.state, RefundRefused):
        return None
    amount, came_back = difference.found - difference.expected, difference.state == "returned"
    source = ledger.clearing(difference.gateway) if came_back else ledger.REFUNDS
    reference = difference.refund_reference if came_back else None
    notes = _post(difference, source, ledger.SUSPENSE, amount, "refund came back", debited=reference)
    changes = {"state": "open", "apart": amount, "reason": message.reason, "postings": difference.postings + 1}
    after = difference.model_copy(update=changes)
    return Decision(after, (_event(after),) if came_back else (), notes=notes)


def _to(difference: Difference | None, message: type, target: DifferenceState, **changes: object) -> Difference:
    """Raises NotFound, and Refusal for a move that the table does not have."""
    if difference is None:
        raise NotFound("Không tìm thấy chênh lệch này.", "There is no such difference.")
    return difference.model_copy(update={"state": MOVES.require(difference.state, message, target).target, **changes})


def _moved_apart(
    difference: Difference, wanted: int, events: tuple[payments.DiscrepancyFound, ...] = ()
) -> Decision[Difference]:
    """The decision after which so much of what the gateway holds stands in suspense; below 0: so much less."""
    more = wanted - difference.apart
    gateway, reference = ledger.clearing(difference.gateway), difference.reference
    notes: tuple[ledger.Posting, ...] = ()
    if more > 0:
        notes = _post(difference, gateway, ledger.SUSPENSE, more, UNEXPLAINED, debited=reference)
    elif more < 0:
        notes = _post(difference, ledger.SUSPENSE, gateway, -more, UNEXPLAINED, credited=reference)
    changes = {"apart": wanted, "postings": difference.postings + (1 if notes else 0)}
    return Decision(difference.model_copy(update=changes), events, notes=notes)


def _post(
    difference: Difference,
    debit: str,
    credit: str,
    amount: int,
    reason: str,
    debited: str | None = None,
    credited: str | None = None,
) -> tuple[ledger.Posting, ...]:
    transaction_id = derived_id(difference.difference_id, f"posting {difference.postings}")
    debits = [ledger.Side(account=debit, amount=amount, reference=debited)]
    return ledger.post(transaction_id, debits, [ledger.Side(account=credit, amount=amount, reference=credited)], reason)


def _event(difference: Difference) -> payments.DiscrepancyFound:
    return payments.DiscrepancyFound(
        bill_id=difference.bill_id,
        attempt_id=difference.attempt_id,
        expected=difference.expected,
        found=difference.found,
        found_currency=difference.currency,
        kind=difference.kind,
        gateway=difference.gateway,
        gateway_reference=difference.reference,
    )
