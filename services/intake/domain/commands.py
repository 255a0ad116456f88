"""What people and systems tell a dossier to do."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from chassis.decider import Message
from contracts.dossiers import Appointment, Marked
from contracts.money import FeeLine
from services.intake.domain.dossier import Attached, Delivery, Stage
from services.intake.domain.fact import Duration

Grounds = Field(min_length=10, max_length=2000)


class Submit(Message):
    """A form that was found right is filed, under the code it was given; with all of its procedure that it is held to.

    `filed_by` is the officer who filed it at the counter on behalf of the citizen; `checks_register` whether the civil
    register is asked about the applicant.
    """

    code: str
    procedure: str
    procedure_version: int
    procedure_name: str
    agency: str
    agency_name: str
    desk: str
    person_id: UUID
    form: dict[str, Any]
    fee_lines: tuple[FeeLine, ...] = ()
    payment_days: int = 10
    supplement_days: int = 30
    processing: Duration
    extended: Duration | None = None
    stages: tuple[Stage, ...] = Field(min_length=1)
    appointment: Appointment | None = None
    result: str
    delivery: Delivery = Delivery()
    documents: tuple[Attached, ...] = ()
    at_desk: tuple[str, ...] = ()
    filed_by: str | None = None
    checks_register: bool = False


class AtCounter(Message):
    """The officer to whom a citizen says at the counter what others say online."""

    officer: str
    agency: str


class ByCitizen(Message):
    """What every citizen's command says: who, and which version they were looking at; `at_counter` through whom."""

    person_id: UUID
    seen_version: int | None = None
    at_counter: AtCounter | None = None


class Supplement(ByCitizen):
    """The form with what was asked for put right, checked whole, and the documents that are new."""

    form: dict[str, Any]
    changed: tuple[str, ...]
    documents: tuple[Attached, ...] = ()


class AskWithdrawal(ByCitizen):
    """Yêu cầu rút hồ sơ."""

    reason: str = Field(default="", max_length=2000)


class FetchResult(ByCitizen):
    """The citizen opens the result that was to be delivered online."""


class ByOfficer(Message):
    """What every officer's command says: who, from where, and which version they were looking at.

    `report_id` and `external_id` tell of the agency's own system, where that speaks for the officer.
    """

    officer: str | None
    agency: str
    department: str | None = None
    seen_version: int | None = None
    report_id: str | None = None
    external_id: str | None = None


class Accept(ByOfficer):
    """Tiếp nhận."""


class Refuse(ByOfficer):
    """Không tiếp nhận, with grounds."""

    grounds: str = Grounds


class StartProcessing(ByOfficer):
    """Chuyển xử lý: to the first step of the procedure."""


class Assign(ByOfficer):
    """Giao cho cán bộ: `to` has the dossier from now on, or as an agency's system may say, the department that it names."""

    to: str | None = Field(default=None, min_length=1, max_length=200)


class HandOn(ByOfficer):
    """Chuyển bước tiếp theo."""

    note: str = Field(default="", max_length=2000)


class SendBack(ByOfficer):
    """Trả lại bước trước, with the reason."""

    reason: str = Grounds


class RequestSupplement(ByOfficer):
    """Yêu cầu bổ sung, once and whole: every wrong field and document with its reason."""

    items: tuple[Marked, ...] = Field(min_length=1, max_length=100)


class RequestFees(ByOfficer):
    """Yêu cầu thực hiện nghĩa vụ tài chính: fees that came up later."""

    fee_lines: tuple[FeeLine, ...] = Field(min_length=1, max_length=20)


class WithdrawFees(ByOfficer):
    """Rút yêu cầu nộp phí phát sinh: what was asked for was wrong, with the reason."""

    reason: str = Grounds


class Correct(ByOfficer):
    """An officer corrects fields: the form as it is afterwards, what was changed, and why."""

    form: dict[str, Any]
    changed: tuple[str, ...] = Field(min_length=1)
    reason: str = Grounds


class Apologise(ByOfficer):
    """Xin lỗi và hẹn lại ngày trả kết quả."""

    to: date
    reason: str = Grounds


class Extend(ByOfficer):
    """Something must be verified: the procedure's longer time applies."""

    reason: str = Grounds


class Stop(ByOfficer):
    """Dừng xử lý, with the reason."""

    reason: str = Grounds


class GrantWithdrawal(ByOfficer):
    """Đồng ý cho rút hồ sơ."""


class DeclineWithdrawal(ByOfficer):
    """Không đồng ý cho rút hồ sơ, with the reason."""

    reason: str = Grounds


class Complete(ByOfficer):
    """Xử lý xong, with the number of the result and its document."""

    result_number: str = Field(min_length=1, max_length=100)
    document: Attached


class Dispatch(ByOfficer):
    """Gửi kết quả qua bưu chính."""

    carrier: str = Field(min_length=1, max_length=100)
    tracking_number: str = Field(min_length=1, max_length=50)


class Return(ByOfficer):
    """Trả kết quả."""

    delivery: str = Field(default="tại quầy", min_length=1, max_length=100)


class PostMessage(Message):
    """A message inside the dossier, from its citizen or from an officer who has it."""

    message_id: UUID
    author: Literal["citizen", "officer"]
    name: str
    person_id: UUID | None = None
    agency: str | None = None
    text: str = Field(min_length=1, max_length=4000)


class Recalculate(Message):
    """The calendar has changed: count the promised date anew."""

    reason: str


class SupplementOver(Message):
    """The time to supplement has passed."""


class NearlyDue(Message):
    """The promised date is near."""

    due: datetime


class PastDue(Message):
    """The promised date is over."""

    due: datetime
