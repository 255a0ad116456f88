"""Which notices an event asks for: one for each channel, at most one for each step of a dossier.

A step that can come again (a second bill, a second message) is told apart by the id of what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from chassis.envelope import Event
from chassis.identifiers import derived_id
from contracts import appointments, dossiers, payments
from contracts.money import total
from contracts.notifications import Channel
from services.notifications.domain.notice import Announce, Facts

CHANNELS: tuple[Channel, ...] = get_args(Channel)

Asked = tuple[str, str, Facts]
"""What an event asks for: (step, template, facts for the text)."""


def notices(event: Event[Any]) -> Sequence[tuple[str, Announce]]:
    """The announcements that follow from an event, each with the key of its notice; none for what was seen already."""
    asked = _ASKS[type(event.data)](event.data)
    if asked is None:
        return ()
    step, template, facts = asked
    if type(event.data) in _AGAIN:
        step, facts = f"{step}:{event.id}", {**facts, "at": event.time.isoformat()}
    announced = [
        Announce(
            notice_id=derived_id(event.id, f"{step}/{channel}"),
            dossier_code=event.subject,
            step=step,
            channel=channel,
            template=template,
            facts=facts,
        )
        for channel in CHANNELS
    ]
    return [(each.key, each) for each in announced]


def _submitted(data: dossiers.Submitted) -> Asked:
    fee = total(data.fee_lines)
    if not fee:
        return "submitted", "submitted", {"procedure": data.procedure_name}
    due = data.payment_due.isoformat() if data.payment_due else None
    return "submitted", "submitted-with-fee", {"procedure": data.procedure_name, "amount": fee, "due": due}


def _paid(data: payments.ReceiptIssued) -> Asked | None:
    """A receipt that replaces another follows a refund, which is announced itself."""
    if data.replaces is not None:
        return None
    return f"paid:{data.bill_id}", "paid", {"amount": data.amount, "receipt_number": data.receipt_number}


def _partly_paid(data: payments.PartlyPaid) -> Asked:
    return (
        f"partly-paid:{data.bill_id}:{data.gateway_reference}",
        "partly-paid",
        {"amount": data.amount, "outstanding": data.outstanding},
    )


def _discrepancy(data: payments.DiscrepancyFound) -> Asked | None:
    """A bill's own, once for each payment; what reconciliation finds is for operators."""
    if not data.is_of_its_bill:
        return None
    return f"discrepancy:{data.bill_id}:{data.attempt_id}", "discrepancy", {}


def _expires_soon(data: payments.ExpiresSoon) -> Asked:
    facts: Facts = {"amount": data.outstanding, "due": data.due.isoformat()}
    return "expires-soon", "expires-soon", facts


def _paid_out_at_the_desk(data: payments.RefundStarted) -> Asked | None:
    """What a gateway sends back is announced when it has gone; this, the citizen must come for."""
    if not data.by_hand:
        return None
    return f"refund-by-hand:{data.refund_id}", *_of_money("refund-by-hand", data.amount)


def _to_be_fetched(data: payments.RefundFailed) -> Asked:
    """Refused, or come back after it was told as gone: either way the citizen must come for it."""
    step = f"refund-failed:{data.refund_id}"
    if data.amount is None:
        return step, "refund-failed", {}
    return step, "refund-failed-with-amount", {"amount": data.amount}


def _later_fees(data: dossiers.FeesRequested) -> Asked | None:
    """Those of the form are announced with its submission."""
    if not data.fee_lines:
        return None
    due = data.payment_due.isoformat() if data.payment_due else None
    items = "; ".join(line.name for line in data.fee_lines)
    return "fees-requested", "fees-requested", {"amount": data.amount, "due": due, "items": items}


def _fees_withdrawn(data: dossiers.FeesWithdrawn) -> Asked:
    return f"fees-withdrawn:{data.request_id}", "fees-withdrawn", {"amount": data.amount, "reason": data.reason}


def _accepted(data: dossiers.Accepted) -> Asked:
    return "accepted", "accepted", {"due": data.step.due.isoformat() if data.step.due else None}


def _booked(data: appointments.Booked) -> Asked:
    facts: Facts = {"purpose": data.purpose, "place": data.place, "address": data.address}
    facts |= {"appointment_id": str(data.appointment_id)}
    facts |= {"starts_at": data.starts_at.isoformat(), "ends_at": data.ends_at.isoformat()}
    return f"appointment-booked:{data.appointment_id}", "appointment-booked", facts


def _refused(data: dossiers.Refused) -> Asked:
    return "refused", "refused", {"grounds": data.grounds}


