"""dossiers.v1: every step of a dossier. Owned by intake, keyed by dossier code, without personal data."""

from __future__ import annotations

from enum import IntEnum
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
    """Yêu cầu thực hiện nghĩa vụ tài chính. The dossier waits for its fees."""

    amount: int = Field(ge=1, description="Tổng số tiền phải nộp, đồng")
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


class Stopped(Data):
    """Dừng xử lý, with its reason: the fees were never paid, or the citizen withdrew. Final."""

    reason: str = Field(min_length=1)
    step: Step


class Completed(Data):
    """Hồ sơ đã xử lý xong; the result waits to be handed over."""

    result: str = Field(description="Tên kết quả", examples=["Giấy phép lái xe"])
    result_number: str = Field(
        description="Số kết quả, che trừ bốn ký tự cuối: cả số có thể là dữ liệu cá nhân", examples=["********2345"]
    )
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
        "fees-settled": FeesSettled,
        "accepted": Accepted,
        "refused": Refused,
        "processing-started": ProcessingStarted,
        "stopped": Stopped,
        "completed": Completed,
        "returned": Returned,
    },
)
