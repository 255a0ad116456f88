"""What a procedure is: one version of it as its data file says, with how certain each fact is."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from contracts.dossiers import Appointment
from contracts.money import FeeLine, total
from services.intake.domain.fact import Certainty, Duration, Fact, LegalBasis, Level, When
from services.intake.domain.tariff import (
    ChoiceRule,
    CopyRule,
    Fee,
    FixedRule,
    LateRule,
    OnlineDiscount,
    PageRule,
    PageStep,
    Reduction,
    Rule,
)

__all__ = [
    "Case", "Certainty", "ChoiceRule", "CopyRule", "Duration", "Fact", "Fee", "FixedRule", "FormRule", "LateRule",
    "LegalBasis", "Level", "OnlineDiscount", "PageRule", "PageStep", "Paper", "Procedure", "ProcessStep", "Reduction",
    "Rule", "When",
]  # fmt: skip


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
    (liên thông) that is carried out in this step. A dossier whose form does not meet `when` goes past the step.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: str
    at: str = "receiving"
    department: str
    time: Duration | None = None
    procedure: str | None = None
    when: When | None = None
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

    `agencies` that take it are named, or all of the `levels` that serve its `domain`; `extended` is the time when
    something must be verified. `certainty` tells how certain each of the facts is that cannot say so itself.
    """

    code: str = Field(pattern=r"^[0-9A-Za-z.]{1,30}$")
    version: int = Field(ge=1, le=10**6)
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

    @field_validator("details")
    @classmethod
    def _is_json(cls, details: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(details, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"is no JSON (put dates into quotes): {error}") from None
        return details

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for what, names in (
            ("cases", [case.key for case in self.cases]),
            ("fees", [fee.code for fee in self.fees]),
            ("documents", [paper.key for paper in self.documents]),
            ("process", [step.key for step in self.process]),
            ("agencies", list(self.agencies)),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what}: twice: {', '.join(twice)}")
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self

    @property
    def fee_lines(self) -> tuple[FeeLine, ...]:
        """The lines whose amount is the same for every dossier."""
        return tuple(
            FeeLine(
                code=fee.code,
                kind=fee.kind,
                name=fee.name,
                amount=fee.rule.amount,
                legal_basis=fee.legal_basis,
                beneficiary=fee.beneficiary,
                refundable=fee.refundable != "never",
                refund_until=fee.refund_until,
            )
            for fee in self.fees
            if isinstance(fee.rule, FixedRule)
        )

    @property
    def fee(self) -> int:
        """What every dossier costs at least, in đồng."""
        return total(self.fee_lines)

    @property
    def processing_days(self) -> int:
        """The time in working days of eight hours, rounded up."""
        hours = self.processing.unit == "working_hours"
        return -(-self.processing.amount // 8) if hours else self.processing.amount
