"""What a dossier costs: each fee line by its own rule, in whole đồng. The bill and its preview are counted here alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.errors import Refusal
from contracts.money import FeeLine
from services.intake.domain.paths import beside, dotted, met, places
from services.intake.domain.procedure import (
    ChoiceRule,
    CopyRule,
    Fee,
    FixedRule,
    LateRule,
    OnlineDiscount,
    PageRule,
    Procedure,
    Rule,
)

_MOST = 10**12  # đồng, the largest amount of contracts.money.Dong


class FeesAsked(BaseModel):
    """Fees that came up later, asked for in one request; its id names it to whoever collects them."""

    model_config = ConfigDict(frozen=True)

    request_id: UUID
    lines: tuple[FeeLine, ...]


class Charge(NamedTuple):
    """An amount in đồng, and of how many copies or pages where these are counted."""

    amount: int
    quantity: int | None = None


def assess(procedure: Procedure, form: Mapping[str, Any], online: bool, day: date) -> tuple[FeeLine, ...]:
    """The fee lines of a form filed on this day, through the internet or at a desk.

    A fee that does not arise (not late, no copies) has no line; one that is waived has a line of 0 with the reason.
    Raises Refusal 422 for a form whose numbers or dates are none (the check of forms lets none through), and for one
    that would cost more than any bill may.
    """
    found = [_line(fee, form, online, day) for fee in procedure.fees if in_force(fee, day)]
    lines = tuple(line for line in found if line is not None)
    if sum(line.amount for line in lines) > _MOST:
        raise _too_much()
    return lines


def in_force(fee: Fee, day: date) -> bool:
    return (fee.valid_from is None or fee.valid_from <= day) and (fee.valid_to is None or day <= fee.valid_to)


def needs(procedure: Procedure, day: date) -> frozenset[str]:
    """The dotted paths of the form's fields on which the fees of this day depend."""
    found: set[str] = set()
    for fee in procedure.fees:
        if in_force(fee, day):
            found.update(_fields(fee.rule), (reduction.when.field for reduction in fee.reductions))
    return frozenset(found)


def _fields(rule: Rule) -> tuple[str, ...]:
    match rule:
        case FixedRule():
            return ()
        case CopyRule():
            return (rule.copies,)
        case PageRule():
            return rule.pages, rule.copies
        case ChoiceRule():
            return (rule.field,)
        case LateRule():
            return (rule.since,)


def _line(fee: Fee, form: Mapping[str, Any], online: bool, day: date) -> FeeLine | None:
    full = _charge(fee.rule, form, day, None)
    if full.amount == 0:
        return None
    amount, reasons = full.amount, []
    for reduction in fee.reductions:
        if met(reduction.when, form):
            lower = _charge(fee.rule, form, day, reduction.amount).amount
            if lower < amount:  # of several, the one that is best for the citizen
                amount, reasons = lower, [f"{reduction.reason} ({reduction.legal_basis})"]
    if fee.online is not None and online and day <= fee.online.until:
        lower = _discounted(fee.online, amount)
        if lower < amount:
            amount = lower
            reasons.append(f"Nộp trực tuyến đến hết ngày {fee.online.until:%d/%m/%Y} ({fee.online.legal_basis})")
    if amount > _MOST:
        raise _too_much()
    line = line_of(fee, amount, "; ".join(reasons) or None)
    return line.model_copy(update={"quantity": full.quantity, "rule_vi": in_words(fee.rule)})


def line_of(fee: Fee, amount: int, reason: str | None) -> FeeLine:
    """A fee of the procedure as a line of so many đồng, and why it is so much."""
    return FeeLine(
        code=fee.code,
        kind=fee.kind,
        name=fee.name,
        amount=amount,
        legal_basis=fee.legal_basis,
        beneficiary=fee.beneficiary,
        refundable=fee.refundable != "never",
        refund_until=fee.refund_until,
        reason=reason,
    )


