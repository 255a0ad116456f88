"""procedures.v1: the public catalogue. Owned by intake, keyed by procedure code, compacted."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from contracts.event import Data, Part, events
from contracts.money import FeeLine

TOPIC = "procedures.v1"


class Time(Part):
    """A length of working time; nought working days is the same day, or the next one after the cut-off."""

    amount: int = Field(ge=0)
    unit: Literal["working_days", "working_hours"] = "working_days"


class CaseNamed(Part):
    """A case of the procedure (trường hợp)."""

    key: str = Field(examples=["dung_han"])
    name: str


class PaperAsked(Part):
    """A document that the procedure asks for (thành phần hồ sơ)."""

    key: str
    name: str
    originals: int = Field(ge=0)
    copies: int = Field(ge=0)
    required: bool
    at_desk: bool = Field(description="Có thể nộp hoặc xuất trình tại quầy")


class FeeRule(Part):
    """A fee and how it is counted, in words."""

    code: str
    kind: Literal["phí", "lệ phí"]
    name: str
    rule_vi: str = Field(examples=["2.000 đồng một trang, 1.000 đồng một trang từ trang thứ 3"])
    legal_basis: str
    valid_from: date | None = None
    valid_to: date | None = None


class Basis(Part):
    """A law or a circular; `valid_to` is the last day on which it is in force, where an end is known."""

    name: str
    article: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


class BasisEnds(Part):
    """A legal basis that ends soon, or has ended (days_left below nought), counted on the day of this event."""

    name: str
    ends_on: date
    days_left: int


class Published(Data):
    """A version of a procedure as it is open to the public.

    Of the versions of a procedure this is the one in force; before any is, the next one; after all are, the last one,
    `closed`. `processing_days` and `fee_lines` say of `processing` and `fees` what they say of every dossier.
    """

    code: str = Field(examples=["1.002809"])
    version: int = Field(ge=1)
    name: str
    effective_from: date
    processing_days: int = Field(ge=0, description="Ngày làm việc")
    needs_appointment: bool
    fee_lines: tuple[FeeLine, ...]
    legal_bases: tuple[str, ...]
    state: Literal["open", "closed"] = "open"
    effective_to: date | None = Field(default=None, description="Ngày cuối cùng còn hiệu lực, khi đã biết")
    domain: str | None = Field(default=None, description="Lĩnh vực", examples=["Hộ tịch"])
    levels: tuple[Literal["province", "commune"], ...] = Field(default=(), description="Cấp thực hiện")
    online: Literal["full", "partial"] | None = Field(default=None, description="Toàn trình hay một phần")
    processing: Time | None = None
    extended: Time | None = Field(default=None, description="Thời hạn khi phải xác minh")
    agencies: tuple[str, ...] = Field(
        default=(), description="Mã các cơ quan tiếp nhận; không nêu: mọi cơ quan của các cấp thực hiện"
    )
    cases: tuple[CaseNamed, ...] = ()
    documents: tuple[PaperAsked, ...] = ()
    fees: tuple[FeeRule, ...] = ()
    bases: tuple[Basis, ...] = ()
    expiring: tuple[BasisEnds, ...] = Field(default=(), description="Căn cứ pháp lý hết hiệu lực trong 60 ngày tới")
    result: str | None = Field(default=None, examples=["Giấy phép lái xe"])


EVENTS = events(TOPIC, "vn.motcua.procedure", {"published": Published})
