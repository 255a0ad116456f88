"""The result: recorded with its document, sent, fetched, handed over."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from contracts import dossiers
from services.intake.domain.commands import Complete, Dispatch, FetchResult, Return
from services.intake.domain.desk import held
from services.intake.domain.dossier import Dossier, Entry, decided
from services.intake.domain.moves import WARNINGS, by_citizen, by_officer, officers, to
from services.intake.domain.process import last

ONLINE = "trực tuyến"


def complete(dossier: Dossier | None, message: Complete, now: datetime) -> Decision[Dossier]:
    """The result exists, under its number and with its document; it waits at the desk of the receiving agency."""
    dossier = last(by_officer(dossier, message))
    own = message.agency == dossier.agency
    done = to(
        dossier,
        Complete,
        now,
        officer=message.officer if own else None,
        department=message.department or dossier.department if own else dossier.desk,
        handler=dossier.agency,
        handler_name=dossier.agency_name,
        stage=None,
        result_number=message.result_number,
        result_document=message.document,
        due=None,
        clock=held(dossier, now),
    )
    return decided(
        done,
        lambda step: dossiers.Completed(
            result=dossier.result,
            result_number=masked(message.result_number),
            delivery=dossier.delivery.method,
            step=step,
        ),
        officers(message, "completed", now, document=message.document.name, result_number=message.result_number),
        cancels=WARNINGS,
    )


def dispatch(dossier: Dossier | None, message: Dispatch, now: datetime) -> Decision[Dossier]:
    """Give the result to the post, for those who asked for that."""
    dossier = by_officer(dossier, message)
    if dossier.delivery.method != "post":
        raise Refusal(
            "not_by_post",
            "Người nộp không chọn nhận kết quả qua bưu chính.",
            "The citizen did not choose delivery by post.",
        )
    sent = to(dossier, Dispatch, now, tracking_number=message.tracking_number, since=dossier.since)
    return decided(
        sent,
        lambda step: dossiers.ResultDispatched(
            carrier=message.carrier, tracking_number=message.tracking_number, step=step
        ),
        officers(message, "result_dispatched", now, carrier=message.carrier, tracking_number=message.tracking_number),
    )


def fetch_result(dossier: Dossier | None, message: FetchResult, now: datetime) -> Decision[Dossier] | None:
    """The citizen opened the result online: with that it is returned, for those who asked for it so."""
    dossier = by_citizen(dossier, message)
    if dossier.delivery.method != "online" or dossier.status != dossiers.Status.COMPLETED:
        return None
    fetched = to(dossier, FetchResult, now, due=None)
    entry = Entry(at=now, kind="returned", by=None, role="citizen", body={"delivery": ONLINE})
    return decided(fetched, lambda step: dossiers.Returned(delivery=ONLINE, step=step), entry)


def give_back(dossier: Dossier | None, message: Return, now: datetime) -> Decision[Dossier]:
    """The citizen has the result. Final."""
    dossier = by_officer(dossier, message)
    returned = to(
        dossier, Return, now, officer=message.officer, department=message.department or dossier.department, due=None
    )
    return decided(
        returned,
        lambda step: dossiers.Returned(delivery=message.delivery, step=step),
        officers(message, "returned", now, delivery=message.delivery),
    )


def masked(number: str) -> str:
    """A result's number as others may see it: a licence's or certificate's own number is the person's data."""
    shown = number[-4:] if len(number) >= 8 else ""
    return shown.rjust(len(number), "*")
