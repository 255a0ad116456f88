"""procedures.v1: the public catalogue. Owned by intake, keyed by procedure code, compacted."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from contracts.event import Data, events
from contracts.money import FeeLine

TOPIC = "procedures.v1"


class Published(Data):
    """A version of a procedure as it is open to the public."""

    code: str = Field(examples=["1.002809"])
    version: int = Field(ge=1)
    name: str
    effective_from: date
    processing_days: int = Field(ge=0, description="Ngày làm việc")
    needs_appointment: bool
    fee_lines: tuple[FeeLine, ...]
    legal_bases: tuple[str, ...]


EVENTS = events(TOPIC, "vn.motcua.procedure", {"published": Published})
