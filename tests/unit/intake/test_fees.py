"""Fees by rule: whole đồng, never below nought, counted once and explained on their line."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from contracts.money import FeeLine, total
from services.intake.domain import fees
from services.intake.domain.procedure import Fee, OnlineDiscount, PageRule, PageStep, Procedure, Reduction, When
from tests.forms import TODAY
from tests.unit.intake.procedures import PROCEDURES

AMOUNTS = st.integers(0, 1_000_000)
COUNTS = st.integers(0, 900)  # a million đồng a page stays below what any bill may be
STEPS = st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True).flatmap(
    lambda firsts: st.tuples(*(st.builds(PageStep, from_page=st.just(first), amount=AMOUNTS) for first in firsts))
)
PAGE_RULES = st.builds(PageRule, by=st.just("page"), steps=STEPS, cap=st.none() | AMOUNTS)


def procedure_with(*charged: Fee) -> Procedure:
    return PROCEDURES["licence"].model_copy(update={"fees": charged})


def fee(rule: Any, **more: Any) -> Fee:
    told = {"code": "x", "kind": "phí", "name": "Phí", "legal_basis": "Thông tư", "beneficiary": "3511", "rule": rule}
    return Fee.model_validate(told | more)


def assessed(charged: Fee, details: Any, online: bool = False, day: date = TODAY) -> tuple[FeeLine, ...]:
    return fees.assess(procedure_with(charged), {"details": details}, online, day)


def amount_of(charged: Fee, details: Any, online: bool = False, day: date = TODAY) -> int:
    return total(assessed(charged, details, online, day))


def page_by_page(rule: PageRule, pages: int) -> int:
    """One copy, counted as a clerk would: each page by the last step that it has reached."""
    cost = 0
    for page in range(1, pages + 1):
        reached = [step for step in rule.steps if step.from_page <= page]
        cost += max(reached, key=lambda step: step.from_page).amount if reached else 0
    return cost if rule.cap is None else min(cost, rule.cap)


@given(PAGE_RULES, st.integers(0, 120), st.integers(0, 50))
def test_pages_cost_what_they_cost_one_by_one(rule: PageRule, pages: int, copies: int) -> None:
    assert amount_of(fee(rule), {"pages": pages, "copies": copies}) == copies * page_by_page(rule, pages)


@given(PAGE_RULES, COUNTS, COUNTS, st.integers(0, 100), st.integers(0, 100))
def test_more_pages_or_copies_never_cost_less_and_a_copy_never_more_than_its_cap(
    rule: PageRule, pages: int, copies: int, more_pages: int, more_copies: int
) -> None:
    less = amount_of(fee(rule), {"pages": pages, "copies": copies})
    assert 0 <= less <= amount_of(fee(rule), {"pages": pages + more_pages, "copies": copies + more_copies})
    if rule.cap is not None:
        assert less <= copies * rule.cap


@given(PAGE_RULES, st.lists(st.tuples(st.integers(1, 300), st.integers(1, 50)), min_size=1, max_size=5))
def test_several_papers_cost_the_sum_of_each(rule: PageRule, papers: list[tuple[int, int]]) -> None:
    of_papers = rule.model_copy(update={"pages": "details.papers.pages", "copies": "details.papers.copies"})
    together = amount_of(fee(of_papers), {"papers": [{"pages": p, "copies": c} for p, c in papers]})
    assert together == sum(amount_of(fee(rule), {"pages": p, "copies": c}) for p, c in papers)


CERTIFIED = PageRule(
    by="page", steps=(PageStep(from_page=1, amount=2000), PageStep(from_page=3, amount=1000)), cap=200_000
)


@pytest.mark.parametrize(
    ("pages", "copies", "cost"),
    [
        (1, 1, 2000),
        (2, 1, 4000),
        (3, 1, 5000),
        (198, 1, 200_000),
        (199, 1, 200_000),
        (500, 3, 600_000),
        (2, 10, 40_000),
    ],
)
def test_certified_copies_cost_what_the_circular_says(pages: int, copies: int, cost: int) -> None:
    """TT 226/2016/TT-BTC: 2,000 a page, 1,000 from page 3, at most 200,000 a copy."""
    (line,) = assessed(fee(CERTIFIED), {"pages": pages, "copies": copies})
    assert (line.amount, line.quantity) == (cost, pages * copies)
    assert line.rule_vi == "2.000 đồng một trang, 1.000 đồng một trang từ trang thứ 3, không quá 200.000 đồng một bản"


@given(AMOUNTS, COUNTS)
def test_copies_cost_so_much_each(amount: int, copies: int) -> None:
    lines = assessed(fee({"by": "copy", "amount": amount}), {"copies": copies})
    assert total(lines) == amount * copies
    assert len(lines) == bool(amount * copies)


@given(AMOUNTS, AMOUNTS, st.integers(1, 100), st.booleans())
def test_a_reduction_never_raises_a_fee_and_tells_its_reason_only_where_it_lowers_it(
    full: int, reduced: int, copies: int, student: bool
) -> None:
    reduction = Reduction(
        when=When(field="details.student", one_of=(True,)), amount=reduced, reason="Sinh viên", legal_basis="Điều 4"
    )
    charged = fee({"by": "copy", "amount": full}, reductions=(reduction,))
    lines = assessed(charged, {"copies": copies, "student": student})
    assert total(lines) == copies * (min(full, reduced) if student else full)
    told = [line.reason for line in lines]
    assert told == (["Sinh viên (Điều 4)"] if student and reduced < full else [None] if full else [])


def test_of_several_reductions_the_best_for_the_citizen_counts() -> None:
    told = {"legal_basis": "Điều 4", "when": When(field="details.who")}
    charged = fee(
        {"by": "fixed", "amount": 200_000},
        reductions=(
            Reduction(amount=100_000, reason="Sinh viên", **told),
            Reduction(amount=0, reason="Người khuyết tật", **told),
            Reduction(amount=50_000, reason="Người cao tuổi", **told),
        ),
    )
    (line,) = assessed(charged, {"who": "x"})
    assert (line.amount, line.reason) == (0, "Người khuyết tật (Điều 4)")


def test_a_waived_fee_stays_visible_and_one_that_does_not_arise_has_no_line() -> None:
    waived = Reduction(when=When(field="details.poor", one_of=(True,)), amount=0, reason="Hộ nghèo", legal_basis="L")
    charged = fee({"by": "late", "since": "details.born", "days": 60, "amount": 8000}, reductions=(waived,))
    late, in_time = (TODAY - timedelta(days=61)).isoformat(), (TODAY - timedelta(days=60)).isoformat()
    assert [(line.amount, line.reason) for line in assessed(charged, {"born": late, "poor": True})] == [
        (0, "Hộ nghèo (L)")
    ]
    assert amount_of(charged, {"born": late, "poor": False}) == 8000
    assert assessed(charged, {"born": in_time, "poor": True}) == ()


def test_a_truth_value_is_no_number_in_a_condition() -> None:
    when = When(field="details.flag", one_of=(1,))
    charged = fee(
        {"by": "fixed", "amount": 10},
        reductions=(Reduction(when=when, amount=0, reason="x", legal_basis="y"),),
    )
    assert amount_of(charged, {"flag": True}) == 10
    assert amount_of(charged, {"flag": 1}) == 0


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), AMOUNTS, st.integers(0, 100))
def test_the_online_discount_ends_with_its_last_day_and_is_for_online_only(
    until: date, amount: int, percent: int
) -> None:
    discount = OnlineDiscount(percent=percent, until=until, legal_basis="Thông tư 63/2023/TT-BTC")
    charged = fee({"by": "fixed", "amount": amount}, online=discount)
    assert amount_of(charged, {}, online=True, day=until) == amount * percent // 100
    assert amount_of(charged, {}, online=False, day=until) == amount
    assert amount_of(charged, {}, online=True, day=until + timedelta(days=1)) == amount


def test_the_licence_costs_115000_online_until_the_end_of_2025() -> None:
    discount = OnlineDiscount(amount=115_000, until=date(2025, 12, 31), legal_basis="Thông tư 63/2023/TT-BTC")
    charged = fee({"by": "fixed", "amount": 135_000}, online=discount)
    (line,) = assessed(charged, {}, online=True, day=date(2025, 12, 31))
    assert (line.amount, line.reason) == (
        115_000,
        "Nộp trực tuyến đến hết ngày 31/12/2025 (Thông tư 63/2023/TT-BTC)",
    )
    assert amount_of(charged, {}, online=True, day=date(2026, 1, 1)) == 135_000


def test_a_fee_is_due_from_its_first_to_its_last_day() -> None:
    charged = fee({"by": "fixed", "amount": 10}, valid_from=date(2026, 1, 1), valid_to=date(2026, 6, 30))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [amount_of(charged, {}, day=day) for day in days] == [0, 10, 10, 0]


@pytest.mark.parametrize(
    ("value", "cost"), [("nhỏ", 5), (2, 7), (True, 9), ("khác", 0), (None, 0), (["nhỏ", "khác", 2], 12)]
)
def test_a_choice_costs_what_is_listed_for_it(value: Any, cost: int) -> None:
    charged = fee({"by": "choice", "field": "details.size", "amounts": {"nhỏ": 5, "2": 7, "true": 9}})
    assert amount_of(charged, {"size": value}) == cost


@pytest.mark.parametrize(
    ("allowed", "refundable", "until"),
    [("never", False, None), ("before_acceptance", True, "acceptance"), ("before_result", True, "result")],
)
def test_a_line_says_whether_it_may_be_returned(allowed: str, refundable: bool, until: str | None) -> None:
    (line,) = assessed(fee({"by": "fixed", "amount": 10}, refundable=allowed), {})
    assert (line.refundable, line.refund_until) == (refundable, until)


@pytest.mark.parametrize("pages", ["3", 1.5, True, -1, None, {}])
def test_what_is_no_number_is_refused_and_never_counted_as_nothing(pages: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        assessed(fee(CERTIFIED), {"pages": pages, "copies": 1})
    assert refusal.value.code == "fees_unknown"


def test_a_bill_has_a_limit() -> None:
    charged = fee({"by": "copy", "amount": 10**9})
    assert amount_of(charged, {"copies": 1000}) == 10**12
    with pytest.raises(Refusal) as refusal:
        assessed(charged, {"copies": 1001})
    assert refusal.value.code == "fees_too_large"


def test_what_the_fees_of_a_day_depend_on() -> None:
    needed = {"details.papers.pages", "details.papers.copies", "details.reader"}
    assert fees.needs(PROCEDURES["copies"], TODAY) == needed
    assert fees.needs(PROCEDURES["birth"], TODAY) == {"details.child.birth_date", "details.copies"}
