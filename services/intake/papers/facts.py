"""What each paper says: the facts of the forms 01–07 of TT 03/2025/TT-VPCP, complete in themselves.

A paper is kept as its facts and drawn when it is asked for: the same facts give the same bytes.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.money import Dong


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(_Facts):
    """Who issues the paper, and when. `superior` stands above the agency; `place` is where it was issued."""

    superior: str | None = None
    agency: str
    desk: str
    place: str | None = None
    phone: str | None = None
    number: str
    issued_at: AwareDatetime
    officer: str
    position: str = "Cán bộ tiếp nhận"


class About(_Facts):
    """The dossier that the paper is about; `status_url` is the page that its QR code leads to."""

    code: str
    procedure_code: str
    procedure: str
    applicant: str
    address: str | None = None
    phone: str | None = None
    email: str | None = None
    status_url: str


class Handed(_Facts):
    """A document that was handed in."""

    name: str
    originals: int = Field(default=0, ge=0)
    copies: int = Field(default=0, ge=0)
    note: str = ""


class FeePosition(_Facts):
    """A fee as the form lists it; `note` says why it is less, or nothing at all."""

    name: str
    legal_basis: str
    amount: Dong
    note: str = ""


class Meeting(_Facts):
    """An appointment that the procedure needs; `at` is None until it is booked."""

    purpose: str
    place: str
    address: str
    at: AwareDatetime | None = None


class Mark(_Facts):
    """A field or a document that an officer marked, and what is wrong with it."""

    what: str
    reason: str


class HandOver(_Facts):
    """A stretch of the way: who had the dossier since when until when, and what came of it."""

    agency: str
    department: str
    officer: str | None = None
    since: AwareDatetime
    until: AwareDatetime | None = None
    due: AwareDatetime | None = None
    result: str = ""


class RegisterRow(_Facts):
    """A dossier in an agency's register."""

    code: str
    procedure: str
    applicant: str
    contact: str = ""
    handler: str
    received_at: AwareDatetime
    due_at: AwareDatetime | None = None
    returned_at: AwareDatetime | None = None
    delivery: str = ""
    note: str = ""


class Receipt(_Facts):
    """01: the dossier was taken in, and when its result is due."""

    form: Literal["01"] = "01"
    head: Head
    about: About
    documents: tuple[Handed, ...] = ()
    received_at: AwareDatetime
    processing: str = Field(examples=["5 ngày làm việc"])
    due_at: AwareDatetime
    delivery: str
    fees: tuple[FeePosition, ...] = ()
    paid: bool = False
    meeting: Meeting | None = None


class SupplementRequest(_Facts):
    """02: what must be supplemented or corrected, asked for once and complete."""

    form: Literal["02"] = "02"
    head: Head
    about: About
    marks: tuple[Mark, ...] = Field(min_length=1)
    until: date | None = None
    legal_bases: tuple[str, ...] = ()


class Refusal(_Facts):
    """03: the dossier is not taken in, and why."""

    form: Literal["03"] = "03"
    head: Head
    about: About
    grounds: str
    marks: tuple[Mark, ...] = ()
    legal_bases: tuple[str, ...] = ()


class Apology(_Facts):
    """04: the result comes later than promised, why, and when."""

    form: Literal["04"] = "04"
    head: Head
    about: About
    received_at: AwareDatetime
    promised: AwareDatetime
    reason: str
    new_due: AwareDatetime
    legal_bases: tuple[str, ...] = ()


class StopNotice(_Facts):
    """05: the dossier is stopped, and why; `money` says what becomes of what was paid."""

    form: Literal["05"] = "05"
    head: Head
    about: About
    received_at: AwareDatetime
    stopped_at: AwareDatetime
    reason: str
    money: str | None = None
    legal_bases: tuple[str, ...] = ()


class ControlSlip(_Facts):
    """06: the dossier's way through departments and officers."""

    form: Literal["06"] = "06"
    head: Head
    about: About
    received_at: AwareDatetime
    due_at: AwareDatetime | None = None
    hand_overs: tuple[HandOver, ...] = Field(min_length=1)


class Register(_Facts):
    """07: the dossiers of an agency in a period; a longer one is several registers."""

    form: Literal["07"] = "07"
    head: Head
    since: date
    until: date
    rows: tuple[RegisterRow, ...] = Field(default=(), max_length=2000)  # 4 ms each


Paper = Annotated[
    Receipt | SupplementRequest | Refusal | Apology | StopNotice | ControlSlip | Register, Field(discriminator="form")
]
"""One of the forms, told apart by its number."""
