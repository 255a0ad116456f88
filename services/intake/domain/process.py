"""The way of a dossier through departments and levels: the steps of its procedure, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.decider import Decision
from chassis.errors import Refusal
from contracts import dossiers
from contracts.dossiers import Status
from services.intake.domain import deadline as clocks
from services.intake.domain.agency import Agency
from services.intake.domain.commands import Assign, ByOfficer, HandOn, SendBack, StartProcessing
from services.intake.domain.deadline import Deadline
from services.intake.domain.dossier import CalendarOf, Dossier, Stage, decided, told
from services.intake.domain.moves import by_officer, officers, to
from services.intake.domain.paths import met
from services.intake.domain.procedure import Procedure


def stages(
    procedure: Procedure, agency: Agency, agencies: Mapping[str, Agency], form: Mapping[str, Any]
) -> tuple[Stage, ...]:
    """The steps of a procedure that a dossier with this form goes, with the agency that does each for the receiving one."""
    above = agencies.get(agency.parent or "", agency)
    who = {"receiving": agency, "above": above}
    found = []
    for step in procedure.process:
        if step.when is not None and not met(step.when, form):
            continue
        at_agency = who.get(step.at) or agencies[step.at]
        found.append(
            Stage(
                key=step.key,
                name=step.name,
                agency=at_agency.code,
                agency_name=at_agency.name,
                department=step.department,
                time=step.time,
                procedure=step.procedure,
            )
        )
    return tuple(found)


def start_processing(
    dossier: Dossier | None, message: StartProcessing, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier]:
    """Hand the dossier to the first step of its procedure."""
    dossier = by_officer(dossier, message)
    own = dossier.stages[0].agency == message.agency
    moved = at(dossier, 0, now, calendar_of, message.officer if own else None)
    if own and (department := _told(message)):
        moved["department"] = department
    begun = to(dossier, StartProcessing, now, **moved)
    return decided(
        begun,
        lambda step: dossiers.ProcessingStarted(step=step),
        officers(message, "processing_started", now, **_where(begun)),
    )


def assign(dossier: Dossier | None, message: Assign, now: datetime) -> Decision[Dossier] | None:
    """Give the dossier to an officer of the department that has it."""
    dossier = by_officer(dossier, message)
    department = _told(message) or dossier.department
    officer = message.to or (dossier.officer if department == dossier.department else None)
    if (officer, department) == (dossier.officer, dossier.department):
        return None
    # The desk's day counts from when it got the dossier, whoever of the desk has it.
    since = now if dossier.status == Status.PROCESSING else dossier.since
    given = to(dossier, Assign, now, dossier.status, officer=officer, department=department, since=since)
    return decided(
        given, lambda step: dossiers.Assigned(step=step), officers(message, "assigned", now, **_where(given))
    )


def hand_on(dossier: Dossier | None, message: HandOn, now: datetime, calendar_of: CalendarOf) -> Decision[Dossier]:
    """The step at hand is done: the next one has the dossier."""
    dossier = by_officer(dossier, message)
    following = _stage(dossier) + 1
    if following == len(dossier.stages):
        raise Refusal(
            "last_step",
            "Đây là bước cuối; hãy ghi nhận kết quả.",
            "This is the last step; record the result.",
        )
    moved = to(dossier, HandOn, now, **at(dossier, following, now, calendar_of))
    if message.note:  # for the next one only, not for the citizen
        note = officers(message, "note", now, text=message.note)
        moved = told(moved, note.model_copy(update={"shown": False}))
    entry = officers(message, "handed_on", now, **_where(moved))
    return decided(moved, lambda step: dossiers.HandedOn(step=step), entry)


def send_back(dossier: Dossier | None, message: SendBack, now: datetime, calendar_of: CalendarOf) -> Decision[Dossier]:
    """The step before has to do something again, for a reason."""
    dossier = by_officer(dossier, message)
    before = _stage(dossier) - 1
    if before < 0:
        raise Refusal(
            "first_step",
            "Đây là bước đầu; có thể yêu cầu bổ sung hoặc dừng xử lý.",
            "This is the first step; a supplement may be asked for, or the dossier stopped.",
        )
    moved = to(dossier, SendBack, now, **at(dossier, before, now, calendar_of))
    entry = officers(message, "sent_back", now, reason=message.reason, **_where(moved))
    return decided(moved, lambda step: dossiers.SentBack(reason=message.reason, step=step), entry)


def at(
    dossier: Dossier, place: int, now: datetime, calendar_of: CalendarOf, officer: str | None = None
) -> dict[str, Any]:
    """What changes when a dossier comes to a step: who has it, and until when, never later than what was promised."""
    stage = dossier.stages[place]
    return {
        "stage": place,
        "handler": stage.agency,
        "handler_name": stage.agency_name,
        "department": stage.department,
        "officer": officer,
        "due": stage_due(dossier, place, now, calendar_of),
    }


def stage_due(dossier: Dossier, place: int, now: datetime, calendar_of: CalendarOf) -> datetime | None:
    """Until when a step that begins now has to be done, never later than what was promised."""
    stage = dossier.stages[place]
    if stage.time is None:
        return dossier.result_due
    clock = Deadline(amount=stage.time.amount, unit=stage.time.unit, started=now)
    return min(filter(None, (clocks.due(clock, calendar_of(stage.agency)), dossier.result_due)), default=None)


def last(dossier: Dossier) -> Dossier:
    """The dossier, when its last step has it. Raises Refusal 409 that names what is still to be done."""
    left = dossier.stages[_stage(dossier) + 1 :]
    if left:
        names = ", ".join(stage.name for stage in left)
        raise Refusal(
            "steps_left",
            f"Còn bước chưa làm: {names}. Hãy chuyển bước tiếp theo.",
            f"Steps are still to be done: {names}. Hand the dossier on.",
        )
    return dossier


def _told(message: ByOfficer) -> str | None:
    """The department that works on it, where the agency's own system says so; an officer's is the officer's own."""
    return message.department if message.report_id is not None else None


def _stage(dossier: Dossier) -> int:
    if dossier.stage is None:
        raise AssertionError("a dossier that is processed is at a step")
    return dossier.stage


def _where(dossier: Dossier) -> dict[str, Any]:
    return {
        "to_agency": dossier.handler,
        "to_department": dossier.department,
        "to_officer": dossier.officer,
        "stage": None if dossier.stage is None else dossier.stages[dossier.stage].name,
        "due": dossier.due,
    }
