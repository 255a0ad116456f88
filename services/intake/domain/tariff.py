"""What a procedure costs: its fee lines, each with its rule, reductions and the law behind them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.money import Dong
from services.intake.domain.fact import Certainty, Fact, When


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
    """Filed online until this day (inclusive), the line costs `percent` of its amount, rounded down to whole đồng.

    Where the law names the amount and not a share of it, `amount` stands in the place of `percent`.
    """

    percent: int | None = Field(default=None, ge=0, le=100)
    amount: Dong | None = None
    until: date
    legal_basis: str
    certainty: Certainty = "M"

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("says either percent or amount")
        return self


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

    @property
    def refund_until(self) -> Literal["acceptance", "result"] | None:
        """How far the dossier may have come when the line is returned; None where it never is."""
        match self.refundable:
            case "before_acceptance":
                return "acceptance"
            case "before_result":
                return "result"
        return None
