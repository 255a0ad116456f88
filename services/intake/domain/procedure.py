"""What a procedure is: one version of it as its data file says, with how certain each fact is."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.dossiers import Appointment
from contracts.money import Dong

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


class FixedRule(Fact):
    """So much a dossier."""

    by: Literal["fixed"]
    amount: Dong


class CopyRule(Fact):
    """So much a copy; `copies` is the path of the number in the form."""

    by: Literal["copy"]
    amount: Dong
    copies: str = "details.copies"


class PageStep(Fact):
    """From this page of a copy on, each page costs so much."""

    from_page: int = Field(ge=1)
    amount: Dong


class PageRule(Fact):
    """By pages of each copy, in steps, at most `cap` a copy."""

    by: Literal["page"]
    steps: tuple[PageStep, ...] = Field(min_length=1)
    cap: Dong | None = None
    pages: str = "details.pages"
    copies: str = "details.copies"


class ChoiceRule(Fact):
    """So much by the value of a field; what is not listed is free."""

    by: Literal["choice"]
    field: str
    amounts: dict[str, Dong]


class LateRule(Fact):
    """So much when more than `days` calendar days have gone by since the date in a field."""

    by: Literal["late"]
    since: str
    days: int = Field(ge=0)
    amount: Dong


Rule = Annotated[FixedRule | CopyRule | PageRule | ChoiceRule | LateRule, Field(discriminator="by")]


class Reduction(Fact):
    """Another amount for some: `amount` in the place of each unit's, or nothing at all where it is 0 (an exemption)."""

    when: When
    amount: Dong
    reason: str
    legal_basis: str
    certainty: Certainty = "M"


class OnlineDiscount(Fact):
    """Filed online until this day (inclusive), the line costs `percent` of its amount, rounded down to whole đồng."""

    percent: int = Field(ge=0, le=100)
    until: date
    legal_basis: str
    certainty: Certainty = "M"


class Fee(Fact):
    """One fee line and how much it is. `refundable`: what this line's own circular lets be returned, and until when."""

    code: str
    kind: Literal["phí", "lệ phí"]
    name: str
    rule: Rule
    legal_basis: str
    beneficiary: str
    refundable: Literal["never", "before_acceptance", "before_result"] = "never"
    valid_from: date | None = None
    valid_to: date | None = None
    reductions: tuple[Reduction, ...] = ()
    online: OnlineDiscount | None = None
    certainty: Certainty = "M"


class Paper(Fact):
    """A document that the procedure asks for (thành phần hồ sơ); `key` names its place in the form's `documents`.

    A required one is uploaded, or brought to the desk where `at_desk` allows it.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: str
    originals: int = Field(default=0, ge=0, le=20)
    copies: int = Field(default=1, ge=0, le=20)
    required: bool = True
    at_desk: bool = False
    when: When | None = None
    most_files: int = Field(default=5, ge=1, le=20)
    certainty: Certainty = "M"


class ProcessStep(Fact):
    """One step inside the agencies: who works on it, and for how long.

    `at`: the receiving agency, the agency above it, or an agency's code. `procedure` names the interlinked procedure
    (liên thông) that is carried out in this step.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: str
    at: str = "receiving"
    department: str
    time: Duration | None = None
    procedure: str | None = None
    certainty: Certainty = "M"


class Case(Fact):
    """A case of the procedure (trường hợp), to which the guide's questions lead."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: str


class FormRule(Fact):
    """What a schema cannot say of the details; `rule` names the check, `field` and `other` are dotted paths.

    not_after/not_before: a date against `other` (a date in the form, or `today`); at_least: a number against `other`
    (a number in the form); tax_code: an MST; citizen_id: a citizen ID, against birth date `other` and sex `third`;
    phone: a mobile number; working_days_ahead: a date at least `days` working days from today;
    at_least_years: a date of birth `years` years before today; differs: not the same as `other`.
    """

    rule: Literal[
        "not_after", "not_before", "at_least", "tax_code", "citizen_id", "phone", "working_days_ahead",
        "at_least_years", "differs",
    ]  # fmt: skip
    field: str
    other: str | None = None
    third: str | None = None
    days: int | None = None
    years: int | None = None
    vi: str | None = None
    en: str | None = None


class Procedure(Fact):
    """One version of an administrative procedure. `details` is the JSON Schema of its own part of the form.

    `agencies` that take it are named, or all of the `levels`; `extended` is the time when something must be verified.
    """

    code: str
    version: int = Field(ge=1)
    name: str
    domain: str
    levels: tuple[Level, ...] = Field(min_length=1)
    agencies: tuple[str, ...] = ()
    online: Literal["full", "partial"]
    effective_from: date
    effective_to: date | None = None
    certainty: dict[str, Certainty]
    processing: Duration
    extended: Duration | None = None
    payment_days: int = Field(default=10, ge=1, le=90)
    supplement_days: int = Field(default=30, ge=1, le=180)
    result: str
    delivery: tuple[Literal["desk", "post", "online"], ...] = ("desk", "post", "online")
    legal_bases: tuple[LegalBasis, ...] = Field(min_length=1)
    cases: tuple[Case, ...] = ()
    fees: tuple[Fee, ...] = ()
    documents: tuple[Paper, ...] = ()
    appointment: Appointment | None = None
    process: tuple[ProcessStep, ...] = Field(min_length=1)
    rules: tuple[FormRule, ...] = ()
    details: dict[str, Any]
