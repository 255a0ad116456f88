"""agency-answers.v1: what became of agencies' reports. Owned by intake, keyed by dossier code."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from contracts.dossiers import Status
from contracts.event import Data, events

TOPIC = "agency-answers.v1"


class ReportTaken(Data):
    """The report had its effect."""

    agency: str
    report_id: str
    external_id: str | None = None
    status: Status = Field(description="Trạng thái hồ sơ sau báo cáo")


class ReportRejected(Data):
    """The report had no effect; `code` is for programs, `vi` and `en` say why and what to do."""

    agency: str
    report_id: str
    external_id: str | None = None
    event_id: UUID | None = Field(default=None, description="Sự kiện bị từ chối, khi báo cáo đến bằng Kafka")
    code: str = Field(examples=["closed_dossier"])
    vi: str
    en: str


EVENTS = events(TOPIC, "vn.motcua.agency-answer", {"taken": ReportTaken, "rejected": ReportRejected})
