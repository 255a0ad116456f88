"""What intake shows of a dossier over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from contracts.money import FeeLine, total
from services.intake.domain.dossier import NAMES, Dossier


class DossierSummary(BaseModel):
    """A dossier in a list."""

    code: str
    procedure: str
    procedure_name: str
    agency: str
    agency_name: str
    department: str
    officer: str | None
    status: int
    status_name: str
    since: datetime
    due: datetime | None
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
    fee_lines: tuple[FeeLine, ...]
    fee_total: int
    currency: str = "VND"
    grounds: str | None
    result: str
    result_number: str | None
    form: dict[str, Any]

    @classmethod
    def of(cls, dossier: Dossier) -> DossierView:
        return cls(
            **dossier.model_dump(include=set(cls.model_fields) & set(Dossier.model_fields)),
            status_name=NAMES[dossier.status],
            fee_total=total(dossier.fee_lines),
        )


class Submission(BaseModel):
    """The answer to a filed form."""

    code: str
    status: int
    status_name: str
    fee_total: int
    currency: str = "VND"
    payment_due: datetime | None
    submitted_at: datetime
