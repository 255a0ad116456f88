"""dossiers.v1: every step of a dossier. Owned by intake, keyed by dossier code, without personal data."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.event import Data, Part, events
from contracts.money import FeeLine

TOPIC = "dossiers.v1"


class Status(IntEnum):
    """The national status codes of a dossier, shown everywhere in public."""

    REGISTERED = 1
    ACCEPTED = 2
    NOT_ACCEPTED = 3
    PROCESSING = 4
    SUPPLEMENT_ASKED = 5
    FINANCIAL_DUTY = 6
    WITHDRAWAL_ASKED = 7
    STOPPED = 8
    COMPLETED = 9
    RETURNED = 10


class Step(Part):
    """Where the dossier stands after this event: what a citizen must be able to see (NĐ 224/2026 art. 15)."""

    status: Status = Field(description="Mã trạng thái quốc gia 1–10")
    agency: str = Field(description="Mã cơ quan", examples=["G09.20"])
    agency_name: str = Field(examples=["Công an tỉnh Thái Nguyên"])
    department: str = Field(examples=["Bộ phận một cửa"])
    officer: str | None = Field(default=None, description="Cán bộ đang xử lý", examples=["Trần Văn Minh"])
    since: AwareDatetime
    due: AwareDatetime | None = Field(default=None, description="Hạn của bước này, khi có")
    result_due: AwareDatetime | None = Field(default=None, description="Ngày hẹn trả kết quả, khi đã hẹn")
    handler: str | None = Field(default=None, description="Mã cơ quan đang giữ hồ sơ, khi không phải cơ quan tiếp nhận")
    handler_name: str | None = None
    task: str | None = Field(default=None, description="Việc đang làm", examples=["Thẩm tra hồ sơ"])


class Submitted(Data):
    """Hồ sơ mới đăng ký. The citizen filed the form; it was found valid and got its code."""

    procedure: str = Field(examples=["1.002809"])
    procedure_version: int = Field(ge=1)
    procedure_name: str = Field(examples=["Đổi giấy phép lái xe"])
    person_id: UUID = Field(description="Người nộp; họ tên và số điện thoại chỉ có ở contacts.v1")
    fee_lines: tuple[FeeLine, ...] = ()
    payment_due: AwareDatetime | None = Field(default=None, description="Hạn nộp phí, khi có phí")
    step: Step


class FeesRequested(Data):
    """Yêu cầu thực hiện nghĩa vụ tài chính. The dossier waits for its fees.

    `fee_lines`, `payment_due`, `person_id` and `request_id` tell of fees that came up later; those of the form stand in
    `Submitted`, and cannot be taken back.
    """

    amount: int = Field(ge=1, description="Tổng số tiền phải nộp, đồng")
    fee_lines: tuple[FeeLine, ...] = ()
    payment_due: AwareDatetime | None = None
    person_id: UUID | None = Field(default=None, description="Người nộp, với phí phát sinh sau")
    request_id: UUID | None = Field(default=None, description="Mã của lần yêu cầu, với phí phát sinh sau")
    step: Step


class FeesWithdrawn(Data):
    """Cơ quan rút yêu cầu nộp phí. The agency took back a request for fees that came up later; nobody owes them.

    The dossier goes on where it was; whatever was paid for that request goes back whole.
    """

    request_id: UUID = Field(description="Mã của lần yêu cầu, như trong fees-requested")
    amount: int = Field(ge=1, description="Tổng số tiền không phải nộp nữa, đồng")
    reason: str = Field(min_length=1)
    step: Step


class FeesSettled(Data):
    """The fees were paid; the dossier is on the officer's desk again."""

    step: Step


class Appointment(Part):
    """An appointment that the procedure needs and that acceptance asks for."""

    purpose: str = Field(examples=["Chụp ảnh giấy phép lái xe"])
    place: str = Field(examples=["Trung tâm Phục vụ hành chính công tỉnh Thái Nguyên"])
    address: str
    minutes: int = Field(ge=5, le=480, description="Thời lượng, phút")


class Accepted(Data):
    """Hồ sơ được tiếp nhận. The processing clock runs from here to `step.due`."""

    appointment: Appointment | None = None
    step: Step


class Refused(Data):
    """Hồ sơ không được tiếp nhận, with its grounds. Final."""

    grounds: str = Field(min_length=1)
    step: Step


class ProcessingStarted(Data):
    """Hồ sơ đang xử lý by the named department or officer."""

    step: Step


