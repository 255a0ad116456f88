"""A dossier: the national status codes, the legal moves between them, and what every decision on it shares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field

from chassis.decider import At, Decision, State
from chassis.errors import NotFound, Refusal
from contracts.dossiers import Appointment, Marked, Status, Step
from contracts.event import Data
from contracts.money import FeeLine
from services.intake.domain import deadline as clocks
from services.intake.domain.calendar import Calendar
from services.intake.domain.deadline import Deadline
from services.intake.domain.fact import Duration
from services.intake.domain.fees import FeesAsked
from services.intake.domain.search import words

DESK_DAYS = 1  # the desk looks at a new dossier within one working day

CalendarOf = Callable[[str], Calendar]
"""The calendar of an agency, by its code."""

Way = Literal["desk", "post", "online"]


class Piece(BaseModel):
    """A part of a dossier."""

    model_config = ConfigDict(frozen=True)


class Stage(Piece):
    """A step of the procedure with the agency that does it in this dossier; `procedure` is an interlinked one."""

    key: str
    name: str
    agency: str
    agency_name: str
    department: str
    time: Duration | None = None
    procedure: str | None = None


class Attached(Piece):
    """A document in the place that the procedure has for it. What replaced it later leaves it there, as `replaced`."""

    slot: str
    document_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    version: int = 1
    replaced: bool = False


class Delivery(Piece):
    """How the citizen wants the result; the address for the post."""

    method: Way = "desk"
    address: str | None = None


class Asked(Piece):
    """The one supplement that a dossier may be asked for."""

    items: tuple[Marked, ...]
    asked_at: datetime
    until: datetime
    answered_at: datetime | None = None


class Entry(Piece):
    """A line of the dossier's journal: who did what; `paper` is the number of the form that it makes due."""

    at: datetime
    kind: str
    by: str | None
    role: Literal["citizen", "officer", "agency-system", "system"]
    shown: bool = True
    paper: str | None = None
    body: dict[str, Any] = Field(default_factory=dict)


