"""What officers are shown of many dossiers: a page of a list, a workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.intake.domain.lateness import Horizon, Lateness
from services.intake.domain.moves import NAMES
from services.intake.store.desk import OPEN
from services.intake.views import DossierSummary

_COUNTED = ("open", "late", "today", "soon")


class DeskItem(DossierSummary):
    """A dossier in an officers' list; `version` is what a batch may name to have seen."""

    version: int
    applicant: str | None
    task: str | None = Field(description="Bước đang làm")
    lateness: Lateness | None = Field(description="Không có khi đã giải quyết xong")

    @classmethod
    def of(cls, row: dict[str, Any], horizon: Horizon) -> DeskItem:
        is_open = row["status"] in OPEN
        lateness = horizon.of(row["due"], row["result_due"]) if is_open else None
        return cls(**row, status_name=NAMES[row["status"]], lateness=lateness)


class DeskPage(BaseModel):
    """A page of dossiers; ask for the next one with `cursor` and everything else as it was."""

    items: list[DeskItem]
    cursor: str | None = None


class Load(BaseModel):
    """How many dossiers are open; of these late, due today and due within the next two working days; and by status."""

    open: int
    late: int
    today: int
    soon: int
    by_status: dict[int, int]

    @classmethod
    def counts(cls, rows: Sequence[Any]) -> dict[str, Any]:
        statuses = Counter[int]()
        for row in rows:
            statuses[row["status"]] += row["open"]
        return {
            **{name: sum(row[name] for row in rows) for name in _COUNTED},
            "by_status": dict(sorted(statuses.items())),
        }


class OfOfficer(Load):
    """The load of an officer, or what nobody has been given."""

    officer: str | None


class OfDepartment(Load):
    """The load of a department, and of each of its officers."""

    department: str
    officers: list[OfOfficer]


class OfAgency(BaseModel):
    """What another agency has now."""

    handler: str
    handler_name: str
    open: int
    late: int
    today: int
    soon: int


class Workload(Load):
    """The load of an agency. `to_return` results wait to be handed over; `elsewhere` is what others have of it."""

    agency: str
    at: datetime
    to_return: int
    departments: list[OfDepartment]
    elsewhere: list[OfAgency]

    @classmethod
    def of(cls, agency: str, at: datetime, here: Sequence[Any], elsewhere: Sequence[Any], to_return: int) -> Workload:
        return cls(
            agency=agency,
            at=at,
            to_return=to_return,
            departments=[
                OfDepartment(
                    department=department,
                    officers=[
                        OfOfficer(officer=officer, **Load.counts(rows))
                        for officer, rows in _by("officer", them).items()
                    ],
                    **Load.counts(them),
                )
                for department, them in _by("department", here).items()
            ],
            elsewhere=[OfAgency(**dict(row)) for row in elsewhere],
            **Load.counts(here),
        )


def _by(name: str, rows: Sequence[Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found
