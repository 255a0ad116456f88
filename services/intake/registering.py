"""An agency's register of dossiers: its facts, from the rows of a period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from contracts.dossiers import Status
from services.intake.domain.agency import Agency
from services.intake.domain.moves import NAMES
from services.intake.papers.facts import Head, Register, RegisterRow
from services.intake.paperwork import DELIVERY


def register_of(agency: Agency, officer: str, days: tuple[date, date], rows: Sequence[Any], now: datetime) -> Register:
    """07, as it is now: what the agency received in these days, both among them."""
    since, until = days
    number = f"07/{agency.code}/{since:%y%m%d}-{until:%y%m%d}"
    head = Head(agency=agency.name, desk=agency.desk, number=number, issued_at=now, officer=officer)
    return Register(head=head, since=since, until=until, rows=tuple(map(_row, rows)))


def _row(row: Any) -> RegisterRow:
    applicant, delivery = row["applicant"] or {}, row["delivery"]
    contact = (delivery.get("address"), applicant.get("phone"), applicant.get("email"))
    returned = row["status"] == Status.RETURNED
    return RegisterRow(
        code=row["code"],
        procedure=f"{row['procedure_name']} ({row['procedure']})",
        applicant=applicant.get("name", ""),
        contact=", ".join(filter(None, contact)),
        handler=row["handler_name"],
        received_at=row["submitted_at"],
        due_at=row["result_due"],
        returned_at=row["since"] if returned else None,
        delivery=DELIVERY[delivery["method"]],
        note="" if returned else NAMES[row["status"]].capitalize(),
    )
