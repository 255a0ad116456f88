"""A dossier and time: what is promised, what stops the clock, what is warned of, and what a changed calendar does."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from chassis.clock import VIETNAM
from chassis.errors import Refusal
from services.intake.domain.commands import (
    Accept,
    Apologise,
    Assign,
    Complete,
    DeclineWithdrawal,
    Extend,
    GrantWithdrawal,
    HandOn,
    NearlyDue,
    PastDue,
    Recalculate,
    RequestFees,
    RequestSupplement,
    SendBack,
    StartProcessing,
    Stop,
    SupplementOver,
    WithdrawFees,
)
from services.intake.domain.fact import Duration
from tests.unit.intake.dossiers import (
    BIRTH,
    COMMUNE,
    PROVINCE,
    REASON,
    Story,
    after,
    in_,
    paid,
    says,
    submit,
    supplied,
    withdrawn,
)

RECOUNT = Recalculate(reason="Lịch làm việc của cơ quan thay đổi")


def at(day: int, hour: int = 12, minute: int = 0, month: int = 6, year: int = 2026) -> datetime:
    """A moment in Vietnam; June 2026, where nothing else is said. The 9th is a Tuesday, and stories begin at its noon."""
    return datetime(year, month, day, hour, minute, tzinfo=VIETNAM)


def refused(story: Story, message: Any, now: datetime | None = None) -> str:
    with pytest.raises(Refusal) as error:
        story.on(message, now)
    return error.value.code


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (at(9, 14, 59), at(16, 17)),
        (at(9, 15, 0), at(17, 17)),
        (at(13, 9), at(22, 17)),
        (at(31, 9, month=12, year=2025), at(9, 17, month=1)),
    ],
    ids=["before the cut-off", "after the cut-off", "on a Saturday", "over 2 January 2026, which was off"],
)
def test_acceptance_starts_a_clock_of_working_days(received: datetime, due: datetime) -> None:
    story = after(submit(fees_due=False), says(Accept), now=received)
    assert (story.now_is.due, story.now_is.result_due, story.last.step.result_due) == (due, due, due)
    assert story.journal[-1].paper == "01"
    assert story.timers[PastDue].due == due


def test_a_procedure_of_working_hours_is_promised_to_the_minute() -> None:
    hours = Duration(amount=8, unit="working_hours")
    story = after(submit(fees_due=False, processing=hours), says(Accept), now=at(9, 9, 10))
    assert story.now_is.result_due == at(10, 9, 40)


def test_a_step_has_its_own_time_and_never_more_than_was_promised() -> None:
    story = in_(4, BIRTH)
    assert (story.now_is.due, story.now_is.result_due) == (at(10, 17), at(16, 17))
    story.on(says(HandOn, COMMUNE), at(12, 8))
    assert story.now_is.due == at(16, 17), "three days from Friday would be the 17th"
    story.on(says(HandOn, PROVINCE), at(12, 9))
    assert story.now_is.due == at(15, 17)
    story.on(says(SendBack, COMMUNE), at(22, 9))
    assert story.now_is.due == at(16, 17), "what is late stays late"


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (says(RequestSupplement), supplied()),
        (says(RequestFees), paid()),
        (says(RequestFees), says(WithdrawFees)),
    ],
    ids=["supplement", "fees", "fees taken back"],
)
def test_the_clock_stands_while_the_citizen_is_waited_for_and_then_runs_on(ask: Any, answer: Any) -> None:
    for status in (2, 4):
        story = in_(status)
        story.on(ask, at(10, 10))
        assert (story.now_is.result_due, story.last.step.result_due) == (None, None)
        assert not {NearlyDue, PastDue} & story.timers.keys()
        story.on(answer, at(12, 10))
        assert story.now_is.result_due == at(18, 17), "two working days more"
        assert (story.timers[PastDue].due, story.timers[NearlyDue].due) == (at(18, 17), at(17, 7, 30))
        assert story.now_is.due is not None
        assert story.now_is.due <= at(18, 17)


def test_before_acceptance_there_is_no_clock_to_stop_and_the_desk_has_a_day_from_the_answer() -> None:
    asked = says(RequestFees)
    for ask, answer in ((says(RequestSupplement), supplied()), (asked, paid()), (asked, says(WithdrawFees))):
        story = in_(1)
        story.on(ask, at(10, 10))
        story.on(answer, at(12, 10))
        assert (story.now_is.clock, story.now_is.due) == (None, at(15, 17))


def test_supplement_and_fees_one_after_the_other_both_hold_the_clock() -> None:
    story = in_(4)
    story.on(says(RequestSupplement), at(10, 10))
    story.on(supplied(), at(11, 10))
    story.on(says(RequestFees), at(11, 10))
    story.on(paid(), at(15, 10))
    assert story.now_is.result_due == at(19, 17), "three working days: Wednesday to Thursday, Thursday to Monday"


def test_a_withdrawal_holds_nothing() -> None:
    story = in_(4)
    story.on(withdrawn(), at(10))
    assert (story.now_is.result_due, set(story.timers)) == (at(16, 17), {NearlyDue, PastDue})
    story.fires(NearlyDue)
    assert story.events[-1] == "DueSoon"


def test_each_promise_is_warned_of_once_before_and_once_after_it() -> None:
    story = in_(4)
    assert story.timers[NearlyDue].due == at(15, 7, 30)
    story.fires(NearlyDue)
    story.fires(PastDue)
    assert story.events[-2:] == ["DueSoon", "Overdue"]
    assert [(line.kind, line.shown) for line in story.journal[-2:]] == [("due_soon", False), ("overdue", True)]
    for again in (NearlyDue(due=at(16, 17)), PastDue(due=at(16, 17))):
        assert story.on(again) is None


def test_a_clock_that_was_held_out_of_hours_comes_to_the_same_date_and_says_nothing_again() -> None:
    story = in_(4)
    story.fires(NearlyDue)
    story.on(says(RequestSupplement), at(15, 18))
    story.on(supplied(), at(15, 22))
    assert story.now_is.result_due == at(16, 17)
    assert story.fires(NearlyDue) is None
    assert story.fires(PastDue) is not None
    assert (story.events.count("DueSoon"), story.events.count("Overdue")) == (1, 1)


def test_a_new_promise_is_warned_of_anew() -> None:
    story = in_(4)
    story.fires(NearlyDue)
    story.on(says(RequestSupplement), at(15, 9))
    story.on(supplied(), at(17, 9))
    story.fires(NearlyDue)
    story.fires(PastDue)
    assert (story.events.count("DueSoon"), story.events.count("Overdue"), story.now) == (2, 1, at(18, 17))


def test_a_timer_of_an_older_promise_says_nothing() -> None:
    story = in_(2)
    old = story.timers[PastDue].message
    assert isinstance(old, PastDue)
    story.on(says(Apologise, to=date(2026, 6, 24)))
    assert story.on(old, at(16, 17)) is None


@pytest.mark.parametrize("end", [says(Stop), says(Complete)], ids=["stopped", "completed"])
def test_what_is_done_is_late_no_more(end: Any) -> None:
    story = after(says(Accept), says(StartProcessing), says(HandOn))
    late = [story.timers[kind].message for kind in (NearlyDue, PastDue)]
    story.on(end, at(15))
    assert (story.timers, story.now_is.due) == ({}, None)
    for timer in late:
        assert isinstance(timer, NearlyDue | PastDue)
        assert story.on(timer, at(17)) is None


def test_a_granted_withdrawal_cancels_what_the_supplement_waited_for() -> None:
    story = in_(5)
    story.on(withdrawn())
    assert set(story.timers) == {SupplementOver}
    story.on(says(GrantWithdrawal))
    assert story.timers == {}


# The apology and the extension


def test_one_apology_at_least_a_day_before_promises_another_date() -> None:
    story = in_(2)
    story.on(says(Apologise, to=date(2026, 6, 24)), at(15, 16, 59))
    assert (story.last.promised, story.now_is.result_due, story.now_is.due) == (at(16, 17), at(24, 17), at(24, 17))
    assert (story.timers[PastDue].due, story.journal[-1].paper) == (at(24, 17), "04")
    assert refused(story, says(Apologise, to=date(2026, 6, 26)), at(16)) == "rescheduled_before"


@pytest.mark.parametrize(
    ("to", "now", "code"),
    [
        (date(2026, 6, 24), at(15, 17, 1), "apology_too_late"),
        (date(2026, 6, 16), at(10), "not_a_new_date"),
        (date(2026, 6, 20), at(10), "not_a_new_date"),
        (date(2027, 7, 1), at(10), "not_a_new_date"),
    ],
    ids=["too late", "no later", "a Saturday", "beyond a year"],
)
def test_an_apology_that_is_late_or_names_no_later_working_day_is_refused(to: date, now: datetime, code: str) -> None:
    assert refused(in_(2), says(Apologise, to=to), now) == code


def test_a_step_with_its_own_date_keeps_it_when_the_promise_is_put_off() -> None:
    story = in_(4, BIRTH)
    story.on(says(Apologise, COMMUNE, to=date(2026, 6, 24)))
    assert (story.now_is.due, story.now_is.result_due) == (at(10, 17), at(24, 17))


def test_verification_gives_the_longer_time_once_and_only_where_the_procedure_has_one() -> None:
    story = in_(2, BIRTH)
    story.on(says(Extend, COMMUNE), at(10))
    assert (story.last.was, story.last.cause, story.now_is.result_due) == (
        at(16, 17), "verification", at(14, 17, month=7)
    )  # fmt: skip
    assert refused(story, says(Extend, COMMUNE), at(11)) == "extended_before"
    assert refused(in_(2), says(Extend)) == "no_longer_time"


def test_a_date_that_an_apology_gave_is_not_extended() -> None:
    story = in_(2, BIRTH)
    story.on(says(Apologise, COMMUNE, to=date(2026, 6, 24)))
    assert refused(story, says(Extend, COMMUNE), at(10)) == "rescheduled_before"


def test_what_is_late_already_or_would_not_be_due_later_is_not_extended() -> None:
    assert refused(in_(2, BIRTH), says(Extend, COMMUNE), at(16, 17, 1)) == "extension_too_late"
    shorter = Duration(amount=1, unit="working_days")
    assert refused(in_(2, BIRTH, extended=shorter), says(Extend, COMMUNE), at(10)) == "not_a_later_date"
    same = in_(2, BIRTH).now_is.processing
    assert refused(in_(2, BIRTH, extended=same), says(Extend, COMMUNE), at(10)) == "not_a_later_date"


def test_an_extended_date_may_be_put_off_by_an_apology() -> None:
    story = in_(2, BIRTH)
    story.on(says(Extend, COMMUNE), at(10))
    story.on(says(Apologise, COMMUNE, to=date(2026, 7, 20)), at(11))
    assert story.now_is.result_due == at(20, 17, month=7)


# A changed calendar


def test_a_day_that_becomes_off_moves_what_was_promised_and_says_so() -> None:
    for status in (2, 4):
        story = in_(status)
        step_due = story.now_is.due
        story.changes({date(2026, 6, 16): False})
        story.on(RECOUNT, at(10))
        assert (story.last.was, story.last.cause, story.now_is.result_due) == (at(16, 17), "calendar", at(17, 17))
        assert story.now_is.due == (at(17, 17) if status == 2 else step_due)
        assert story.timers[PastDue].due == at(17, 17)
        assert story.on(RECOUNT, at(10)) is None
        story.changes({date(2026, 6, 16): True, date(2026, 6, 13): True})
        story.on(RECOUNT, at(10))
        assert story.now_is.result_due == at(15, 17), "and a Saturday that is worked brings it nearer"
        assert story.now_is.due is not None
        assert story.now_is.due <= at(15, 17)


def test_while_the_citizen_wants_it_back_the_step_moves_with_the_promise() -> None:
    story = in_(2)
    story.on(withdrawn())
    story.changes({date(2026, 6, 16): False})
    story.on(RECOUNT)
    assert (story.status, story.now_is.due, story.now_is.result_due) == (7, at(17, 17), at(17, 17))


@pytest.mark.parametrize("status", [1, 3, 6, 8, 9, 10])
def test_where_no_date_is_promised_or_the_end_has_come_nothing_is_counted(status: int) -> None:
    story = in_(status)
    story.changes({date(2026, 6, 16): False})
    assert story.on(RECOUNT) is None


def test_the_desks_own_day_stays_a_working_day() -> None:
    story = in_(1)
    assert story.now_is.due == at(10, 17)
    story.changes({date(2026, 6, 10): False})
    story.on(says(Assign), at(9, 13))
    story.on(RECOUNT, at(9, 14))
    assert (story.last.was, story.last.cause, story.now_is.due) == (at(10, 17), "calendar", at(11, 17))
    assert (story.journal[-1].shown, story.now_is.result_due, story.timers) == (False, None, {})
    assert story.on(RECOUNT, at(9, 15)) is None
    story.on(withdrawn(), at(10))
    assert story.on(RECOUNT) is None
    story.on(says(DeclineWithdrawal), at(11))
    assert story.on(RECOUNT) is None
    assert story.now_is.due == at(12, 17)


@pytest.mark.parametrize("leaving", [False, True])
def test_the_last_day_of_a_supplement_stays_a_working_day_and_its_timer_with_it(leaving: bool) -> None:
    story = in_(5)
    until = story.now_is.due
    assert until is not None
    if leaving:
        story.on(withdrawn())
    story.changes({until.date(): False})
    story.on(RECOUNT, at(10))
    later = story.now_is.due
    assert later is not None
    assert (story.last.was, later > until, story.calendar_of(story.now_is.agency).is_working_day(later.date())) == (
        until, True, True
    )  # fmt: skip
    assert story.now_is.supplement is not None
    assert (story.now_is.supplement.until, story.timers[SupplementOver].due) == (later, later)
    assert story.on(RECOUNT) is None


def test_a_calendar_that_changed_while_the_clock_stood_counts_when_it_runs_on() -> None:
    story = in_(2)
    story.on(says(RequestFees), at(10, 10))
    story.changes({date(2026, 6, 16): False})
    assert story.on(RECOUNT, at(10, 11)) is None
    story.on(paid(), at(12, 10))
    assert story.now_is.result_due == at(19, 17)


def test_the_reason_of_a_new_date_is_told() -> None:
    story = in_(2)
    story.on(says(Apologise))
    assert story.last.reason == REASON
    story.changes({date(2026, 6, 24): False})
    story.on(RECOUNT)
    assert (story.last.reason, story.now_is.result_due) == (RECOUNT.reason, at(25, 17))
