"""Which bills a dossier's events open and close: one for the fees of its form, one more for each later request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.envelope import Event
from chassis.errors import Refusal
from contracts import dossiers
from services.payments.domain.opening import concerned, later_key
from tests.records import CODE, event, example
from tests.unit.payments.bills import AMOUNT, FEE, LATER, REFUSED, SUBMITTED, Story

ENDS = (dossiers.Refused, dossiers.Stopped)
BETWEEN = [kind for kind in dossiers.EVENTS if kind not in (dossiers.Submitted, *ENDS)]


@given(st.lists(st.sampled_from(BETWEEN), max_size=12), st.sampled_from(ENDS), st.data())
def test_a_dossiers_end_meets_every_bill_that_it_ever_asked_for(
    between: list[Any], end: Any, data: st.DataObject
) -> None:
    """By the events' own numbers alone: nothing is looked up, so it holds within one batch too."""
    history = [event(example(dossiers.Submitted), 1)]
    for number, kind in enumerate(between, 2):
        later = kind is dossiers.FeesRequested and data.draw(st.booleans())
        changes: dict[str, Any] = {"fee_lines": [FEE]} if later else {}
        history.append(event(example(kind, **changes), number))
    opening: list[Event[Any]] = [each for each in history if isinstance(each.data, dossiers.Submitted)]
    opening += [each for each in history if isinstance(each.data, dossiers.FeesRequested) and each.data.fee_lines]
    keys = [key for each in opening for key, _ in concerned(each)]
    assert len(set(keys)) == len(opening)
    assert set(keys) <= {key for key, _ in concerned(event(example(end), len(history) + 1))}


@given(st.integers(2, 60), st.integers(1, 60))
def test_a_request_that_is_taken_back_meets_its_own_bill_and_never_that_of_the_form(asked: int, later: int) -> None:
    opened = concerned(event(example(dossiers.FeesRequested, fee_lines=[FEE]), asked))
    met = {key for key, _ in concerned(event(example(dossiers.FeesWithdrawn), asked + later))}
    assert {key for key, _ in opened} <= met
    assert met == {later_key(CODE, number) for number in range(2, asked + later)}


def test_the_fees_of_the_form_asked_for_once_more_open_no_second_bill() -> None:
    assert not concerned(event(example(dossiers.FeesRequested, fee_lines=[]), 2))


def test_a_later_bill_is_the_dossiers_and_has_a_key_of_its_own() -> None:
    story = Story()
    for _ in range(2):
        story.on(LATER)
    assert story.bill is not None
    assert (story.bill.key, story.bill.dossier_code, story.bill.amount) == (f"{CODE}/4", CODE, AMOUNT)
    assert story.bill.person_id == SUBMITTED.data.person_id
    assert story.events == ["Opened"]
    story.on(REFUSED)
    assert (story.state, story.events) == ("cancelled", ["Opened", "Cancelled"])


@pytest.mark.parametrize("missing", ["payment_due", "person_id"])
def test_later_fees_without_a_day_or_a_payer_are_refused_and_not_forgotten(missing: str) -> None:
    with pytest.raises(Refusal, match="incomplete_fees"):
        Story().on(event(LATER.data.model_copy(update={missing: None}), 4))


def test_later_fees_of_nothing_open_no_bill() -> None:
    """As at submission: nobody can pay lines of 0 đồng."""
    assert (
        Story().on(
            event(
                LATER.data.model_copy(
                    update={"fee_lines": (LATER.data.fee_lines[0].model_copy(update={"amount": 0}),)}
                ),
                4,
            )
        )
        is None
    )


@given(st.lists(st.sampled_from(["a", "b", "a#2", "a#3", "b#2"]), min_size=1, max_size=9))
def test_each_line_of_a_bill_has_a_code_of_its_own(codes: list[str]) -> None:
    """Refunds name a line by it; the first of each code keeps the one that it came with."""
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=[FEE | {"code": code} for code in codes])))
    assert story.bill is not None
    found = [each.code for each in story.bill.fee_lines]
    assert len(set(found)) == len(found)
    assert all(found[codes.index(code)] == code for code in codes)
    assert all(each.split("#")[0] == code.split("#")[0] for each, code in zip(found, codes, strict=True))
