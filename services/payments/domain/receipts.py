"""Receipts (biên lai): a number per year without gap or duplicate; what was replaced or cancelled is kept.

Numbers have at most 8 digits and begin with 1 each year.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.clock import VIETNAM
from chassis.decider import Message
from contracts.money import FeeLine


class Receipt(BaseModel):
    """A numbered receipt of a bill over `amount` đồng. `ended`: it no longer holds."""

    model_config = ConfigDict(frozen=True)

    number: str
    amount: int
    issued_at: datetime
    replaces: str | None = None
    ended: Literal["replaced", "cancelled"] | None = None


class Issued(Message):
    """Write a receipt down, for good: `lines` are the fees that it is for."""

    note: Literal["receipt"] = "receipt"
    number: str
    year: int
    ordinal: int
    dossier_code: str
    bill_id: str
    agency: str
    amount: int
    lines: tuple[FeeLine, ...]
    issued_at: datetime
    replaces: str | None


class Ended(Message):
    """Write down that a receipt no longer holds, and why."""

    note: Literal["receipt_end"] = "receipt_end"
    number: str
    kind: Literal["replaced", "cancelled"]
    reason: str
    ended_at: datetime


def year_of(now: datetime) -> int:
    """The year of a receipt that is issued now, in Vietnam."""
    return now.astimezone(VIETNAM).year


def series_of(now: datetime) -> str:
    """The series that a receipt's number is drawn from."""
    return f"receipt {year_of(now)}"


def number_of(now: datetime, ordinal: int) -> str:
    """A receipt's number as people write it."""
    return f"{year_of(now)}/{ordinal:08d}"
