"""What agencies' own systems report of dossiers: each report has its effect or is rejected with the reason.

A report makes the moves that an officer of the agency would make. Whatever is wrong with one is said in an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from chassis.decider import Decision, Remark
from chassis.errors import Refusal
from contracts import agency_reports
from contracts.agency_answers import ReportRejected, ReportTaken
from contracts.agency_reports import Report
from contracts.dossiers import Marked, Status
from services.intake.domain import desk, process, results, supplement
from services.intake.domain.commands import (
    Accept,
    Assign,
    ByOfficer,
    Complete,
    HandOn,
    RequestSupplement,
    Return,
    StartProcessing,
)
from services.intake.domain.document import used
from services.intake.domain.dossier import CalendarOf, Dossier
from services.intake.domain.moves import MOVES
from services.intake.domain.report import Answered, Reported, digest, kind_of
from services.intake.domain.report_faults import (
    WAYS,
    check_agency,
    check_identity,
    check_open,
    check_time,
    no_document,
    not_marked,
    unknown_dossier,
)

AHEAD = timedelta(minutes=5)
"""By how much an agency's clock may be ahead of ours."""

NamesOf = Callable[[Dossier], Mapping[str, str]]
"""All that may be marked as wrong or missing in a dossier, by path, with its names."""

Answer = Callable[[Dossier], Decision[Dossier] | None]
Command = TypeVar("Command", bound=ByOfficer)


def on_report(
    dossier: Dossier | None, message: Reported, now: datetime, calendar_of: CalendarOf, names_of: NamesOf
) -> Decision[Dossier] | Remark:
    """Take a report, or reject it; either way there is exactly one answer. A repeated one is answered as the first."""
    try:
        check_identity(message)
        if message.earlier is not None:
            return Remark((_taken(message.report, message.earlier.status),))
        dossier = _spoken_of(dossier, message, now)
        after = _together(dossier, _moves(dossier, message, now, calendar_of, names_of))
    except Refusal as refusal:
        return _rejection(message, refusal, now)
    report = message.report
    state = after.state.model_copy(
        update={
            "reported": {**dossier.reported, report.agency: report.at},
            "external_id": report.external_id or dossier.external_id,
        }
    )
    note = Answered(**_about(message, now), taken=True, status=state.status, document_id=_document_of(report))
    return replace(after, state=state, remarks=(_taken(report, state.status),), notes=(note,))


def _spoken_of(dossier: Dossier | None, message: Reported, now: datetime) -> Dossier:
    """The dossier, when this agency may report this of it now. Raises Refusal."""
    if dossier is None:
        raise unknown_dossier()
    check_agency(dossier, message.report.agency)
    check_open(dossier)
    check_time(dossier, message.report, now, AHEAD)
    return dossier


def _moves(
    dossier: Dossier, message: Reported, now: datetime, calendar_of: CalendarOf, names_of: NamesOf
) -> Iterator[Answer]:
    """What an officer would do, one after the other."""
    report = message.report
    match report:
        case agency_reports.Accepted():
            yield lambda state: desk.accept(state, _said(report, Accept), now, calendar_of)
        case agency_reports.Processing() if dossier.status == Status.PROCESSING:
            yield lambda state: process.assign(state, _said(report, Assign, to=report.officer), now)
        case agency_reports.Processing():
            start = _said(report, StartProcessing)
            yield lambda state: process.start_processing(state, start, now, calendar_of)
        case agency_reports.SupplementRequested():
            ask = _said(report, RequestSupplement, items=_marked(report, names_of(dossier)))
            yield lambda state: supplement.request_supplement(state, ask, now, calendar_of)
        case agency_reports.Completed():
            MOVES.require(dossier.status, Complete)
            hand_on = _said(report, HandOn)
            for _ in range(_own_steps_left(dossier, report.agency)):
                yield lambda state: process.hand_on(state, hand_on, now, calendar_of)
            if message.used:
                raise used()
            if message.document is None:
                raise no_document()
            done = _said(report, Complete, result_number=report.result_number, document=message.document)
            yield lambda state: results.complete(state, done, now)
        case agency_reports.ResultReturned():
            back = _said(report, Return, delivery=WAYS[report.delivery])
            yield lambda state: results.give_back(state, back, now)


def _said(report: Report, command: type[Command], **more: Any) -> Command:
    return command(
        officer=report.officer,
        agency=report.agency,
        department=report.department,
        report_id=report.report_id,
        external_id=report.external_id,
        **more,
    )


def _own_steps_left(dossier: Dossier, agency: str) -> int:
    """How many steps follow the one at hand, when all of them are this agency's: its system has done them."""
    if dossier.status != Status.PROCESSING or dossier.stage is None:
        return 0
    left = dossier.stages[dossier.stage + 1 :]
    return len(left) if all(stage.agency == agency for stage in left) else 0


def _marked(report: agency_reports.SupplementRequested, names: Mapping[str, str]) -> tuple[Marked, ...]:
    """What is wrong, by our names. Raises Refusal 422 for places that the procedure does not have."""
    if unknown := [item.path for item in report.items if item.path not in names]:
        raise not_marked(unknown)
    return tuple(
        Marked(
            kind="document" if item.path.startswith("documents.") else "field",
            path=item.path,
            name=names[item.path],
            reason=item.reason,
        )
        for item in report.items
    )


def _together(dossier: Dossier, moves: Iterator[Answer]) -> Decision[Dossier]:
    """The moves as one decision: what a later one cancels is never set."""
    whole: Decision[Dossier] = Decision(dossier)
    for move in moves:
        decision = move(whole.state)
        if decision is not None:
            set_again = {type(timer.message) for timer in decision.timers}
            kept = (each for each in whole.timers if type(each.message) not in {*decision.cancels, *set_again})
            whole = Decision(
                decision.state,
                (*whole.events, *decision.events),
                timers=(*kept, *decision.timers),
                cancels=(*(each for each in whole.cancels if each not in set_again), *decision.cancels),
                calls=(*whole.calls, *decision.calls),
            )
    return whole


def _taken(report: Report, status: Status) -> ReportTaken:
    return ReportTaken(agency=report.agency, report_id=report.report_id, external_id=report.external_id, status=status)


def _rejection(message: Reported, refusal: Refusal, now: datetime) -> Remark:
    report = message.report
    told = {"code": refusal.code, "vi": refusal.vi, "en": refusal.en}
    answer = ReportRejected(
        agency=report.agency,
        report_id=report.report_id,
        external_id=report.external_id,
        event_id=message.event_id,
        **told,
    )
    # What nobody has proven to be the agency's is told, but takes no place in its list.
    kept = (Answered(**_about(message, now), taken=False, problem=told),) if message.proof == "proven" else ()
    return Remark((answer,), kept)


def _about(message: Reported, now: datetime) -> dict[str, Any]:
    report = message.report
    return {
        "agency": report.agency,
        "report_id": report.report_id,
        "at": now,
        "kind": kind_of(report),
        "code": message.code,
        "external_id": report.external_id,
        "digest": digest(message.code, report),
    }


def _document_of(report: Report) -> Any:
    return report.document_id if isinstance(report, agency_reports.Completed) else None
