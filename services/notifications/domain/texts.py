"""What the citizen reads: a notice's facts put into words, short for a phone, whole for a letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chassis.clock import VIETNAM
from services.notifications.domain import sms
from services.notifications.domain.contact import Language
from services.notifications.domain.notice import Facts
from services.notifications.domain.wording import Wording
from services.notifications.domain.wordings import NO_TIME, WORDINGS

MOST_PARTS = 2

# What may be cut short on a phone; the letter and the portal have it whole.
_FREE = (
    "grounds", "reason", "items", "address", "place", "purpose", "procedure", "result", "department", "delivery", "carrier",
)  # fmt: skip
_SHORTEST, _LONGEST = 8, 320
"""How short a free word may be cut; and how long one can never be on a phone, whatever else is said."""

_TIMES = ("due", "starts_at", "ends_at", "until", "was", "at")


class TextError(ValueError):
    """A notice cannot be put into words; the text says which part of it is missing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail's words, without salutation: they hold no personal data."""

    subject: str
    paragraphs: tuple[str, ...]


def letter(template: str, language: Language, facts: Facts, code: str, link: str) -> Letter:
    """The e-mail. Raises TextError."""
    wording, values = _prepare(template, language, facts, code, link)
    paragraphs = tuple(_fill(paragraph, values) for paragraph in wording.paragraphs)
    return Letter(_fill(wording.subject, values), paragraphs)


def message(template: str, language: Language, facts: Facts, code: str, link: str) -> sms.Sms:
    """The SMS, of at most MOST_PARTS parts: free words are cut short, the longest first. Raises TextError."""
    wording, values = _prepare(template, language, facts, code, link)
    values |= {name: f"{values[name][:_LONGEST]}..." for name in _FREE if len(values.get(name, "")) > _LONGEST}
    while True:
        composed = sms.compose(_fill(wording.sms, values))
        if composed.parts <= MOST_PARTS:
            return composed
        longest = max((name for name in _FREE if name in values), key=lambda name: len(values[name]), default=None)
        if longest is None or len(values[longest]) <= _SHORTEST:
            raise TextError(f"{template}: longer than {MOST_PARTS} parts")
        values[longest] = values[longest].removesuffix("...")[:-4].rstrip() + "..."


def money(amount: int, language: Language) -> str:
    """Whole đồng as people write them: 135.000 đ, or VND 135,000."""
    grouped = f"{amount:,}"
    return f"VND {grouped}" if language == "en" else f"{grouped.replace(',', '.')} đ"


def moment(at: datetime, language: Language) -> str:
    """A time of day and a date in Vietnam."""
    local = at.astimezone(VIETNAM)
    return f"{local:%H:%M} {'on' if language == 'en' else 'ngày'} {local:%d/%m/%Y}"


def _prepare(template: str, language: Language, facts: Facts, code: str, link: str) -> tuple[Wording, dict[str, str]]:
    wording = WORDINGS.get((template, language))
    if wording is None:
        raise TextError(f"there is no wording of {template} in {language}")
    values = {name: _worded(name, value, language) for name, value in facts.items()}
    return wording, {**values, "code": code, "link": link}


def _worded(name: str, value: str | int | None, language: Language) -> str:
    if name in ("amount", "outstanding") and isinstance(value, int):
        return money(value, language)
    if name == "due" and value is None:
        return NO_TIME[language]
    if name in _TIMES:
        return moment(datetime.fromisoformat(str(value)), language)
    return " ".join(str(value or "").split())


def _fill(pattern: str, values: dict[str, str]) -> str:
    try:
        return pattern.format_map({name: _Present(name, value) for name, value in values.items()})
    except KeyError as error:
        raise TextError(f"{error.args[0]} is missing") from None


class _Present(str):
    """A value that must not be empty where it is used."""

    name: str

    def __new__(cls, name: str, value: str) -> _Present:
        made = super().__new__(cls, value)
        made.name = name
        return made

    def __format__(self, specification: str) -> str:
        if not self:
            raise TextError(f"{self.name} is empty")
        return super().__format__(specification)
