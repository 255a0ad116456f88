"""A version's way: draft, consultation, open, closed; what the world hears of it, and when it hears it again."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.decider import Message
from chassis.errors import NotFound, Refusal
from contracts import procedures
from services.intake.domain.procedure import Procedure
from services.intake.domain.publication import (
    MOVES,
    Close,
    Consult,
    DayComes,
    Import,
    Open,
    Ship,
)
from services.intake.domain.versions import Publication
from tests.forms import PROCEDURE
from tests.unit.intake.publishing import (
    KINDS,
    TODAY,
    after,
    basis,
    decide,
    opened,
    refused,
    said,
    version,
)


def test_a_version_goes_from_draft_to_consultation_to_open_to_closed_and_only_the_last_two_are_told() -> None:
    state: Publication | None = None
    stages, told = [], []
    for message in (*opened(version(1)), Close(number=1)):
        decision = decide(state, message)
        assert decision is not None
        state = decision.state
        stages.append(state.versions[0].stage)
        told.append([each.state for each in decision.events if isinstance(each, procedures.Published)])
    assert stages == ["draft", "consultation", "open", "closed"]
    assert told == [[], [], ["open"], ["closed"]]


@pytest.mark.parametrize(
    ("stage", "illegal"),
    [
        ("draft", [Open(number=1), Close(number=1)]),
        ("consultation", [Consult(number=1), Close(number=1)]),
        ("open", [Consult(number=1), Open(number=1)]),
        ("closed", [Consult(number=1), Open(number=1), Close(number=1)]),
    ],
)
def test_any_other_move_is_refused_and_the_legal_ones_are_named(stage: str, illegal: list[Message]) -> None:
    steps = [*opened(version(1)), Close(number=1)]
    state = after(*steps[: ["draft", "consultation", "open", "closed"].index(stage) + 1])
    assert state.versions[0].stage == stage
    for message in illegal:
        assert refused(state, message) == "illegal_move"


def test_the_same_content_again_does_nothing_whatever_became_of_the_version() -> None:
    steps = [*opened(version(1)), Close(number=1)]
    for number in range(1, len(steps) + 1):
        assert decide(after(*steps[:number]), Import(procedure=version(1))) is None


def test_another_content_of_a_version_that_was_ever_open_is_refused() -> None:
    changed = version(1, name="Đổi bằng lái xe")
    for steps in (opened(version(1)), (*opened(version(1)), Close(number=1)), (Ship(procedure=version(1)),)):
        for message in (Import(procedure=changed), Ship(procedure=changed)):
            assert refused(after(*steps), message) == "content_changed"


def test_another_content_of_what_is_consulted_on_makes_it_a_draft_again() -> None:
    state = after(*opened(version(1))[:2], Import(procedure=version(1, name="Khác")))
    assert (state.versions[0].stage, state.versions[0].body.name) == ("draft", "Khác")


def test_what_ships_is_open_at_once_and_said_once_however_often_services_start() -> None:
    decision = decide(None, Ship(procedure=version(1)))
    assert said(decision).version == 1
    assert decision is not None
    assert decide(decision.state, Ship(procedure=version(1))) is None
    closed = after(Close(number=1), state=decision.state)
    assert decide(closed, Ship(procedure=version(1))) is None, "what operators closed stays closed"


@pytest.mark.parametrize(
    ("before", "body", "code"),
    [
        ([], version(1, TODAY - timedelta(9), effective_to=TODAY - timedelta(1)), "version_over"),
        ([], version(1, legal_bases=basis(TODAY - timedelta(1))), "basis_ended"),
        ([], version(1, TODAY + timedelta(9), legal_bases=basis(TODAY + timedelta(8))), "basis_ended"),
        ([version(2, TODAY)], version(1, TODAY - timedelta(9)), "newer_open"),
        ([version(1, TODAY + timedelta(9))], version(2, TODAY + timedelta(9)), "newer_open"),
        ([version(1, TODAY + timedelta(9))], version(2, TODAY), "newer_open"),
    ],
)
def test_a_version_that_cannot_be_in_force_is_not_opened(before: list[Procedure], body: Procedure, code: str) -> None:
    state = after(*(message for each in before for message in opened(each)), *opened(body)[:2])
    assert refused(state, Open(number=body.version)) == code


def test_a_basis_that_ends_on_the_first_day_still_carries_the_version() -> None:
    state = after(*opened(version(1, TODAY + timedelta(9), legal_bases=basis(TODAY + timedelta(9)))))
    assert state.versions[0].stage == "open"


@pytest.mark.parametrize("message", [Consult(number=1), Open(number=1), Close(number=1)])
def test_a_version_that_nobody_imported_is_not_found(message: Message) -> None:
    for state in (None, after(Import(procedure=version(2)))):
        with pytest.raises(NotFound):
            decide(state, message)


def test_a_timer_of_what_is_no_longer_open_says_nothing() -> None:
    assert decide(None, DayComes()) is None
    assert decide(after(Import(procedure=version(1))), DayComes()) is None
    assert decide(after(*opened(version(1)), Close(number=1)), DayComes()) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(KINDS)), max_size=30))
def test_whatever_is_asked_stages_follow_the_table_and_no_two_open_versions_are_in_force_on_one_day(
    asked: list[tuple[int, type[Message]]],
) -> None:
    state: Publication | None = None
    for number, kind in asked:
        body = version(number, TODAY + timedelta(number))
        message = kind(procedure=body) if kind in (Import, Ship) else kind(number=number)
        there = state.numbered(number) if state is not None else None
        earlier = there.stage if there is not None else None
        try:
            decision = decide(state, message)
        except Refusal:
            continue
        if decision is None:
            continue
        state = decision.state
        now_there = state.numbered(number)
        assert now_there is not None
        assert (earlier, kind, now_there.stage) in {(move.source, move.message, move.target) for move in MOVES.moves}
        spans = [(each.effective_from, each.effective_to or date.max) for each, is_open in state.opened() if is_open]
        assert all(one[1] < other[0] for one, other in pairwise(spans))


def test_versions_are_kept_as_text_and_read_back_with_their_fields_in_order() -> None:
    state = after(*opened(version(1)))
    kept = state.model_dump(mode="json")
    assert isinstance(kept["versions"], str)
    again = Publication.model_validate(kept)
    assert again == state
    assert list(again.versions[0].body.details["properties"]) == list(PROCEDURE.details["properties"])
