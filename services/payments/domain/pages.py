"""The pages of a bill: asked about, closed, abandoned where they never close, and remembered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.decider import Call, Message
from chassis.identifiers import derived_id
from services.payments.domain.bill import Attempt, Bill
from services.payments.domain.codes import payment_code
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import StartCheckout
from services.payments.domain.questions import AskCheckout, CloseCheckout, CreateCheckout, Item


class AttemptNote(Message):
    """An attempt, by its id and the gateway's name of its page."""

    note: Literal["attempt"] = "attempt"
    attempt_id: UUID
    key: str
    gateway: str
    session_id: str | None
    amount: int
    began: datetime
    closes_at: datetime


def creating(bill: Bill, attempt: Attempt, message: StartCheckout) -> Call:
    """The request to make this attempt's page."""
    request = CreateCheckout(
        gateway=attempt.gateway,
        attempt_id=attempt.attempt_id,
        bill_id=bill.bill_id,
        dossier_code=bill.dossier_code,
        amount=attempt.amount,
        description=f"Phí, lệ phí hồ sơ {bill.dossier_code}",
        began=attempt.began,
        closes_at=attempt.closes_at,
        return_url=message.return_url,
        payment_code=payment_code(bill.bill_id),
        procedure=bill.procedure,
        procedure_name=bill.procedure_name,
        agency=bill.agency,
        agency_name=bill.agency_name,
        items=tuple(Item(**line.model_dump(include=set(Item.model_fields))) for line in bill.fee_lines if line.amount),
        payer_address=message.payer_address,
        payer=message.payer,
    )
    return Call(attempt.attempt_id, request)


def noted(bill: Bill, attempt: Attempt) -> AttemptNote:
    """What is written down of an attempt, so that its bill is found by what the gateway knows."""
    what = attempt.model_dump(include={"attempt_id", "gateway", "session_id", "amount", "began", "closes_at"})
    return AttemptNote(key=bill.key, **what)


def asking(attempt: Attempt, session_id: str) -> AskCheckout:
    """The question what became of a page."""
    return AskCheckout(
        gateway=attempt.gateway,
        attempt_id=attempt.attempt_id,
        session_id=session_id,
        began=attempt.began,
        closes_at=attempt.closes_at,
        amount=attempt.amount,
    )


def closing(attempt: Attempt | None) -> tuple[Call, ...]:
    """The request to close a page; none yet while it is only being made, and none where pages never close."""
    if attempt is None or attempt.session_id is None or manner_of(attempt.gateway).closes == "never":
        return ()
    request = CloseCheckout(**asking(attempt, attempt.session_id).model_dump())
    return (Call(derived_id(attempt.attempt_id, "close"), request),)


def can_abandon(bill: Bill) -> bool:
    """Whether the running page, which may be only in the making, is one that never closes: nobody waits for its gateway."""
    return bill.attempt is not None and manner_of(bill.attempt.gateway).closes == "never"


def without_page(bill: Bill, closed: bool = False) -> Bill:
    """The bill with its running page among the past ones: closed, or left for money that may still come."""
    if bill.attempt is None:
        return bill
    left = bill.attempt.model_copy(update={"closed": closed})
    return bill.model_copy(update={"attempt": None, "past": (*bill.past, left)})


def is_over(attempt: Attempt | None, now: datetime) -> bool:
    """Whether a page that never closes has been shown long enough."""
    return attempt is not None and manner_of(attempt.gateway).closes == "never" and now > attempt.closes_at


def with_past(bill: Bill, attempt: Attempt) -> Bill:
    """The bill with this past attempt as it is now."""
    past = tuple(attempt if each.attempt_id == attempt.attempt_id else each for each in bill.past)
    return bill.model_copy(update={"past": past})
