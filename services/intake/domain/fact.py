"""What data files are made of: facts, how certain each is, lengths of time and conditions."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Certainty = Literal["V", "2", "M"]
"""V read in a published source, 2 second-hand, M from memory and to be confirmed."""

Level = Literal["province", "commune"]


class Fact(BaseModel):
    """A piece of a data file: nothing in it is unknown, nothing is changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Duration(Fact):
    """A length of working time. Nought working days is the same day, or the next one after the cut-off."""

    amount: int = Field(ge=0, le=400)
    unit: Literal["working_days", "working_hours"] = "working_days"
    certainty: Certainty = "M"


class LegalBasis(Fact):
    """A law or a circular; the last day on which it is in force is `valid_to`, where an end is known."""

    name: str
    article: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    certainty: Certainty = "M"


class When(Fact):
    """A condition on the form: the field at this dotted path has one of these values (or, without any, is there)."""

    field: str
    one_of: tuple[str | int | bool, ...] = ()
