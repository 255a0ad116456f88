"""The calendars of all agencies: working hours as the data file says, with what operators changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml
from pydantic import TypeAdapter

from services.intake.domain.calendar import Calendar, WorkingTime

_FILE = files("services.intake") / "catalogue" / "calendars.yaml"
_YEARS_BEFORE, _YEARS_AHEAD = 10, 5  # a dossier may be old when its due date is counted anew


def load(file: Traversable = _FILE) -> dict[str, WorkingTime]:
    """Working hours by key. Raises pydantic.ValidationError for a file that is wrong."""
    return TypeAdapter(dict[str, WorkingTime]).validate_python(yaml.load(file.read_text("utf-8"), yaml.CSafeLoader))


def build(
    plans: Mapping[str, WorkingTime], today: date, changes: Mapping[str, Mapping[date, bool]]
) -> dict[str, Calendar]:
    """A calendar for each key, for the years around `today`; `changes` by key: days worked (True) or off."""
    years = range(today.year - _YEARS_BEFORE, today.year + _YEARS_AHEAD + 1)
    return {key: Calendar.build(plan, years, changes.get(key)) for key, plan in plans.items()}