def _supplement(data: dossiers.SupplementRequested) -> Asked:
    items = "; ".join(f"{item.name}: {item.reason}" for item in data.items)
    return "supplement-requested", "supplement-requested", {"items": items, "until": data.until.isoformat()}


def _kept(data: dossiers.WithdrawalDeclined) -> Asked:
    return "withdrawal-declined", "withdrawal-declined", {"reason": data.reason}


def _rescheduled(data: dossiers.Rescheduled) -> Asked:
    return "rescheduled", "rescheduled", {"was": data.promised.isoformat(), **_new_date(data)}


def _due_changed(data: dossiers.DueChanged) -> Asked | None:
    """A promised date; that the desk's own or the last day of a supplement moved stands in the dossier."""
    if data.step.result_due is None:
        return None
    return "due-changed", f"due-changed-{data.cause}", {"was": data.was.isoformat(), **_new_date(data)}


def _new_date(data: dossiers.Rescheduled | dossiers.DueChanged) -> Facts:
    due = data.step.result_due
    return {"due": due.isoformat() if due else None, "reason": data.reason}


def _corrected(data: dossiers.Corrected) -> Asked:
    return "corrected", "corrected", {"count": len(data.fields), "reason": data.reason}


def _message(data: dossiers.MessagePosted) -> Asked | None:
    """Citizens know what they wrote themselves."""
    return ("message", "message-posted", {}) if data.author == "officer" else None


def _stopped(data: dossiers.Stopped) -> Asked:
    template = {
        "unpaid": "stopped-unpaid",
        "withdrawn": "stopped-withdrawn",
        "not_supplemented": "stopped-not-supplemented",
    }.get(data.cause or "agency", "stopped")
    return "stopped", template, {"reason": data.reason}


def _completed(data: dossiers.Completed) -> Asked:
    facts: Facts = {"result": data.result, "result_number": data.result_number, "department": data.step.department}
    template = {"post": "completed-by-post", "online": "completed-online"}.get(data.delivery or "desk", "completed")
    return "completed", template, facts


def _dispatched(data: dossiers.ResultDispatched) -> Asked:
    facts: Facts = {"carrier": data.carrier, "tracking_number": data.tracking_number}
    return "result-dispatched", "result-dispatched", facts


def _returned(data: dossiers.Returned) -> Asked:
    return "returned", "returned", {"delivery": data.delivery}


def _refunded(data: payments.Refunded) -> Asked:
    """By hand is told apart: before it, the same refund may have been told as gone by the gateway, and come back."""
    template = "refunded-by-hand" if data.by_hand else "refunded"
    return f"{template}:{data.refund_id}", *_of_money(template, data.amount)


def _of_money(template: str, amount: int) -> tuple[str, Facts]:
    """The wording that names the amount; money that is no đồng has none (contracts/payments.py)."""
    return (template, {"amount": amount}) if amount else (f"{template}-without-amount", {})


# The receipt tells of the payment (payments.Succeeded says the same without its number); a declined try was seen on
# the gateway's page, so payments.Failed is not announced. That a date is near or over (DueSoon, Overdue) is the
# agency's to act on: what the citizen is owed is an apology with another date, and that is told.
_ASKS: Mapping[type[Any], Callable[[Any], Asked | None]] = {
    dossiers.Submitted: _submitted,
    dossiers.FeesRequested: _later_fees,
    dossiers.FeesWithdrawn: _fees_withdrawn,
    dossiers.SupplementRequested: _supplement,
    dossiers.WithdrawalDeclined: _kept,
    dossiers.Rescheduled: _rescheduled,
    dossiers.DueChanged: _due_changed,
    dossiers.Corrected: _corrected,
    dossiers.MessagePosted: _message,
    dossiers.ResultDispatched: _dispatched,
    payments.ReceiptIssued: _paid,
    payments.PartlyPaid: _partly_paid,
    payments.DiscrepancyFound: _discrepancy,
    payments.ExpiresSoon: _expires_soon,
    payments.RefundStarted: _paid_out_at_the_desk,
    payments.RefundFailed: _to_be_fetched,
    dossiers.Accepted: _accepted,
    appointments.Booked: _booked,
    dossiers.Refused: _refused,
    dossiers.Stopped: _stopped,
    dossiers.Completed: _completed,
    dossiers.Returned: _returned,
    payments.Refunded: _refunded,
}
EVENTS = tuple(_ASKS)

_AGAIN = (
    payments.ExpiresSoon,
    payments.RefundFailed,
    dossiers.FeesRequested,
    dossiers.WithdrawalDeclined,
    dossiers.DueChanged,
    dossiers.Corrected,
    dossiers.MessagePosted,
    dossiers.ResultDispatched,
)
"""May happen several times to one dossier: each time is a step of its own."""
