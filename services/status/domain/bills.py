"""One bill of a dossier: the same in whatever order its events come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.envelope import Event
from contracts import payments
from contracts.event import Data
from services.status.domain.facts import MoneyBack, Payment, RefundState

PAYMENT_STATES: Mapping[type[Data], str] = {
    payments.Opened: "open",
    payments.Started: "in_checkout",
    payments.PartlyPaid: "partly_paid",
    payments.Succeeded: "paid",
    payments.Failed: "declined",
    payments.Expired: "expired",
    payments.Cancelled: "cancelled",
    payments.DiscrepancyFound: "discrepancy",
}
REFUND_STATES: Mapping[type[Data], RefundState] = {
    payments.RefundStarted: "started",
    payments.Refunded: "done",
    payments.RefundFailed: "failed",
}


def concerns_a_bill(data: Data) -> bool:
    """Whether an event says something of a bill, not of what reconciliation found."""
    return not isinstance(data, payments.DiscrepancyFound) or data.is_of_its_bill


def after(bill: Payment | None, event: Event[Any]) -> Payment:
    """The bill after this event of it."""
    data = event.data
    bill = bill or Payment(bill_id=data.bill_id)
    changes: dict[str, Any] = {}
    match data:
        case payments.Opened():
            changes = {"amount": data.amount, "currency": data.currency, "due": data.due}
        case payments.Succeeded():
            changes = {"paid_at": data.paid_at, "outstanding": 0}
        case payments.ReceiptIssued():
            changes = _receipt(bill, event, data.receipt_number)
        case payments.RefundStarted() | payments.Refunded() | payments.RefundFailed():
            changes = _back(bill, event)
        case payments.PartlyPaid():
            changes = {"outstanding": _least(bill.outstanding, data.outstanding)}
        case payments.ReceiptCancelled():
            changes = _receipt(bill, event, None)
    changes |= state_of(PAYMENT_STATES, event, bill.sequence, "course")
    return bill.model_copy(update=changes)


def state_of(states: Mapping[type[Data], str], event: Event[Any], latest: int, called: str = "state") -> dict[str, Any]:
    """The state that an event leads to, unless a later one was heard."""
    state = states.get(type(event.data))
    return {} if state is None or event.sequence <= latest else {called: state, "sequence": event.sequence}


def _back(bill: Payment, event: Event[Any]) -> dict[str, Any]:
    """What goes back, and has gone: a refund may come back, and be paid out by hand after that."""
    data, before = event.data, bill.refunds.get(event.data.refund_id)
    asked = data.amount
    if asked is None and before is not None:  # a failure of before it told its amount, or of money that is no đồng
        asked = before.asked
    if before is not None and event.sequence <= before.sequence:
        return {"refunds": {**bill.refunds, data.refund_id: before.model_copy(update={"asked": asked})}}
    amount, kept = (data.amount, data.kept) if isinstance(data, payments.Refunded) else (0, None)
    now = MoneyBack(
        sequence=event.sequence,
        amount=amount,
        unexpected=data.unexpected,
        state=REFUND_STATES[type(data)],
        asked=asked,
        kept=kept,
    )
    total = "returned" if data.unexpected else "refunded"
    more = amount - (before.amount if before is not None else 0)
    return {total: getattr(bill, total) + more, "refunds": {**bill.refunds, data.refund_id: now}}


def _least(before: int | None, now: int) -> int:
    """What is still due only ever falls, in whatever order one hears of it."""
    return now if before is None else min(before, now)


def _receipt(bill: Payment, event: Event[Any], number: str | None) -> dict[str, Any]:
    """The receipt that holds: after a refund another one, or none."""
    if event.sequence <= bill.receipt_sequence:
        return {}
    return {"receipt_number": number, "receipt_sequence": event.sequence}
