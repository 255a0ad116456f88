"""Whatever citizens, officers, payments, calendars and time do to a dossier, in whatever order: what holds all the while."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import NotFound, Refusal
from contracts import dossiers, payments
from contracts.dossiers import Status
from contracts.money import total
from services.intake.domain import deadline as clocks
from services.intake.domain.commands import (
    Accept,
    Apologise,
    ByOfficer,
    Complete,
    Dispatch,
    Extend,
    FetchResult,
    GrantWithdrawal,
    HandOn,
    NearlyDue,
    PastDue,
    PostMessage,
    Recalculate,
    Refuse,
    RequestSupplement,
    Return,
    SendBack,
    StartProcessing,
    Stop,
    Supplement,
    SupplementOver,
    WithdrawFees,
)
from services.intake.domain.moves import MOVES
from tests.records import NOON
from tests.unit.intake.dossiers import (
    BIRTH,
    COMMUNE,
    LICENCE,
    NAME,
    NUMBER,
    OUTSIDE,
    PAPER,
    POLICE,
    PROVINCE,
    SAID,
    Story,
    expired,
    fetched,
    paid,
    posted,
    says,
    submit,
    supplied,
    withdrawn,
)

BY_OFFICERS = tuple(kind for kind in dict.fromkeys(move.message for move in MOVES.moves) if issubclass(kind, ByOfficer))
GROUNDS: dict[type, set[str]] = {
    RequestSupplement: {"supplement_asked_before"},
    Supplement: {"supplement_incomplete"},
    Apologise: {"rescheduled_before", "apology_too_late", "not_a_new_date"},
    Extend: {"no_longer_time", "extended_before", "rescheduled_before", "extension_too_late", "not_a_later_date"},
    HandOn: {"last_step"},
    SendBack: {"first_step"},
    Complete: {"steps_left"},
    Dispatch: {"not_by_post"},
    WithdrawFees: {"fees_must_stay", "no_fees_awaited"},
    PostMessage: {"closed_dossier"},
}
"""Why a message that the table allows may be refused all the same."""
ENDINGS = (Refuse, Stop, GrantWithdrawal)
FINAL = {Status.NOT_ACCEPTED, Status.STOPPED, Status.RETURNED}
ENDED = {*FINAL, Status.COMPLETED}
WAITING = {Status.SUPPLEMENT_ASKED, Status.FINANCIAL_DUTY}
MINUTES = st.one_of(st.integers(0, 120), st.integers(0, 6_000))


class Life(RuleBasedStateMachine):
    """One dossier, from its filing on; some have come further when the story begins.

    Nobody ends it before `patience` steps are over, or most would end before anything happened to them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.story, self.patience = Story(), 0

    @initialize(
        code=st.sampled_from([LICENCE, BIRTH]),
        fees=st.booleans(),
        delivery=st.sampled_from(["desk", "post", "online"]),
        counter=st.booleans(),
        further=st.sampled_from([0, 0, 1, 2, 3, 4, 5, 6, 6, 7]),
        patience=st.integers(0, 40),
    )
    def is_filed(self, code: str, fees: bool, delivery: Any, counter: bool, further: int, patience: int) -> None:
        self.agency = POLICE if code == LICENCE else COMMUNE
        self.story.on(submit(code, fees, delivery, filed_by="Vũ Thị Lan" if counter else None), NOON)
        self.filed = self.story.now_is
        if fees and further:
            self.story.on(paid())
        for kind in (Accept, StartProcessing, HandOn, HandOn, HandOn, Complete)[: max(0, further - 1)]:
            with suppress(Refusal):
                self.story.on(says(kind, self.story.now_is.handler))
        self.patience = patience

    # What people, payments and time do

    @rule(minutes=MINUTES)
    def time_goes_by(self, minutes: int) -> None:
        self.story.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.legal())
    @rule(data=st.data())
    def an_officer_goes_on(self, data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(self.legal()))
        said = {"to": date(2026, 6, 9) + timedelta(data.draw(st.integers(0, 60)))} if kind is Apologise else {}
        self.hears(says(kind, self.story.now_is.handler, **said))

    @precondition(lambda self: self.story.now_is.stage == len(self.story.now_is.stages) - 1)
    @rule()
    def the_last_step_is_done(self) -> None:
        self.hears(says(Complete, self.story.now_is.handler))

    @precondition(lambda self: self.story.status == Status.COMPLETED)
    @rule(data=st.data())
    def the_result_is_handed_over(self, data: st.DataObject) -> None:
        ways = (says(Dispatch, self.agency), fetched(), says(Return, self.agency))
        self.hears(data.draw(st.sampled_from(ways)))

    @rule(kind=st.sampled_from(BY_OFFICERS), who=st.sampled_from(["whoever received it", "a stranger"]))
    def an_officer_commands_what_may_be_wrong(self, kind: type[ByOfficer], who: str) -> None:
        if self.patience <= 0 or kind not in ENDINGS:
            self.hears(says(kind, self.agency if who == "whoever received it" else "H99"))

    def legal(self) -> list[type[ByOfficer]]:
        """What the officer who has it may command by the table."""
        found = [kind for kind in BY_OFFICERS if MOVES.allows(self.story.now_is.status, kind)]
        return [kind for kind in found if self.patience <= 0 or kind not in ENDINGS]

    @rule(all_of_it=st.sampled_from([True, True, False]))
    def its_citizen_supplements(self, all_of_it: bool) -> None:
        self.hears(supplied() if all_of_it else supplied(PAPER.path))

    @rule(message=st.sampled_from([withdrawn(), fetched(), posted()]))
    def its_citizen_asks(self, message: Message) -> None:
        self.hears(message)

    @rule(data=st.data())
    def payments_tell(self, data: st.DataObject) -> None:
        """Of the bill that is awaited, of one of before that names no request, or of another request's."""
        heard = data.draw(st.sampled_from([paid, paid, expired])) if self.patience <= 0 else paid
        before = self.story.now_is
        awaited = before.before if before.status == Status.WITHDRAWAL_ASKED else before.status
        request = before.fees_asked.request_id if before.fees_asked else None
        whose = data.draw(st.sampled_from([request, None, *self.requests()]))
        decision = self.story.on(heard(whose))
        assert (decision is not None) == (awaited == Status.FINANCIAL_DUTY and whose in (None, request))

    def requests(self) -> list[UUID]:
        """The ids of all requests for later fees, paid, taken back or awaited."""
        asked = [each for each in self.story.told if isinstance(each, dossiers.FeesRequested)]
        return [each.request_id for each in asked if each.request_id is not None]

    @precondition(lambda self: self.story.timers)
    @rule(data=st.data(), minutes=MINUTES)
    def a_timer_fires(self, data: st.DataObject, minutes: int) -> None:
        """In the order in which they are due, on time or late."""
        kind = min(self.story.timers, key=lambda each: self.story.timers[each].due)
        due, told = self.story.timers[kind].due, len(self.story.told)
        decision = self.story.fires(kind, due + timedelta(minutes=minutes))
        if kind is SupplementOver:
            assert self.story.status == Status.STOPPED
        else:
            assert len(self.story.told) - told == (decision is not None)

    @rule(kind=st.sampled_from([NearlyDue, PastDue, SupplementOver]))
    def a_timer_of_long_ago_fires_once_more(self, kind: type) -> None:
        if kind is SupplementOver and SupplementOver in self.story.timers:
            return
        message = SupplementOver() if kind is SupplementOver else kind(due=NOON - timedelta(days=1))
        assert self.story.on(message) is None

    @rule(day=st.dates(date(2026, 6, 8), date(2026, 7, 31)), worked=st.booleans())
    def an_operator_changes_the_calendar(self, day: date, worked: bool) -> None:
        self.story.changes({day: worked})
        self.hears(Recalculate(reason="Lịch thay đổi"))
        assert self.story.on(Recalculate(reason="Lịch thay đổi")) is None

    @invariant()
    def patience_ends(self) -> None:
        self.patience -= 1

    def hears(self, message: Message | Event[Any]) -> None:
        """The message has its effect or is refused as it must be; refused, it changes nothing."""
        before, told, lines = self.story.now_is, len(self.story.told), len(self.story.journal)
        kind = type(message)
        legal = MOVES.allows(before.status, kind) or kind in OUTSIDE
        refusal, decision = None, None
        try:
            decision = self.story.on(message)
        except Refusal as error:
            refusal = error
        if decision is not None:
            assert legal
            assert (len(self.story.told), len(self.story.journal)) == (told + 1, lines + 1)
            return
        if isinstance(refusal, NotFound):
            assert isinstance(message, ByOfficer)
            assert message.agency not in (before.agency, before.handler)
        elif refusal is not None and refusal.code == "held_elsewhere":
            assert (legal, before.handler) == (True, PROVINCE)
            assert before.status == Status.PROCESSING or kind is WithdrawFees
        elif refusal is not None:
            assert refusal.code in (GROUNDS.get(kind, set()) if legal else {"illegal_move"})
        else:
            assert legal or kind is FetchResult
        assert (self.story.now_is, len(self.story.told), len(self.story.journal)) == (before, told, lines)

    # What holds all the while. That a status is reached by the table alone, the story holds.

    @invariant()
    def every_event_says_who_has_it_since_when_and_until_when(self) -> None:
        steps = [each.model_dump()["step"] for each in self.story.told]
        for step in steps:
            assert (step["agency"], step["agency_name"]) == (self.filed.agency, self.filed.agency_name)
            assert step["department"]
            assert step["since"]
            assert (step["due"] is None) == (step["status"] in ENDED)
            assert step["handler"] in (None, PROVINCE)
            assert bool(step["task"]) == (step["status"] == Status.PROCESSING) or step["status"] in (5, 6, 7, 8)
        assert [step["since"] for step in steps] == sorted(step["since"] for step in steps)
        assert steps[-1]["since"] <= self.story.now

    @invariant()
    def the_last_step_told_is_where_it_stands(self) -> None:
        assert self.story.last.step == self.story.now_is.step()

    @invariant()
    def an_end_is_an_end(self) -> None:
        ends = [each.model_dump()["step"]["status"] in FINAL for each in self.story.told]
        names = [name for name, ended in zip(self.story.events, ends, strict=True) if ended]
        assert set(names[1:]) <= {"MessagePosted"}, "after the end there is nothing but messages"

    @invariant()
    def timers_are_those_of_the_clock(self) -> None:
        dossier, timers = self.story.now_is, self.story.timers
        waits = dossier.before if dossier.status == Status.WITHDRAWAL_ASKED else dossier.status
        assert (SupplementOver in timers) == (waits == Status.SUPPLEMENT_ASKED)
        if SupplementOver in timers:
            assert dossier.supplement is not None
            assert timers[SupplementOver].due == dossier.supplement.until
        runs = dossier.is_open and dossier.result_due is not None
        told = {NearlyDue: dossier.due_soon_told, PastDue: dossier.overdue_told}
        for kind, last in told.items():
            assert (kind in timers) <= runs
            if runs and last != dossier.result_due:
                assert kind in timers, "a promise that is not warned of yet will be"
        if PastDue in timers:
            assert timers[PastDue].due == dossier.result_due

    @invariant()
    def the_promised_date_is_the_clocks(self) -> None:
        dossier = self.story.now_is
        waits = dossier.before if dossier.status == Status.WITHDRAWAL_ASKED else dossier.status
        if dossier.clock is None or not dossier.is_open:
            return
        calendar = self.story.calendar_of(dossier.agency)
        assert clocks.is_paused(dossier.clock) == (waits in WAITING)
        assert dossier.result_due == clocks.due(dossier.clock, calendar)
        if dossier.result_due is not None:
            without = clocks.due(dossier.clock.model_copy(update={"pauses": ()}), calendar)
            assert without is not None
            assert without <= dossier.result_due, "a pause never brings the date nearer"
            assert dossier.due is not None
            assert dossier.due <= dossier.result_due

    @invariant()
    def each_promise_is_warned_of_at_most_once(self) -> None:
        for name in ("DueSoon", "Overdue"):
            said = [each.model_dump()["step"]["result_due"] for each in self.story.told if type(each).__name__ == name]
            dates = [due for place, due in enumerate(said) if place == 0 or due != said[place - 1]]
            assert dates == said

    @invariant()
    def it_is_asked_for_a_supplement_and_put_off_and_completed_once_at_most(self) -> None:
        for name in ("SupplementRequested", "Rescheduled", "Completed", "Returned", "Stopped", "Refused", "Accepted"):
            assert self.story.events.count(name) <= 1
        extended = [each for each in self.story.told if getattr(each, "cause", None) == "verification"]
        assert len(extended) <= 1

    @invariant()
    def what_is_completed_has_its_number_and_document_and_what_is_not_has_none(self) -> None:
        dossier = self.story.now_is
        done = dossier.status in (Status.COMPLETED, Status.RETURNED)
        assert (dossier.result_document is not None) == (dossier.result_number is not None) == done

    @invariant()
    def what_it_was_filed_as_never_changes(self) -> None:
        kept = {
            "code", "procedure", "procedure_version", "agency", "agency_name", "person_id", "submitted_at", "stages",
            "filed_by", "processing", "extended",
        }  # fmt: skip
        assert self.story.now_is.model_dump(include=kept) == self.filed.model_dump(include=kept)
        assert {each.document_id for each in self.filed.documents} <= {
            each.document_id for each in self.story.now_is.documents
        }

    @invariant()
    def no_personal_data_leaves(self) -> None:
        told = "".join(each.model_dump_json() for each in self.story.told)
        assert [secret for secret in (NAME, NUMBER, SAID, "12 phố Chợ") if secret in told] == []

    @invariant()
    def it_is_asked_for_the_fees_that_were_not_taken_back(self) -> None:
        dossier, told = self.story.now_is, self.story.told
        waits = dossier.before if dossier.status == Status.WITHDRAWAL_ASKED else dossier.status
        back = [each for each in told if isinstance(each, dossiers.FeesWithdrawn)]
        asked = sum(total(each.fee_lines) for each in told if hasattr(each, "fee_lines"))
        assert total(dossier.fee_lines) == asked - sum(each.amount for each in back)
        assert len(set(self.requests())) == len(self.requests())
        assert len({each.request_id for each in back}) == len(back)
        assert {each.request_id for each in back} <= set(self.requests())
        if dossier.fees_asked is not None:
            assert waits == Status.FINANCIAL_DUTY or not dossier.is_open

    @invariant()
    def the_journal_has_every_line_in_order(self) -> None:
        moments = [line.at for line in self.story.journal]
        assert moments == sorted(moments)
        kinds = [line.kind for line in self.story.journal]
        for name, kind in (("FeesSettled", "fees_settled"), ("FeesWithdrawn", "fees_withdrawn")):
            assert kinds.count(kind) == self.story.events.count(name)
        assert {line.paper for line in self.story.journal} <= {None, "01", "02", "03", "04", "05"}


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_every_message_that_payments_may_tell_is_among_those_of_the_machine() -> None:
    assert set(Story().follows) == {payments.Succeeded, payments.Expired}
