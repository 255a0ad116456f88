"""agency-reports.v1: what agencies' own systems did to dossiers. Written by agencies, keyed by dossier code.

A stranger's data, signed in the header `ce_signature` (docs/agencies.md): intake checks each report and says on
agency-answers.v1 what became of it.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.dossiers import Marked
from contracts.event import Data, events

TOPIC = "agency-reports.v1"


class Report(Data):
    """What every report says: who, of which dossier in their own books, and when it happened."""

    agency: str = Field(min_length=1, max_length=40, description="Mã cơ quan gửi báo cáo", examples=["G09.20"])
    report_id: str = Field(min_length=1, max_length=100, description="Mã báo cáo của cơ quan, không lặp lại")
    external_id: str | None = Field(default=None, max_length=100, description="Mã hồ sơ tại phần mềm của cơ quan")
    at: AwareDatetime
    department: str | None = Field(default=None, max_length=200)
    officer: str | None = Field(default=None, max_length=200)


class Accepted(Report):
    """The agency took the dossier in."""


class Processing(Report):
    """The agency works on the dossier; `department` and `officer` say who."""


class SupplementRequested(Report):
    """The agency needs more from the citizen: once and whole."""

    items: tuple[Marked, ...] = Field(min_length=1, max_length=100)


class Completed(Report):
    """The result exists; its document was uploaded to intake before."""

    result_number: str = Field(min_length=1, max_length=100)
    document_id: UUID


class ResultReturned(Report):
    """The citizen has the result."""

    delivery: Literal["desk", "post", "online"]


EVENTS = events(
    TOPIC,
    "vn.motcua.agency-report",
    {
        "accepted": Accepted,
        "processing": Processing,
        "supplement-requested": SupplementRequested,
        "completed": Completed,
        "result-returned": ResultReturned,
    },
)
