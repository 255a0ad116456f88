"""A dossier's life: the national status codes, the legal moves between them, and what each move says and sets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from chassis.decider import Decision, State
from chassis.envelope import Event
from chassis.errors import NotFound, Refusal
from chassis.table import Move, Table
from chassis.working_days import due_after
from contracts import dossiers, payments
from contracts.dossiers import Appointment, Status, Step
from contracts.event import Data
from contracts.money import FeeLine, total
from services.intake.domain.commands import (
    Accept,
    ByOfficer,
    Complete,
    Refuse,
    Return,
    StartProcessing,
    Submit,
)

DESK_DAYS = 1  # the desk looks at a new dossier within one working day


class Dossier(State):
    """One dossier. `form` holds what the citizen typed and never leaves intake."""

    code: str
    procedure: str
    procedure_version: int
    procedure_name: str
    agency: str
    agency_name: str
    department: str
    officer: str | None = None
    person_id: UUID
    status: Status
    since: datetime
    due: datetime | None = None
    processing_days: int
    fee_lines: tuple[FeeLine, ...] = ()
    appointment: Appointment | None = None
    handling_department: str
    result: str
    result_number: str | None = None
    grounds: str | None = None
    submitted_at: datetime
    form: dict[str, Any] = Field(default_factory=dict)

    def step(self) -> Step:
        return Step(
            status=self.status,
            agency=self.agency,
            agency_name=self.agency_name,
            department=self.department,
            officer=self.officer,
            since=self.since,
            due=self.due,
        )


NAMES: dict[Any, str] = {
    Status.REGISTERED: "mới đăng ký",
    Status.ACCEPTED: "được tiếp nhận",
    Status.NOT_ACCEPTED: "không được tiếp nhận",
    Status.PROCESSING: "đang xử lý",
    Status.SUPPLEMENT_ASKED: "yêu cầu bổ sung giấy tờ",
    Status.FINANCIAL_DUTY: "yêu cầu thực hiện nghĩa vụ tài chính",
    Status.WITHDRAWAL_ASKED: "công dân yêu cầu rút hồ sơ",
    Status.STOPPED: "dừng xử lý",
    Status.COMPLETED: "đã xử lý xong",
    Status.RETURNED: "đã trả kết quả",
}

WORDS: dict[type, str] = {
    Submit: "nộp hồ sơ",
    Accept: "tiếp nhận",
    Refuse: "từ chối tiếp nhận",
    StartProcessing: "chuyển xử lý",
    Complete: "ghi nhận kết quả",
    Return: "trả kết quả",
    payments.Succeeded: "ghi nhận đã nộp phí",
    payments.Expired: "ghi nhận quá hạn nộp phí",
}

MOVES = Table(
    [
        #    from                   message              to                     event
        Move(None, Submit, Status.REGISTERED, dossiers.Submitted),
        Move(None, Submit, Status.FINANCIAL_DUTY, dossiers.FeesRequested),
        Move(Status.FINANCIAL_DUTY, payments.Succeeded, Status.REGISTERED, dossiers.FeesSettled),
        Move(Status.FINANCIAL_DUTY, payments.Expired, Status.STOPPED, dossiers.Stopped),
        Move(Status.REGISTERED, Accept, Status.ACCEPTED, dossiers.Accepted),
        Move(Status.REGISTERED, Refuse, Status.NOT_ACCEPTED, dossiers.Refused),
        Move(Status.ACCEPTED, StartProcessing, Status.PROCESSING, dossiers.ProcessingStarted),
        Move(Status.PROCESSING, Complete, Status.COMPLETED, dossiers.Completed),
        Move(Status.COMPLETED, Return, Status.RETURNED, dossiers.Returned),
    ],
    NAMES,
    WORDS,
)


def submit(dossier: Dossier | None, message: Submit, now: datetime) -> Decision[Dossier]:
    """File a new dossier; when there are fees it waits for them, else for the desk."""
    if dossier is not None:
        raise Refusal("code_taken", "Mã hồ sơ đã được dùng.", "This dossier code is taken.")
    procedure, agency = message.procedure, message.agency
    filed = Dossier(
        code=message.code,
        procedure=procedure.code,
        procedure_version=procedure.version,
        procedure_name=procedure.name,
        agency=agency.code,
        agency_name=agency.name,
        department=agency.desk,
        handling_department=agency.department,
        person_id=message.person_id,
        status=Status.REGISTERED,
        since=now,
        due=due_after(now, DESK_DAYS),
        processing_days=procedure.processing_days,
        fee_lines=procedure.fee_lines,
        appointment=procedure.appointment,
        result=procedure.result,
        submitted_at=now,
        form=message.form,
    )
    payment_due = due_after(now, procedure.payment_days) if procedure.fee else None
    submitted = dossiers.Submitted(
        procedure=procedure.code,
        procedure_version=procedure.version,
        procedure_name=procedure.name,
        person_id=message.person_id,
        fee_lines=procedure.fee_lines,
        payment_due=payment_due,
        step=filed.step(),
    )
    if payment_due is None:
        return Decision(filed, (submitted,))
    waiting = filed.model_copy(update={"status": Status.FINANCIAL_DUTY, "due": payment_due})
    requested = dossiers.FeesRequested(amount=total(procedure.fee_lines), step=waiting.step())
    return Decision(waiting, (submitted, requested))


def settle_fees(dossier: Dossier | None, event: Event[payments.Succeeded], now: datetime) -> Decision[Dossier] | None:
    """The fees are paid: back to the desk. Money for a dossier that has moved on changes nothing here; payments returns it."""
    dossier = _known(dossier)
    if not MOVES.allows(dossier.status, payments.Succeeded):
        return None
    return _move(
        dossier, payments.Succeeded, now, lambda step: dossiers.FeesSettled(step=step), due=due_after(now, DESK_DAYS)
    )


def stop_unpaid(dossier: Dossier | None, event: Event[payments.Expired], now: datetime) -> Decision[Dossier] | None:
    """Nobody paid in time: the dossier is stopped."""
    dossier = _known(dossier)
    if not MOVES.allows(dossier.status, payments.Expired):
        return None
    reason = "Quá hạn thực hiện nghĩa vụ tài chính"
    return _move(dossier, payments.Expired, now, lambda step: dossiers.Stopped(reason=reason, step=step), due=None)


def accept(dossier: Dossier | None, message: Accept, now: datetime) -> Decision[Dossier]:
    """Take the dossier in: the processing clock starts, and an appointment is asked for where the procedure needs one."""
    dossier = _for_officer(dossier, message)
    due = due_after(now, dossier.processing_days)
    return _move(
        dossier,
        Accept,
        now,
        lambda step: dossiers.Accepted(appointment=dossier.appointment, step=step),
        officer=message.officer,
        department=message.department or dossier.department,
        due=due,
    )


def refuse(dossier: Dossier | None, message: Refuse, now: datetime) -> Decision[Dossier]:
    """Do not take the dossier in, and say why. Final."""
    dossier = _for_officer(dossier, message)
    return _move(
        dossier,
        Refuse,
        now,
        lambda step: dossiers.Refused(grounds=message.grounds, step=step),
        officer=message.officer,
        department=message.department or dossier.department,
        grounds=message.grounds,
        due=None,
    )


def start_processing(dossier: Dossier | None, message: StartProcessing, now: datetime) -> Decision[Dossier]:
    """Hand the dossier to the department that decides on it; the due date of acceptance stands."""
    dossier = _for_officer(dossier, message)
    return _move(
        dossier,
        StartProcessing,
        now,
        lambda step: dossiers.ProcessingStarted(step=step),
        officer=message.officer,
        department=dossier.handling_department,
    )


def complete(dossier: Dossier | None, message: Complete, now: datetime) -> Decision[Dossier]:
    """The result exists, under its number; it waits at the desk."""
    dossier = _for_officer(dossier, message)
    return _move(
        dossier,
        Complete,
        now,
        lambda step: dossiers.Completed(result=dossier.result, result_number=masked(message.result_number), step=step),
        officer=message.officer,
        department=message.department or dossier.department,
        result_number=message.result_number,
        due=None,
    )


def give_back(dossier: Dossier | None, message: Return, now: datetime) -> Decision[Dossier]:
    """The citizen has the result. Final."""
    dossier = _for_officer(dossier, message)
    return _move(
        dossier,
        Return,
        now,
        lambda step: dossiers.Returned(delivery=message.delivery, step=step),
        officer=message.officer,
        department=message.department or dossier.department,
        due=None,
    )


def _known(dossier: Dossier | None) -> Dossier:
    if dossier is None:
        raise NotFound("Không tìm thấy hồ sơ này.", "There is no such dossier.")
    return dossier


def _for_officer(dossier: Dossier | None, message: ByOfficer) -> Dossier:
    """The dossier, when this officer's agency has it and the officer saw its latest version."""
    dossier = _known(dossier)
    if dossier.agency != message.agency:
        return _known(None)
    if message.seen_version is not None and message.seen_version != dossier.version:
        raise Refusal(
            "stale",
            "Hồ sơ đã được người khác cập nhật. Hãy tải lại rồi thực hiện.",
            "Somebody else has changed this dossier. Load it again first.",
            412,
        )
    return dossier


def _move(
    dossier: Dossier, message: type, now: datetime, event: Callable[[Step], Data], **changes: Any
) -> Decision[Dossier]:
    target = MOVES.require(dossier.status, message).target
    moved = dossier.model_copy(update={"status": target, "since": now, **changes})
    return Decision(moved, (event(moved.step()),))


def masked(number: str) -> str:
    """A result's number as others may see it: a licence's or certificate's own number is the person's data."""
    shown = number[-4:] if len(number) >= 8 else ""
    return shown.rjust(len(number), "*")
