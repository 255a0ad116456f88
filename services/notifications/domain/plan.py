"""Which notices an event asks for: one for each channel, at most one for each step of a dossier.

A step that can come again (a second bill, a second refund) is told apart by the id of what happened.
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
    """The announcements that follow from an event, each with the key of its notice."""
    step, template, facts = _ASKS[type(event.data)](event.data)
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


def _paid(data: payments.ReceiptIssued) -> Asked:
    return f"paid:{data.bill_id}", "paid", {"amount": data.amount, "receipt_number": data.receipt_number}


def _accepted(data: dossiers.Accepted) -> Asked:
    return "accepted", "accepted", {"due": data.step.due.isoformat() if data.step.due else None}


def _booked(data: appointments.Booked) -> Asked:
    facts: Facts = {"purpose": data.purpose, "place": data.place, "address": data.address}
    facts |= {"appointment_id": str(data.appointment_id)}
    facts |= {"starts_at": data.starts_at.isoformat(), "ends_at": data.ends_at.isoformat()}
    return f"appointment-booked:{data.appointment_id}", "appointment-booked", facts


def _refused(data: dossiers.Refused) -> Asked:
    return "refused", "refused", {"grounds": data.grounds}


def _stopped(data: dossiers.Stopped) -> Asked:
    return "stopped", "stopped", {"reason": data.reason}


def _completed(data: dossiers.Completed) -> Asked:
    facts: Facts = {"result": data.result, "result_number": data.result_number, "department": data.step.department}
    return "completed", "completed", facts


def _returned(data: dossiers.Returned) -> Asked:
    return "returned", "returned", {"delivery": data.delivery}


def _refunded(data: payments.Refunded) -> Asked:
    return f"refunded:{data.refund_id}", "refunded", {"amount": data.amount}


# The receipt tells of the payment (payments.Succeeded says the same without its number); a declined try was seen on
# the gateway's page, so payments.Failed is not announced.
_ASKS: Mapping[type[Any], Callable[[Any], Asked]] = {
    dossiers.Submitted: _submitted,
    payments.ReceiptIssued: _paid,
    dossiers.Accepted: _accepted,
    appointments.Booked: _booked,
    dossiers.Refused: _refused,
    dossiers.Stopped: _stopped,
    dossiers.Completed: _completed,
    dossiers.Returned: _returned,
    payments.Refunded: _refunded,
}
EVENTS = tuple(_ASKS)