class Dossier(State):
    """One dossier. `form` holds what the citizen typed and never leaves intake.

    `agency` received it, `handler` has it now. `stage` counts the steps of its procedure, None before processing and after. `register_asked` counts the questions about its applicant to the civil register.
    `before` is the status in which its citizen asked for it back. `fees_asked` are the later fees for which it waits. `reported` has the time of each agency's latest report. `due` is the date of the step at hand, `result_due` the promised one; `due_soon_told` and `overdue_told` are the promised dates of which that
    was said: a clock that was held and comes to the same date does not say it again. `journal` is what a decision adds: written by the store, never loaded.
    """

    code: str
    procedure: str
    procedure_version: int
    procedure_name: str
    agency: str
    agency_name: str
    desk: str
    handler: str
    handler_name: str
    department: str
    officer: str | None = None
    person_id: UUID
    status: Status
    before: Status | None = None
    since: datetime
    due: datetime | None = None
    result_due: datetime | None = None
    clock: Deadline | None = None
    processing: Duration
    extended: Duration | None = None
    extended_at: datetime | None = None
    due_soon_told: datetime | None = None
    overdue_told: datetime | None = None
    payment_days: int = 10
    supplement_days: int = 30
    fee_lines: tuple[FeeLine, ...] = ()
    fees_asked: FeesAsked | None = None
    appointment: Appointment | None = None
    stages: tuple[Stage, ...]
    stage: int | None = None
    delivery: Delivery = Delivery()
    tracking_number: str | None = None
    result: str
    result_number: str | None = None
    result_document: Attached | None = None
    grounds: str | None = None
    supplement: Asked | None = None
    documents: tuple[Attached, ...] = ()
    at_desk: tuple[str, ...] = ()
    register_check: dict[str, Any] | None = None
    register_asked: int = 0
    external_id: str | None = None
    reported: dict[str, datetime] = Field(default_factory=dict)
    submitted_at: datetime
    filed_by: str | None = None
    form: dict[str, Any] = Field(default_factory=dict)
    journal: tuple[Entry, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def search(self) -> str:
        """What it is found by at the desk: its code and its applicant, without accents."""
        told = (self.form.get("applicant", {}).get(name, "") for name in ("name", "citizen_id", "phone"))
        return " ".join(words(" ".join((self.code, *map(str, told)))))

    def step(self) -> Step:
        elsewhere = self.handler != self.agency
        return Step(
            status=self.status,
            agency=self.agency,
            agency_name=self.agency_name,
            department=self.department,
            officer=self.officer,
            since=self.since,
            due=self.due,
            result_due=self.result_due,
            handler=self.handler if elsewhere else None,
            handler_name=self.handler_name if elsewhere else None,
            task=None if self.stage is None else self.stages[self.stage].name,
        )

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided."""
        return self.status not in (Status.NOT_ACCEPTED, Status.STOPPED, Status.COMPLETED, Status.RETURNED)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in (Status.NOT_ACCEPTED, Status.STOPPED, Status.RETURNED)


def known(dossier: Dossier | None) -> Dossier:
    """Raises NotFound when there is none."""
    if dossier is None:
        raise NotFound("Không tìm thấy hồ sơ này.", "There is no such dossier.")
    return dossier


def refiled(form: dict[str, Any]) -> dict[str, Any]:
    """What changes in a dossier with its form."""
    delivery = Delivery.model_validate(form.get("delivery") or {})
    return {"form": form, "delivery": delivery, "at_desk": tuple(form.get("at_desk", ()))}


def resting(dossier: Dossier) -> Status:
    """Where it goes on after a supplement, fees or a withdrawal: at the desk, accepted, or at work."""
    if dossier.clock is None:
        return Status.REGISTERED
    return Status.ACCEPTED if dossier.stage is None else Status.PROCESSING


def seen(dossier: Dossier, version: int | None) -> Dossier:
    """The dossier, when whoever speaks of it saw its latest version, or names none. Raises Refusal 412."""
    if version is not None and version != dossier.version:
        raise Refusal(
            "stale",
            "Hồ sơ đã được người khác cập nhật. Hãy tải lại rồi thực hiện.",
            "Somebody else has changed this dossier. Load it again first.",
            412,
        )
    return dossier


def told(dossier: Dossier, *entries: Entry) -> Dossier:
    """The dossier with more lines for its journal."""
    return dossier.model_copy(update={"journal": (*dossier.journal, *entries)})


def issued(dossier: Dossier) -> dict[str, Any]:
    """What a paper says of the dossier for ever, whatever is corrected or added after the day of its issue."""
    applicant = dossier.form.get("applicant", {})
    shown = {name: applicant[name] for name in ("name", "phone", "email") if name in applicant}
    kept = {"delivery", "documents", "at_desk", "fee_lines"}
    return dossier.model_dump(mode="json", include=kept) | {"form": {"applicant": shown}}


def decided(
    dossier: Dossier,
    event: Callable[[Step], Data] | None,
    entry: Entry,
    timers: tuple[At, ...] = (),
    cancels: tuple[type, ...] = (),
) -> Decision[Dossier]:
    """The decision: the dossier with its journal's line, and the event that says where it stands now."""
    if entry.paper is not None:
        entry = entry.model_copy(update={"body": {**entry.body, "issued": issued(dossier)}})
    events = (event(dossier.step()),) if event is not None else ()
    return Decision(told(dossier, entry), events, timers=timers, cancels=cancels)


def desk_due(dossier: Dossier, now: datetime, calendar_of: CalendarOf) -> datetime:
    """Until when the desk looks at it."""
    return days_after(dossier.agency, DESK_DAYS, now, calendar_of)


def days_after(agency: str, days: int, now: datetime, calendar_of: CalendarOf) -> datetime:
    """Closing time of the n-th working day of an agency after the day that `now` counts from."""
    due = clocks.due(Deadline(amount=days, started=now), calendar_of(agency))
    if due is None:
        raise AssertionError("a deadline without a pause has a date")
    return due
