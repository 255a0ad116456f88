"""An agency takes back fees that it asked for by mistake; money moves the dossier only where it is for what is awaited."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.intake.domain.commands import (
    Accept,
    Correct,
    DeclineWithdrawal,
    GrantWithdrawal,
    HandOn,
    RequestFees,
    StartProcessing,
    WithdrawFees,
)
from tests.records import NOON
from tests.unit.intake.dossiers import (
    BIRTH,
    COMMUNE,
    DEPARTMENT,
    OFFICER,
    PROVINCE,
    REASON,
    Story,
    after,
    expired,
    in_,
    paid,
    says,
    submit,
    withdrawn,
)

LINE = submit().fee_lines[0].model_copy(update={"amount": 35_000, "reason": "Cấp thêm một bản"})
ASK, TAKE_BACK = says(RequestFees, fee_lines=(LINE,)), says(WithdrawFees)
COUNTED = {"version", "sequence", "since", "clock"}


def awaited(story: Story) -> UUID:
    """The id of the request that the dossier waits for."""
    assert story.now_is.fees_asked is not None
    return story.now_is.fees_asked.request_id


def refused(story: Story, message: Any = TAKE_BACK) -> Refusal:
    before = story.dossier
    with pytest.raises(Refusal) as error:
        story.on(message)
    assert story.dossier is before
    return error.value


@pytest.mark.parametrize("status", [1, 2, 4])
def test_taken_back_at_once_it_is_as_if_nothing_had_been_asked(status: int) -> None:
    story = in_(status)
    before, timers = story.now_is, dict(story.timers)
    for _ in range(2):
        story.on(ASK)
        story.on(TAKE_BACK)
        assert story.now_is.model_dump(exclude=COUNTED) == before.model_dump(exclude=COUNTED)
        assert story.timers == timers
    assert story.events.count("FeesWithdrawn") == 2


def test_the_fees_of_the_form_stay_asked_for_when_later_ones_are_taken_back() -> None:
    story = after(submit(), paid(), says(Accept), ASK, TAKE_BACK)
    assert story.now_is.fee_lines == submit().fee_lines
    story.on(ASK)
    assert [line.amount for line in story.now_is.fee_lines] == [135_000, 35_000]
    story.on(paid(awaited(story)))
    story.on(ASK)
    story.on(TAKE_BACK)
    assert [line.amount for line in story.now_is.fee_lines] == [135_000, 35_000], "what was paid stays"


def test_what_is_taken_back_names_the_request_its_amount_and_the_reason_to_everybody_whom_it_concerns() -> None:
    story = in_(2)
    story.on(ASK)
    asked = story.last
    story.on(TAKE_BACK)
    assert (story.last.request_id, story.last.amount, story.last.reason) == (asked.request_id, 35_000, REASON)
    line = story.journal[-1]
    assert (line.kind, line.shown, line.by, line.role) == ("fees_withdrawn", True, OFFICER, "officer")
    assert {name: line.body[name] for name in ("amount", "reason", "department")} == {
        "amount": 35_000, "reason": REASON, "department": DEPARTMENT
    }  # fmt: skip


def test_each_request_has_an_id_of_its_own_and_the_same_decision_the_same_one() -> None:
    story, again = in_(2), in_(2)
    ids = []
    for _ in range(4):
        story.on(ASK)
        ids.append(awaited(story))
        story.on(TAKE_BACK)
    assert len(set(ids)) == len(ids)
    again.on(ASK)
    assert awaited(again) == ids[0]


@pytest.mark.parametrize("leaving", [False, True])
def test_what_another_agency_asked_for_in_its_step_only_that_one_takes_back(leaving: bool) -> None:
    story = in_(4, BIRTH)
    story.on(says(HandOn, COMMUNE))
    story.on(says(RequestFees, PROVINCE, fee_lines=(LINE,)))
    if leaving:
        story.on(withdrawn())
    refusal = refused(story, says(WithdrawFees, COMMUNE))
    assert (refusal.status, refusal.code, story.now_is.handler_name in refusal.vi) == (409, "held_elsewhere", True)
    story.on(says(WithdrawFees, PROVINCE))
    assert (story.now_is.before if leaving else story.status, story.now_is.handler) == (4, PROVINCE)


@pytest.mark.parametrize("leaving", [False, True])
def test_the_fees_of_the_form_cannot_be_taken_back_and_it_is_said_what_to_do(leaving: bool) -> None:
    story = after(submit(), *([withdrawn()] if leaving else []))
    refusal = refused(story)
    assert (refusal.status, refusal.code) == (409, "fees_must_stay")
    assert "rút hồ sơ rồi nộp lại" in refusal.vi


@pytest.mark.parametrize("status", [1, 2, 4, 5])
def test_a_dossier_whose_citizen_wants_it_back_and_that_waits_for_no_fees_has_none_to_take_back(status: int) -> None:
    story = in_(status)
    story.on(withdrawn())
    assert (refused(story).status, refused(story).code) == (409, "no_fees_awaited")


@pytest.mark.parametrize("status", [1, 2, 4])
def test_taken_back_while_the_citizen_wants_it_back_the_wish_still_waits_for_its_answer(status: int) -> None:
    for answer, where in ((DeclineWithdrawal, status), (GrantWithdrawal, 8)):
        story = in_(status)
        story.on(ASK)
        story.on(withdrawn())
        since = story.now_is.since
        story.on(TAKE_BACK)
        assert (story.status, story.now_is.before, story.now_is.since) == (7, status, since)
        assert story.on(expired()) is None, "nothing is owed, so nothing runs out"
        story.on(says(answer))
        assert story.status == where


@pytest.mark.parametrize("leaving", [False, True])
def test_money_or_its_absence_for_another_request_than_the_awaited_one_changes_nothing(leaving: bool) -> None:
    """The citizen paid, or the bill ran out, while the officer took the request back and asked for what is right."""
    story = in_(2)
    story.on(ASK)
    wrong = awaited(story)
    story.on(TAKE_BACK)
    assert story.on(paid(wrong)) is None
    assert story.on(expired(wrong)) is None
    story.on(ASK)
    if leaving:
        story.on(withdrawn())
    waiting = story.now_is
    assert story.on(paid(wrong)) is None
    assert story.on(expired(wrong)) is None
    assert story.now_is is waiting
    story.on(paid(awaited(story)))
    assert (story.now_is.before if leaving else story.status) == 2
    assert story.now_is.fees_asked is None


def test_a_bill_of_a_later_request_does_not_settle_the_fees_of_the_form() -> None:
    story, other = after(submit()), in_(1)
    other.on(ASK)
    assert story.on(paid(awaited(other))) is None
    assert story.on(expired(awaited(other))) is None
    story.on(paid())
    assert story.status == 1


def test_a_request_of_before_is_settled_as_before_and_must_stay() -> None:
    """Its dossier does not know its id, and its bill names none."""
    for heard, status in ((paid(), 2), (expired(), 8)):
        story = in_(2)
        story.on(ASK)
        story.dossier = story.now_is.model_copy(update={"fees_asked": None})
        assert refused(story).code == "fees_must_stay"
        story.on(heard)
        assert story.status == status


def test_a_bill_that_was_opened_by_a_release_before_names_no_request_and_counts_for_the_awaited_one() -> None:
    for heard, status in ((paid(), 2), (expired(), 8)):
        story = in_(2)
        story.on(ASK)
        story.on(heard)
        assert story.status == status


@given(st.lists(st.sampled_from(["asks", "takes back", "pays", "pays an old one", "an old one expires"]), max_size=20))
def test_the_dossier_is_asked_for_what_was_paid_and_what_is_awaited_and_for_nothing_else(course: list[str]) -> None:
    story = after(says(Accept), says(StartProcessing), says(HandOn), now=NOON)
    settled, old = 0, list[UUID]()
    for what in course:
        waits = story.status == 6
        if what == "asks" and not waits:
            story.on(ASK)
        elif what == "takes back" and waits:
            old.append(awaited(story))
            story.on(TAKE_BACK)
        elif what == "pays" and waits:
            old.append(request := awaited(story))
            assert story.on(paid(request)) is not None
            settled += 1
        elif what.startswith(("pays an", "an old")):
            heard = paid if what.startswith("pays") else expired
            assert [story.on(heard(each)) for each in old] == [None] * len(old)
        asked = settled + (story.status == 6)
        assert [line.amount for line in story.now_is.fee_lines] == [35_000] * asked
        assert (story.now_is.fees_asked is not None) == (story.status == 6)
        assert story.status in (4, 6)
    assert refused(story, says(Correct) if story.status == 6 else TAKE_BACK).code == "illegal_move"