class Marked(Part):
    """One thing that is wrong or missing: a field of the form or a document, and why."""

    kind: Literal["field", "document"]
    path: str = Field(description="Trường hoặc giấy tờ", examples=["details.licence_number"])
    name: str = Field(examples=["Số giấy phép lái xe"])
    reason: str = Field(min_length=1, examples=["Ảnh chụp mờ, không đọc được số"])


class SupplementRequested(Data):
    """Yêu cầu bổ sung giấy tờ, once and whole. The processing clock stands until the citizen has supplemented."""

    items: tuple[Marked, ...] = Field(min_length=1)
    until: AwareDatetime = Field(description="Hạn bổ sung")
    step: Step


class Supplemented(Data):
    """The citizen supplied all that was asked for; the clock runs again where it had begun to."""

    items: tuple[str, ...] = Field(min_length=1, description="Trường và giấy tờ đã bổ sung")
    step: Step


class WithdrawalRequested(Data):
    """Công dân yêu cầu rút hồ sơ."""

    step: Step


class WithdrawalDeclined(Data):
    """The dossier goes on where it was, with the reason."""

    reason: str = Field(min_length=1)
    step: Step


class Stopped(Data):
    """Dừng xử lý, with its reason. Final."""

    reason: str = Field(min_length=1)
    cause: Literal["unpaid", "withdrawn", "not_supplemented", "agency"] | None = None
    accepted: bool | None = Field(default=None, description="Hồ sơ đã được tiếp nhận trước khi dừng hay chưa")
    step: Step


class Assigned(Data):
    """An officer of the department took the dossier, or was given it."""

    step: Step


class HandedOn(Data):
    """The next step of the procedure, with its department or agency, has the dossier."""

    step: Step


class SentBack(Data):
    """The step before has the dossier again, with the reason."""

    reason: str = Field(min_length=1)
    step: Step


class Rescheduled(Data):
    """Xin lỗi và hẹn lại ngày trả kết quả: once, at least a day before the promised date (NĐ 61/2018 art. 19)."""

    promised: AwareDatetime
    reason: str = Field(min_length=1)
    step: Step


class DueChanged(Data):
    """The promised date moved by rule: the calendar changed, or something must be verified."""

    was: AwareDatetime
    cause: Literal["calendar", "verification"]
    reason: str = Field(min_length=1)
    step: Step


class DueSoon(Data):
    """The promised date is near and the dossier is not done."""

    step: Step


class Overdue(Data):
    """The promised date has passed and the dossier is not done."""

    step: Step


class Corrected(Data):
    """An officer corrected fields of the form; the citizen sees the old and the new value at intake."""

    fields: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)
    step: Step


class MessagePosted(Data):
    """A message inside the dossier; its text stays at intake."""

    message_id: UUID
    author: Literal["citizen", "officer"]
    step: Step


class Completed(Data):
    """Hồ sơ đã xử lý xong; the result waits to be handed over."""

    result: str = Field(description="Tên kết quả", examples=["Giấy phép lái xe"])
    result_number: str = Field(
        description="Số kết quả, che trừ bốn ký tự cuối: cả số có thể là dữ liệu cá nhân", examples=["********2345"]
    )
    delivery: Literal["desk", "post", "online"] | None = Field(default=None, description="Cách nhận kết quả đã chọn")
    step: Step


class ResultDispatched(Data):
    """The result is with the post, under its tracking number."""

    carrier: str = Field(examples=["Bưu điện Việt Nam"])
    tracking_number: str = Field(examples=["EB123456789VN"])
    step: Step


class Returned(Data):
    """Đã trả kết quả. Final."""

    delivery: str = Field(examples=["tại quầy"])
    step: Step


EVENTS = events(
    TOPIC,
    "vn.motcua.dossier",
    {
        "submitted": Submitted,
        "fees-requested": FeesRequested,
        "fees-withdrawn": FeesWithdrawn,
        "fees-settled": FeesSettled,
        "accepted": Accepted,
        "refused": Refused,
        "supplement-requested": SupplementRequested,
        "supplemented": Supplemented,
        "withdrawal-requested": WithdrawalRequested,
        "withdrawal-declined": WithdrawalDeclined,
        "processing-started": ProcessingStarted,
        "assigned": Assigned,
        "handed-on": HandedOn,
        "sent-back": SentBack,
        "rescheduled": Rescheduled,
        "due-changed": DueChanged,
        "due-soon": DueSoon,
        "overdue": Overdue,
        "corrected": Corrected,
        "message-posted": MessagePosted,
        "stopped": Stopped,
        "completed": Completed,
        "result-dispatched": ResultDispatched,
        "returned": Returned,
    },
)
