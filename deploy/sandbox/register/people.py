"""Whom the register has: the sandbox's citizens, and some people that a test or a demonstration needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.oidc.registry import Registry


class Person(BaseModel):
    """What the register tells of a person."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(examples=["Nguyễn Thị Ánh"])
    birth_date: str = Field(description="YYYY-MM-DD")
    sex: Literal["male", "female"]
    deceased_on: str | None = Field(default=None, description="YYYY-MM-DD; null: alive")


class Entry(Person):
    """A person as the register keeps it. `answers`: how the register itself fails for this ID."""

    citizen_id: str
    note: str = ""
    answers: Literal["truly", "away", "slow"] = "truly"

    def told(self) -> Person:
        return Person(**self.model_dump(include=set(Person.model_fields)))


def load() -> Mapping[str, Entry]:
    """Everybody, by citizen ID."""
    citizens = [
        Entry(
            name=persona.name,
            note=persona.note,
            **{key: persona.form[key] for key in ("citizen_id", "birth_date", "sex")},
        )
        for persona in Registry.load().personas.values()
        if persona.role == "citizen"
    ]
    more = json.loads((Path(__file__).parent / "persons.json").read_text("utf-8"))["persons"]
    return {entry.citizen_id: entry for entry in (*citizens, *(Entry(**each) for each in more))}
