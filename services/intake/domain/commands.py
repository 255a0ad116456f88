"""What people tell a dossier to do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from chassis.decider import Message
from services.intake.domain.catalogue import Agency, Procedure


class Submit(Message):
    """A citizen files a form that was found right, under the code it was given."""

    code: str
    procedure: Procedure
    agency: Agency
    person_id: UUID
    form: dict[str, Any]


class ByOfficer(Message):
    """What every officer's command says: who, from where, and which version they were looking at."""

    officer: str
    agency: str
    department: str | None = None
    seen_version: int | None = None


class Accept(ByOfficer):
    """Tiếp nhận."""


class Refuse(ByOfficer):
    """Không tiếp nhận, with grounds."""

    grounds: str = Field(min_length=10, max_length=2000)


class StartProcessing(ByOfficer):
    """Chuyển xử lý."""


class Complete(ByOfficer):
    """Xử lý xong, with the number of the result document."""

    result_number: str = Field(min_length=1, max_length=100)


class Return(ByOfficer):
    """Trả kết quả."""

    delivery: str = Field(default="tại quầy", min_length=1, max_length=100)
