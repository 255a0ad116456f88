"""What intake shows of a dossier over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from contracts.money import FeeLine, total
from services.intake.domain.dossier import Asked, Attached, Delivery, Dossier
from services.intake.domain.identity import without_values
from services.intake.domain.moves import NAMES


class DossierSummary(BaseModel):
    """A dossier in a list."""

    code: str
    procedure: str
    procedure_name: str
    agency: str
    agency_name: str
    handler: str
    handler_name: str
    department: str
    officer: str | None
    status: int
    status_name: str
    since: datetime
    due: datetime | None
    result_due: datetime | None = Field(description="Ngày hẹn trả")
    submitted_at: datetime

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> DossierSummary:
        return cls(**row, status_name=NAMES[row["status"]])


class DossierPage(BaseModel):
    """A page of dossiers, newest first; ask for the next one with `cursor`."""

    items: list[DossierSummary]
    cursor: str | None = None


class DossierView(DossierSummary):
    """A dossier for its citizen and its officers."""

    version: int
    task: str | None = Field(description="Bước đang làm")
    fee_lines: tuple[FeeLine, ...]
    fee_total: int
    currency: str = "VND"
    grounds: str | None
    result: str
    result_number: str | None
    result_document: Attached | None
    delivery: Delivery
    tracking_number: str | None
    documents: tuple[Attached, ...]
    at_desk: tuple[str, ...]
    supplement: Asked | None
    register_check: dict[str, Any] | None = Field(description="Đối chiếu với cơ sở dữ liệu hộ tịch, dân cư")
    external_id: str | None
    filed_by: str | None
    form: dict[str, Any]

    @classmethod
    def of(cls, dossier: Dossier) -> DossierView:
        return cls(
            **dossier.model_dump(include=set(cls.model_fields) & set(Dossier.model_fields)),
            status_name=NAMES[dossier.status],
            fee_total=total(dossier.fee_lines),
            task=None if dossier.stage is None else dossier.stages[dossier.stage].name,
        )

    @classmethod
    def for_citizen(cls, dossier: Dossier) -> DossierView:
        """Without what the register has: only which fields differ from it."""
        check = dossier.register_check and without_values(dossier.register_check)
        return cls.of(dossier.model_copy(update={"register_check": check}))


class Line(BaseModel):
    """A line of a dossier's journal; `paper` is the number of the form that it made due."""

    number: int
    at: datetime
    kind: str
    by: str | None
    role: str
    paper: str | None
    body: dict[str, Any]


class Journal(BaseModel):
    """What was done to a dossier, in its order."""

    lines: list[Line]

    @classmethod
    def of_rows(cls, rows: Sequence[Any]) -> Journal:
        lines = [Line(**{name: row[name] for name in Line.model_fields}) for row in rows]
        for line in lines:
            line.body.pop("issued", None)  # what its paper says
        return cls(lines=lines)


class Post(BaseModel):
    """A message inside a dossier."""

    message_id: UUID
    at: datetime
    author: str
    by: str | None
    text: str


class Submission(BaseModel):
    """The answer to a filed form."""

    code: str
    status: int
    status_name: str
    fee_total: int
    currency: str = "VND"
    payment_due: datetime | None
    submitted_at: datetime