def _discounted(discount: OnlineDiscount, amount: int) -> int:
    return amount * discount.percent // 100 if discount.percent is not None else discount.amount or 0


def _charge(rule: Rule, form: Mapping[str, Any], day: date, instead: int | None) -> Charge:
    """By the rule's own amounts, or with `instead` in the place of each unit's."""
    match rule:
        case FixedRule():
            return Charge(_either(instead, rule.amount))
        case CopyRule():
            copies = sum(_number(place, value) for place, value in places(form, rule.copies))
            return Charge(copies * _either(instead, rule.amount), copies)
        case PageRule():
            return _by_pages(rule, form, instead)
        case ChoiceRule():
            chosen = (_word(value) for _, value in places(form, rule.field))
            listed = [rule.amounts[word] for word in chosen if rule.amounts.get(word)]
            return Charge(sum(_either(instead, amount) for amount in listed))
        case LateRule():
            late = any((day - _date(place, value)).days > rule.days for place, value in places(form, rule.since))
            return Charge(_either(instead, rule.amount) if late else 0)


def _by_pages(rule: PageRule, form: Mapping[str, Any], instead: int | None) -> Charge:
    amount = counted = 0
    for place, value in places(form, rule.pages):
        copies_at, copies_typed = beside(form, rule.copies, place) or ((rule.copies,), None)
        pages, copies = _number(place, value), _number(copies_at, copies_typed)
        one = _of_one_copy(rule, pages, instead)
        amount += copies * (one if rule.cap is None else min(one, rule.cap))
        counted += copies * pages
    return Charge(amount, counted)


def _of_one_copy(rule: PageRule, pages: int, instead: int | None) -> int:
    """Each step's price for the pages from its first one to the next step's; pages before the first step are free."""
    steps = sorted((step.from_page, step.amount) for step in rule.steps)
    return sum(
        max(0, min(pages, following - 1) - first + 1) * _either(instead, amount)
        for (first, amount), (following, _) in pairwise([*steps, (pages + 1, 0)])
    )


def _either(instead: int | None, amount: int) -> int:
    return amount if instead is None else instead


def _word(value: Any) -> str:
    """A choice as the rule's table spells it, which has texts only."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(place: tuple[str | int, ...], value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _unknown(place)
    return value


def _date(place: tuple[str | int, ...], value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _unknown(place) from None


def _unknown(place: tuple[str | int, ...]) -> Refusal:
    return Refusal(
        "fees_unknown",
        f"Không tính được phí: mục {dotted(place)} chưa đúng.",
        f"The fees cannot be counted: {dotted(place)} is not right.",
        422,
    )


def _too_much() -> Refusal:
    return Refusal(
        "fees_too_large",
        "Số tiền quá lớn; hãy xem lại số bản và số trang, hoặc chia thành nhiều hồ sơ.",
        "The fees are too large; look at the numbers of copies and pages again, or file several dossiers.",
        422,
    )


def in_words(rule: Rule) -> str:
    """The rule as a citizen reads it."""
    match rule:
        case FixedRule():
            return f"{_dong(rule.amount)} một hồ sơ"
        case CopyRule():
            return f"{_dong(rule.amount)} một bản"
        case PageRule():
            steps = sorted((step.from_page, step.amount) for step in rule.steps)
            said = [
                f"{_dong(amount)} một trang" + (f" từ trang thứ {first}" if first > 1 else "")
                for first, amount in steps
            ]
            return ", ".join([*said, f"không quá {_dong(rule.cap)} một bản"] if rule.cap is not None else said)
        case ChoiceRule():
            return ", ".join(f"{chosen}: {_dong(amount)}" for chosen, amount in rule.amounts.items())
        case LateRule():
            return f"{_dong(rule.amount)} khi quá {rule.days} ngày"


def _dong(amount: int) -> str:
    return f"{amount:,} đồng".replace(",", ".")
