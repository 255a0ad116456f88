"""What status shows of a dossier over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.status.domain.facts import Appointment, Entry, NewDate, Payment, Posts, Result, Supplement, Withdrawal
from services.status.domain.sentences import EVENTS, STATUSES
from services.status.domain.view import View


class Line(BaseModel):
    """One line of the timeline; who has the dossier is told where the event tells it."""

    at: datetime
    topic: str
    type: str
    text_vi: str
    text_en: str
    status: int | None = None
    agency: str | None = None
    agency_name: str | None = None
    handler: str | None = None
    handler_name: str | None = None
    department: str | None = None
    officer: str | None = None
    task: str | None = None
    since: datetime | None = None
    due: datetime | None = None
    result_due: datetime | None = None

    @classmethod
    def of(cls, entry: Entry) -> Line:
        text, holder = EVENTS[entry.type], dict(entry.holder) if entry.holder else {}
        return cls(at=entry.at, topic=entry.topic, type=entry.type, text_vi=text.vi, text_en=text.en, **holder)


class Notice(BaseModel):
    """A notice on one channel, and how far it got: `sent`, `delivered` or `failed`."""

    channel: str
    template: str
    state: str
    at: datetime
    reason: str | None = None


class Delivery(BaseModel):
    """What reached the citizen: the result and the notices."""

    result: Result | None = None
    notices: list[Notice] = []


class DossierSummary(BaseModel):
    """A dossier in a list: who has it, since when, due when. What is not known yet is null."""

    code: str
    opened_at: datetime
    procedure: str | None
    procedure_name: str | None
    status: int | None = Field(description="Mã trạng thái quốc gia 1–10")
    status_vi: str | None
    status_en: str | None
    agency: str | None
    agency_name: str | None
    handler: str | None = Field(description="Cơ quan đang giữ hồ sơ, khi không phải cơ quan tiếp nhận")
    handler_name: str | None
    department: str | None
    officer: str | None
    task: str | None = Field(description="Việc đang làm")
    since: datetime | None
    due: datetime | None = Field(description="Hạn của bước này")
    result_due: datetime | None = Field(description="Ngày hẹn trả kết quả")
    due_soon: bool
    overdue: bool = Field(description="Đã quá ngày hẹn trả mà chưa xong")

    @classmethod
    def of(cls, known: Mapping[str, Any], **more: Any) -> Self:
        text = STATUSES.get(known["status"])
        return cls.model_validate(
            {
                **known,
                "code": known["dossier_code"],
                "status_vi": text and text.vi,
                "status_en": text and text.en,
                "due_soon": known["lateness"] == "soon",
                "overdue": known["lateness"] == "late",
                **more,
            }
        )


class DossierView(DossierSummary):
    """A dossier with its four facts, each its owner's own: status, payment, appointment, delivery."""

    procedure_version: int | None
    grounds: str | None = Field(description="Lý do không tiếp nhận hoặc dừng xử lý")
    supplement: Supplement | None = Field(description="Yêu cầu bổ sung")
    withdrawal: Withdrawal | None = Field(description="Yêu cầu rút hồ sơ gần nhất")
    new_dates: tuple[NewDate, ...] = Field(description="Những lần đổi ngày hẹn trả")
    posts: Posts = Field(description="Số lời nhắn trong hồ sơ")
    payment: Payment | None = Field(description="Khoản phí mới nhất")
    payments: list[Payment] = Field(description="Mọi khoản phí, cũ nhất trước")
    appointment: Appointment | None = Field(description="Lịch hẹn mới nhất")
    delivery: Delivery
    timeline: list[Line]
    version: int

    @classmethod
    def of_view(cls, view: View) -> Self:
        notices = [Notice(**dict(notice)) for _, notice in sorted(view.notices.items())]
        return cls.of(
            dict(view),
            payment=_newest(view.payments),
            payments=[bill for _, bill in sorted(view.payments.items())],
            appointment=_newest(view.appointments),
            delivery=Delivery(result=view.result, notices=notices),
            timeline=[Line.of(entry) for entry in view.timeline],
        )


class DossierPage(BaseModel):
    """A page of dossiers, newest first; ask for the next one with `cursor`."""

    items: list[DossierSummary]
    cursor: str | None = None


def _newest(known: Mapping[UUID, Any]) -> Any:
    """The one with the greatest id: ids are UUIDv7, which begin with the time."""
    return known[max(known)] if known else None
