"""A dossier's life: only the moves of the table happen, each tells who has it and since when, and an end is an end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.clock import VIETNAM
from chassis.decider import Decision, Message
from chassis.envelope import Event
from chassis.errors import NotFound, Refusal
from chassis.identifiers import new_id
from contracts import dossiers, payments
from contracts.dossiers import Status
from contracts.event import Data
from services.intake.domain import dossier as dossier_
from services.intake.domain.commands import Accept, ByOfficer, Complete, Refuse, Return, StartProcessing, Submit
from services.intake.domain.dossier import MOVES, NAMES, WORDS, Dossier
from tests.forms import AGENCY, PROCEDURE
from tests.records import NOON, event, example

Command = TypeVar("Command", bound=ByOfficer)

CODE, PERSON = "G09.20-260609-0001", new_id()
FREE = PROCEDURE.model_copy(update={"fee_lines": ()})
OFFICER = {"officer": "Vũ Thị Lan", "agency": "G09.20", "department": "Bộ phận một cửa"}
COMMANDS: dict[type[ByOfficer], tuple[Any, dict[str, str]]] = {
    Accept: (dossier_.accept, {}),
    Refuse: (dossier_.refuse, {"grounds": "Giấy phép lái xe không thuộc tỉnh cấp."}),
    StartProcessing: (dossier_.start_processing, {}),
    Complete: (dossier_.complete, {"result_number": "010190012345"}),
    Return: (dossier_.give_back, {}),
}
FOLLOWING: dict[type[Data], Any] = {
    payments.Succeeded: dossier_.settle_fees,
    payments.Expired: dossier_.stop_unpaid,
}
FINAL = {Status.NOT_ACCEPTED, Status.STOPPED, Status.RETURNED}
NATIONAL = {1: {2, 3, 5, 6, 7}, 2: {4, 5, 6, 7, 8}, 4: {5, 6, 7, 8, 9}, 6: {1, 2, 4, 7, 8}, 9: {10}, None: {1, 6}}


def submitted(procedure: Any = PROCEDURE, now: datetime = NOON) -> Decision[Dossier]:
    filed = Submit(code=CODE, procedure=procedure, agency=AGENCY, person_id=PERSON, form={"applicant": {"name": "Ánh"}})
    return dossier_.submit(None, filed, now)


def in_(status: Status, **changes: Any) -> Dossier:
    return submitted().state.model_copy(update={"status": status, **changes})


def command(kind: type[Command], **changes: Any) -> Command:
    return kind.model_validate(OFFICER | COMMANDS[kind][1] | changes)


def paid() -> Event[Any]:
    return event(example(payments.Succeeded), subject=CODE)


def expired() -> Event[Any]:
    return event(example(payments.Expired), subject=CODE)


class Life(RuleBasedStateMachine):
    """Whatever officers and payments do, in whatever order, against the table."""

    @initialize(fees=st.booleans())
    def file(self, fees: bool) -> None:
        self.now = NOON
        decision = submitted(PROCEDURE if fees else FREE)
        self.dossier, self.events = decision.state, list(decision.events)

    @rule(kind=st.sampled_from(list(COMMANDS)), minutes=st.integers(0, 5000))
    def an_officer_commands(self, kind: type[ByOfficer], minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        before = self.dossier
        moves = [move for move in MOVES.moves if (move.source, move.message) == (before.status, kind)]
        decide = COMMANDS[kind][0]
        if moves:
            self._follows(decide(before, command(kind), self.now), moves[0].target, moves[0].event)
            assert self.dossier.officer == OFFICER["officer"]
            return
        with pytest.raises(Refusal) as refused:
            decide(before, command(kind), self.now)
        legal = {move.message for move in MOVES.moves if move.source == before.status}
        assert (refused.value.status, refused.value.code) == (409, "illegal_move")
        assert all(WORDS[each] in refused.value.vi and each.__name__ in refused.value.en for each in legal)
        assert NAMES[before.status] in refused.value.vi

    @rule(kind=st.sampled_from(list(FOLLOWING)), minutes=st.integers(0, 5000))
    def payments_tell(self, kind: type[Data], minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        heard = paid() if kind is payments.Succeeded else expired()
        decision = FOLLOWING[kind](self.dossier, heard, self.now)
        moves = [move for move in MOVES.moves if (move.source, move.message) == (self.dossier.status, kind)]
        if moves:
            self._follows(decision, moves[0].target, moves[0].event)
        else:
            assert decision is None, "money for a dossier that has moved on changes nothing"

    def _follows(self, decision: Decision[Dossier], target: Status, kind: type | None) -> None:
        assert self.dossier.status not in FINAL
        assert target in NATIONAL[self.dossier.status]
        assert (decision.state.status, decision.state.since) == (target, self.now)
        assert [type(told) for told in decision.events] == [kind]
        self.dossier = decision.state
        self.events += decision.events

    @invariant()
    def every_event_says_where_the_dossier_stands(self) -> None:
        steps = [told.model_dump()["step"] for told in self.events]
        assert all(step["agency"] == "G09.20" and step["agency_name"] == AGENCY.name for step in steps)
        assert all(step["department"] and step["since"] for step in steps)
        assert [step["since"] for step in steps] == sorted(step["since"] for step in steps)
        assert steps[-1] == self.dossier.step().model_dump()

    @invariant()
    def what_it_was_filed_as_never_changes(self) -> None:
        filed = submitted().state
        kept = {"code", "procedure", "procedure_version", "agency", "person_id", "submitted_at", "form", "result"}
        assert self.dossier.model_dump(include=kept) == filed.model_dump(include=kept)

    @invariant()
    def no_personal_data_leaves(self) -> None:
        assert all("Ánh" not in told.model_dump_json() for told in self.events)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=15, suppress_health_check=list(HealthCheck))


def test_the_table_is_within_the_national_moves_and_its_ends_are_final() -> None:
    for move in MOVES.moves:
        assert move.target in NATIONAL[move.source], move
    assert {move.target for move in MOVES.moves} - {move.source for move in MOVES.moves} == FINAL


def test_every_state_and_message_has_its_words() -> None:
    assert set(NAMES) == set(Status)
    assert {move.message for move in MOVES.moves} == set(WORDS)


def test_a_dossier_with_fees_waits_for_them_and_one_without_for_the_desk() -> None:
    decision = submitted()
    assert [type(told) for told in decision.events] == [dossiers.Submitted, dossiers.FeesRequested]
    first, second = (told.model_dump() for told in decision.events)
    assert (first["step"]["status"], second["step"]["status"], second["amount"]) == (1, 6, 135_000)
    assert first["payment_due"] == second["step"]["due"] == decision.state.due
    free = submitted(FREE)
    assert [type(told) for told in free.events] == [dossiers.Submitted]
    assert (free.state.status, free.events[0].model_dump()["payment_due"]) == (Status.REGISTERED, None)


def test_a_code_is_given_to_one_dossier_only() -> None:
    with pytest.raises(Refusal) as refused:
        dossier_.submit(
            in_(Status.REGISTERED),
            Submit(code=CODE, procedure=PROCEDURE, agency=AGENCY, person_id=PERSON, form={}),
            NOON,
        )
    assert refused.value.code == "code_taken"


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (datetime(2026, 6, 9, 14, 59, tzinfo=VIETNAM), datetime(2026, 6, 16, 17, tzinfo=VIETNAM)),
        (datetime(2026, 6, 9, 15, 0, tzinfo=VIETNAM), datetime(2026, 6, 17, 17, tzinfo=VIETNAM)),
        (datetime(2026, 6, 13, 9, 0, tzinfo=VIETNAM), datetime(2026, 6, 22, 17, tzinfo=VIETNAM)),
        (datetime(2025, 12, 31, 9, 0, tzinfo=VIETNAM), datetime(2026, 1, 9, 17, tzinfo=VIETNAM)),
    ],
    ids=["before the cut-off", "after the cut-off", "on a Saturday", "over 2 January 2026, which was off"],
)
def test_acceptance_starts_a_clock_of_working_days(received: datetime, due: datetime) -> None:
    decision = dossier_.accept(in_(Status.REGISTERED), command(Accept), received)
    assert decision.state.due == due
    assert decision.events[0].model_dump()["step"]["due"] == due


def test_processing_keeps_the_due_date_and_goes_to_the_department_that_decides() -> None:
    due = NOON + timedelta(days=7)
    moved = dossier_.start_processing(in_(Status.ACCEPTED, due=due), command(StartProcessing), NOON).state
    assert (moved.due, moved.department) == (due, "Phòng Cảnh sát giao thông")


def test_acceptance_asks_for_the_appointment_that_the_procedure_needs() -> None:
    told = dossier_.accept(in_(Status.REGISTERED), command(Accept), NOON).events[0].model_dump()
    assert told["appointment"]["minutes"] == 15
    without = dossier_.accept(in_(Status.REGISTERED, appointment=None), command(Accept), NOON)
    assert without.events[0].model_dump()["appointment"] is None


def test_what_the_officer_said_is_kept_and_told() -> None:
    refused = dossier_.refuse(in_(Status.REGISTERED), command(Refuse), NOON)
    assert refused.state.grounds == refused.events[0].model_dump()["grounds"] == COMMANDS[Refuse][1]["grounds"]
    completed = dossier_.complete(in_(Status.PROCESSING), command(Complete), NOON)
    assert completed.state.result_number == "010190012345"
    assert completed.events[0].model_dump()["result_number"] == "********2345"
    returned = dossier_.give_back(in_(Status.COMPLETED), command(Return, delivery="bưu điện"), NOON)
    assert returned.events[0].model_dump()["delivery"] == "bưu điện"


@pytest.mark.parametrize("status", FINAL | {Status.COMPLETED}, ids=lambda status: status.name.lower())
def test_a_dossier_that_is_done_has_no_due_date(status: Status) -> None:
    reached: dict[Status, Decision[Dossier] | None] = {
        Status.NOT_ACCEPTED: dossier_.refuse(in_(Status.REGISTERED), command(Refuse), NOON),
        Status.STOPPED: dossier_.stop_unpaid(in_(Status.FINANCIAL_DUTY), expired(), NOON),
        Status.RETURNED: dossier_.give_back(in_(Status.COMPLETED), command(Return), NOON),
        Status.COMPLETED: dossier_.complete(in_(Status.PROCESSING), command(Complete), NOON),
    }
    decision = reached[status]
    assert decision is not None
    assert (decision.state.status, decision.state.due) == (status, None)


@pytest.mark.parametrize("kind", list(COMMANDS), ids=lambda kind: kind.__name__)
def test_another_agencys_officer_finds_nothing_whatever_the_state_and_version(kind: type[ByOfficer]) -> None:
    for status in Status:
        for agency in ("H55.31", "", "g09.20", "G09"):
            with pytest.raises(NotFound) as hidden:
                COMMANDS[kind][0](in_(status), command(kind, agency=agency, seen_version=99), NOON)
            with pytest.raises(NotFound) as absent:
                COMMANDS[kind][0](None, command(kind), NOON)
            assert (hidden.value.vi, hidden.value.en) == (absent.value.vi, absent.value.en)


@pytest.mark.parametrize("kind", list(COMMANDS), ids=lambda kind: kind.__name__)
def test_who_saw_an_older_or_newer_version_is_told_to_load_it_again(kind: type[ByOfficer]) -> None:
    source = next(move.source for move in MOVES.moves if move.message is kind)
    for seen in (0, 2, 4):
        with pytest.raises(Refusal) as refused:
            COMMANDS[kind][0](in_(source, version=3), command(kind, seen_version=seen), NOON)
        assert (refused.value.status, refused.value.code) == (412, "stale")
    for seen_version in (3, None):
        assert COMMANDS[kind][0](in_(source, version=3), command(kind, seen_version=seen_version), NOON)


@pytest.mark.parametrize("heard", [paid, expired], ids=["paid", "expired"])
def test_money_for_a_dossier_nobody_knows_is_not_silently_dropped(heard: Any) -> None:
    decide = FOLLOWING[type(heard().data)]
    with pytest.raises(NotFound):
        decide(None, heard(), NOON)


def test_every_command_of_the_table_is_one_that_a_person_or_payments_can_give() -> None:
    given: set[type[Message] | type[Data]] = {Submit, *COMMANDS, *FOLLOWING}
    assert {move.message for move in MOVES.moves} == given


@given(st.text(min_size=1, max_size=100))
def test_a_masked_number_tells_at_most_its_last_four_characters_and_half_of_itself(number: str) -> None:
    told = dossier_.masked(number)
    assert len(told) == len(number)
    assert set(told[:-4]) <= {"*"}
    assert told == "*" * len(number) or len(number) >= 8
