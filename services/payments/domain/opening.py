"""Which bills an event of a dossier concerns, and how a bill is opened.

A later bill's key holds the number of the event that asked for it. So whoever reads the dossier's last event knows where
to look for all of its bills, without asking the database and whatever stands in the same batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from chassis.decider import At, Decision
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import dossiers, payments
from contracts.money import FeeLine, total
from services.payments.domain.bill import VOIDINGS, Bill
from services.payments.domain.codes import payment_code
from services.payments.domain.ending import reminders
from services.payments.domain.messages import BillExpiry


def later_key(dossier_code: str, sequence: int) -> str:
    """The key of the bill that a dossier's event of this number asks for."""
    return f"{dossier_code}/{sequence}"


def concerned(event: Event[Any]) -> Sequence[tuple[str, Event[Any]]]:
    """The bills that an event of a dossier opens or may close.

    A dossier's end closes whatever an earlier event opened. A request that is taken back closes the bill that it is for.
    """
    code, data = event.subject, event.data
    if isinstance(data, dossiers.FeesRequested):
        return ((later_key(code, event.sequence), event),) if data.fee_lines else ()
    if not isinstance(data, VOIDINGS):
        return ((code, event),)
    later = tuple((later_key(code, number), event) for number in range(2, event.sequence))
    return later if isinstance(data, dossiers.FeesWithdrawn) else ((code, event), *later)


def open_bill(bill: Bill | None, event: Event[dossiers.Submitted], now: datetime) -> Decision[Bill] | None:
    """Open the bill of a dossier that has fees. Raises Refusal for fees that have no last day to pay."""
    data = event.data
    if bill is not None or total(data.fee_lines) == 0:
        return None
    what = {"procedure": data.procedure, "procedure_name": data.procedure_name}
    return _opened(event, event.subject, data.person_id, data.fee_lines, data.payment_due, now, what)


def open_later_bill(bill: Bill | None, event: Event[dossiers.FeesRequested], now: datetime) -> Decision[Bill] | None:
    """Open a bill for fees that came up later. Raises Refusal where it is not said until when and by whom."""
    data = event.data
    if bill is not None or total(data.fee_lines) == 0:
        return None
    key = later_key(event.subject, event.sequence)
    return _opened(event, key, data.person_id, data.fee_lines, data.payment_due, now, {"request_id": data.request_id})


def _opened(
    event: Event[Any],
    key: str,
    person_id: UUID | None,
    fee_lines: tuple[FeeLine, ...],
    due: datetime | None,
    now: datetime,
    what: Mapping[str, Any],
) -> Decision[Bill]:
    if due is None or person_id is None:
        raise Refusal(
            "incomplete_fees",
            "Hồ sơ có phí nhưng không rõ hạn nộp hoặc người nộp.",
            "There are fees and no day to pay them, or nobody to pay them.",
        )
    bill_id, step = derived_id(event.id, "bill"), event.data.step
    opened = Bill(
        key=key,
        dossier_code=event.subject,
        bill_id=bill_id,
        code=payment_code(bill_id),
        person_id=person_id,
        agency=step.agency,
        agency_name=step.agency_name,
        amount=total(fee_lines),
        fee_lines=_told_apart(fee_lines),
        due=due,
        **what,
    )
    return Decision(opened, (told_open(opened),), timers=(At(due, BillExpiry()), *reminders(due, now)))


def told_open(bill: Bill) -> payments.Opened:
    """What is told of a bill that can be paid, or can be again."""
    return payments.Opened(
        bill_id=bill.bill_id, amount=bill.amount, fee_lines=bill.fee_lines, due=bill.due, request_id=bill.request_id
    )


def _told_apart(lines: tuple[FeeLine, ...]) -> tuple[FeeLine, ...]:
    """Refunds name a line by its code: a second one of the same code gets a code of its own."""
    given, apart = {line.code for line in lines}, dict[str, FeeLine]()
    for line in lines:
        others = (each for number in count(2) if (each := f"{line.code}#{number}") not in given | apart.keys())
        code = line.code if line.code not in apart else next(others)
        apart[code] = line.model_copy(update={"code": code})
    return tuple(apart.values())
