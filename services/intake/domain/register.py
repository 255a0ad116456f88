"""Asking the civil register about a person, and what its answer differs in. Differences are shown, never taken over."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.decider import Message

Sex = Literal["male", "female"]
Field = Literal["name", "birth_date", "sex", "living"]


class CheckRegister(Message):
    """Look a person up; `code` is the dossier for which it is done, which the register keeps as the reason.

    Name, birth date and sex are what was typed; they stay here, only the citizen ID is sent. Those that are None were not
    asked for and are not compared. `number` counts the questions of one dossier.
    """

    code: str
    number: int = 1
    citizen_id: str
    name: str
    birth_date: date | None = None
    sex: Sex | None = None


class Registered(BaseModel):
    """A person as the register has it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    birth_date: date
    sex: Sex
    deceased_on: date | None = None


class Difference(BaseModel):
    """A field that the register has otherwise, days as YYYY-MM-DD.

    `accents`: a name that differs in nothing but its Vietnamese marks, as old records do. `living`: the person has died;
    `registered` is the day.
    """

    model_config = ConfigDict(frozen=True)

    field: Field
    kind: Literal["other", "accents"]
    typed: str
    registered: str


class RegisterAnswered(Message):
    """The answer to a dossier's question of this number: the register has the person or not, and what it has otherwise."""

    number: int = 1
    found: bool
    differences: tuple[Difference, ...] = ()
    checked_at: datetime


def answered(request: CheckRegister, registered: Registered | None, now: datetime) -> RegisterAnswered:
    """The answer that follows from what the register has; None when it has nobody with this ID."""
    differences = compare(request, registered) if registered is not None else ()
    return RegisterAnswered(
        number=request.number, found=registered is not None, differences=differences, checked_at=now
    )


def compare(typed: CheckRegister, registered: Registered) -> tuple[Difference, ...]:
    """What the register has otherwise, in the order name, birth date, sex, living."""
    found = []
    if _letters(typed.name) != _letters(registered.name):
        same_but_accents = _without_accents(typed.name) == _without_accents(registered.name)
        kind: Literal["other", "accents"] = "accents" if same_but_accents else "other"
        found.append(Difference(field="name", kind=kind, typed=typed.name, registered=registered.name))
    if typed.birth_date not in (None, registered.birth_date):
        found.append(_other("birth_date", str(typed.birth_date), str(registered.birth_date)))
    if typed.sex not in (None, registered.sex):
        found.append(_other("sex", str(typed.sex), registered.sex))
    if registered.deceased_on is not None:
        found.append(_other("living", "", str(registered.deceased_on)))
    return tuple(found)


def _other(field: Field, typed: str, registered: str) -> Difference:
    return Difference(field=field, kind="other", typed=typed, registered=registered)


def _letters(name: str) -> str:
    """A name as it is compared: whatever its normal form, its capitals and its spaces."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _without_accents(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", _letters(name))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).replace("đ", "d")
