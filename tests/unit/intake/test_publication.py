"""A version's way: draft, consultation, open, closed; what the world hears of it, and when it hears it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.decider import Decision, Message
from chassis.errors import NotFound, Refusal
from contracts import procedures
from services.intake.domain.fact import LegalBasis
from services.intake.domain.procedure import Procedure
from services.intake.domain.publication import (
    MOVES,
    Close,
    Consult,
    DayComes,
    Import,
    Open,
    Ship,
    close,
    consult,
    open_,
    say_again,
    ship,
    take,
)
from services.intake.domain.versions import Publication
from tests.forms import PROCEDURE

DECIDERS: dict[type[Message], Callable[[Publication | None, Any, datetime], Decision[Publication] | None]] = {
    Import: take, Ship: ship, Consult: consult, Open: open_, Close: close, DayComes: say_again,
}  # fmt: skip
KINDS: list[type[Message]] = [Import, Ship, Consult, Open, Close]
TODAY = date(2026, 6, 9)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)


NOW = _midnight(TODAY) + timedelta(hours=9)


def _version(number: int, since: date = TODAY, **changes: Any) -> Procedure:
    return PROCEDURE.model_copy(
        update={"version": number, "effective_from": since, "effective_to": None, "legal_bases": _basis(None)} | changes
    )


def _basis(until: date | None) -> tuple[LegalBasis, ...]:
    return (LegalBasis(name="Thông tư 1/2026", valid_to=until),)


def _decide(state: Publication | None, message: Message, now: datetime = NOW) -> Decision[Publication] | None:
    return DECIDERS[type(message)](state, message, now)


def _after(*messages: Message, now: datetime = NOW, state: Publication | None = None) -> Publication:
    for message in messages:
        decision = _decide(state, message, now)
        state = decision.state if decision is not None else state
    assert state is not None
    return state


def _opened(body: Procedure) -> tuple[Message, ...]:
    return Import(procedure=body), Consult(number=body.version), Open(number=body.version)


def _said(decision: Decision[Publication] | None) -> procedures.Published:
    assert decision is not None
    (event,) = decision.events
    assert isinstance(event, procedures.Published)
    return event


def _due(decision: Decision[Publication] | None) -> datetime | None:
    assert decision is not None
    return decision.timers[0].due if decision.timers else None


def _refused(state: Publication, message: Message, now: datetime = NOW) -> str:
    with pytest.raises(Refusal) as refusal:
        _decide(state, message, now)
    return refusal.value.code


def test_a_version_goes_from_draft_to_consultation_to_open_to_closed_and_only_the_last_two_are_told() -> None:
    state: Publication | None = None
    stages, told = [], []
    for message in (*_opened(_version(1)), Close(number=1)):
        decision = _decide(state, message)
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
    steps = [*_opened(_version(1)), Close(number=1)]
    state = _after(*steps[: ["draft", "consultation", "open", "closed"].index(stage) + 1])
    assert state.versions[0].stage == stage
    for message in illegal:
        assert _refused(state, message) == "illegal_move"


def test_the_same_content_again_does_nothing_whatever_became_of_the_version() -> None:
    steps = [*_opened(_version(1)), Close(number=1)]
    for number in range(1, len(steps) + 1):
        assert _decide(_after(*steps[:number]), Import(procedure=_version(1))) is None


def test_another_content_of_a_version_that_was_ever_open_is_refused() -> None:
    changed = _version(1, name="Đổi bằng lái xe")
    for steps in (_opened(_version(1)), (*_opened(_version(1)), Close(number=1)), (Ship(procedure=_version(1)),)):
        for message in (Import(procedure=changed), Ship(procedure=changed)):
            assert _refused(_after(*steps), message) == "content_changed"


def test_another_content_of_what_is_consulted_on_makes_it_a_draft_again() -> None:
    state = _after(*_opened(_version(1))[:2], Import(procedure=_version(1, name="Khác")))
    assert (state.versions[0].stage, state.versions[0].body.name) == ("draft", "Khác")


def test_what_ships_is_open_at_once_and_said_once_however_often_services_start() -> None:
    decision = _decide(None, Ship(procedure=_version(1)))
    assert _said(decision).version == 1
    assert decision is not None
    assert _decide(decision.state, Ship(procedure=_version(1))) is None
    closed = _after(Close(number=1), state=decision.state)
    assert _decide(closed, Ship(procedure=_version(1))) is None, "what operators closed stays closed"


def test_the_next_version_ends_the_one_before_it_on_the_day_before_it_begins() -> None:
    begins = TODAY + timedelta(30)
    state = _after(*_opened(_version(1)), *_opened(_version(2, begins)))
    assert [(each.version, each.effective_to) for each, _ in state.opened()] == [(1, begins - timedelta(1)), (2, None)]
    back = _after(Close(number=2), state=state)
    assert next(back.opened())[0].effective_to is None, "what never began ends nothing"


def test_a_later_version_is_told_at_midnight_in_vietnam_of_the_day_on_which_it_begins() -> None:
    begins = TODAY + timedelta(30)
    state = _after(*_opened(_version(1)))
    opening = _decide(_after(*_opened(_version(2, begins))[:2], state=state), Open(number=2))
    assert (_said(opening).version, _due(opening)) == (1, _midnight(begins))
    assert opening is not None
    assert _due(opening) == datetime(2026, 7, 8, 17, tzinfo=UTC)
    then = _decide(opening.state, DayComes(), _midnight(begins))
    assert (_said(then).version, _due(then)) == (2, None)


def test_after_its_last_day_a_procedure_without_a_successor_is_told_closed() -> None:
    last = TODAY + timedelta(10)
    opening = _decide(None, Ship(procedure=_version(1, effective_to=last)))
    assert (_said(opening).state, _due(opening)) == ("open", _midnight(last + timedelta(1)))
    assert opening is not None
    then = _decide(opening.state, DayComes(), _midnight(last + timedelta(1)))
    assert (_said(then).state, _due(then)) == ("closed", None)


def test_a_legal_basis_that_ends_is_told_60_days_ahead_and_again_when_it_has_ended() -> None:
    until = TODAY + timedelta(100)
    opening = _decide(None, Ship(procedure=_version(1, legal_bases=_basis(until))))
    assert (_said(opening).expiring, _due(opening)) == ((), _midnight(until - timedelta(60)))
    assert opening is not None
    warned = _decide(opening.state, DayComes(), _midnight(until - timedelta(60)))
    (expiring,) = _said(warned).expiring
    assert (expiring.name, expiring.ends_on, expiring.days_left) == ("Thông tư 1/2026", until, 60)
    assert warned is not None
    assert _due(warned) == _midnight(until + timedelta(1))
    ended = _decide(warned.state, DayComes(), _midnight(until + timedelta(1)))
    assert ([each.days_left for each in _said(ended).expiring], _due(ended)) == ([-1], None)


def test_a_warning_whose_timer_was_late_is_told_with_the_days_that_are_left() -> None:
    until = TODAY + timedelta(100)
    state = _after(Ship(procedure=_version(1, legal_bases=_basis(until))))
    late = _decide(state, DayComes(), _midnight(until - timedelta(12)) + timedelta(hours=5))
    assert [each.days_left for each in _said(late).expiring] == [12]


@pytest.mark.parametrize(
    ("before", "body", "code"),
    [
        ([], _version(1, TODAY - timedelta(9), effective_to=TODAY - timedelta(1)), "version_over"),
        ([], _version(1, legal_bases=_basis(TODAY - timedelta(1))), "basis_ended"),
        ([], _version(1, TODAY + timedelta(9), legal_bases=_basis(TODAY + timedelta(8))), "basis_ended"),
        ([_version(2, TODAY)], _version(1, TODAY - timedelta(9)), "newer_open"),
        ([_version(1, TODAY + timedelta(9))], _version(2, TODAY + timedelta(9)), "newer_open"),
        ([_version(1, TODAY + timedelta(9))], _version(2, TODAY), "newer_open"),
    ],
)
def test_a_version_that_cannot_be_in_force_is_not_opened(before: list[Procedure], body: Procedure, code: str) -> None:
    state = _after(*(message for each in before for message in _opened(each)), *_opened(body)[:2])
    assert _refused(state, Open(number=body.version)) == code


def test_a_basis_that_ends_on_the_first_day_still_carries_the_version() -> None:
    state = _after(*_opened(_version(1, TODAY + timedelta(9), legal_bases=_basis(TODAY + timedelta(9)))))
    assert state.versions[0].stage == "open"


def test_a_version_that_nobody_imported_is_not_found() -> None:
    for message in (Consult(number=1), Open(number=1), Close(number=1)):
        with pytest.raises(NotFound):
            _decide(None, message)
        with pytest.raises(NotFound):
            _decide(_after(Import(procedure=_version(2))), message)


def test_a_timer_of_what_is_no_longer_open_says_nothing() -> None:
    assert _decide(None, DayComes()) is None
    assert _decide(_after(Import(procedure=_version(1))), DayComes()) is None
    assert _decide(_after(*_opened(_version(1)), Close(number=1)), DayComes()) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(KINDS)), max_size=30))
def test_whatever_is_asked_stages_follow_the_table_and_no_two_open_versions_are_in_force_on_one_day(
    asked: list[tuple[int, type[Message]]],
) -> None:
    state: Publication | None = None
    for number, kind in asked:
        body = _version(number, TODAY + timedelta(number))
        message = kind(procedure=body) if kind in (Import, Ship) else kind(number=number)
        there = state.numbered(number) if state is not None else None
        before = there.stage if there is not None else None
        try:
            decision = _decide(state, message)
        except Refusal:
            continue
        if decision is None:
            continue
        state = decision.state
        after = state.numbered(number)
        assert after is not None
        assert (before, kind, after.stage) in {(move.source, move.message, move.target) for move in MOVES.moves}
        spans = [(each.effective_from, each.effective_to or date.max) for each, is_open in state.opened() if is_open]
        assert all(one[1] < other[0] for one, other in pairwise(spans))


def test_versions_are_kept_as_text_and_read_back_with_their_fields_in_order() -> None:
    state = _after(*_opened(_version(1)))
    kept = state.model_dump(mode="json")
    assert isinstance(kept["versions"], str)
    again = Publication.model_validate(kept)
    assert again == state
    assert list(again.versions[0].body.details["properties"]) == list(PROCEDURE.details["properties"])
