"""An agency's report as it reaches its dossier, and what is written down of its answer."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from chassis.decider import Message
from contracts import agency_reports
from contracts.agency_reports import Report
from contracts.dossiers import Status
from contracts.event import Data
from services.intake.domain.dossier import Attached

Proof = Literal["proven", "unknown_agency", "bad_signature"]

_LONGEST_CODE = 100

KINDS: dict[type[Data], str] = {data: data.TYPE.split(".")[-2] for data in agency_reports.EVENTS}


class Earlier(BaseModel):
    """What was taken under the same report id."""

    model_config = ConfigDict(frozen=True)

    digest: str
    status: Status


class Reported(Message):
    """A report, its texts as they are kept, with what is known of it beyond its dossier.

    `code` is the dossier that it speaks of, as far as that can be told; `proof` whether its agency sent it; `named` the
    dossier that bears its external id already; `document` its result document, where the agency has uploaded it, unless
    a dossier has it already: then it is `used`.
    """

    code: str
    report: Report
    proof: Proof = "proven"
    event_id: UUID | None = None
    earlier: Earlier | None = None
    named: str | None = None
    document: Attached | None = None
    used: bool = False

    @classmethod
    def of(cls, code: str, report: Report, **known: Any) -> Self:
        """For a report as it was sent."""
        return cls(code=clean(code)[:_LONGEST_CODE], report=cleaned(report), **known)


class Answered(Message):
    """What became of a report; `digest` tells two reports of one id apart, `problem` is why it was rejected."""

    agency: str
    report_id: str
    at: datetime
    kind: str
    code: str
    external_id: str | None
    digest: str
    taken: bool
    status: Status | None = None
    document_id: UUID | None = None
    problem: dict[str, str] | None = None


def kind_of(report: Report) -> str:
    """The last word of its type, as `accepted`."""
    return KINDS[type(report)]


def digest(code: str, report: Report) -> str:
    """SHA-256 of what a report says of a dossier, in hexadecimal digits; however it is written, and by either way."""
    said = report.model_dump(mode="json", include=set(type(report).model_fields))
    return sha256(to_json([kind_of(report), code, said | {"at": report.at.timestamp()}])).hexdigest()


def cleaned(report: Report) -> Report:
    """The report with its texts cleaned, None for an optional one that is empty then; fields unknown to us are left out."""
    fields = {name: _clean(getattr(report, name)) for name in type(report).model_fields}
    fields |= {name: fields[name] or None for name in ("external_id", "department", "officer")}
    return type(report).model_construct(**fields)


def clean(text: str) -> str:
    """Text as it is kept: one line, NFC, without control, format and other characters that nothing shows."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    shown = "".join(character for character in spaced if not unicodedata.category(character).startswith("C"))
    return " ".join(unicodedata.normalize("NFC", shown).split())


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(
            item.model_copy(update={name: clean(getattr(item, name)) for name in ("path", "name", "reason")})
            for item in value
        )
    return value
