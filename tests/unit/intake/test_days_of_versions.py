"""What is told on which day: a version begins or ends, a legal basis ends or soon will."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.intake.domain.publication import (
    Close,
    DayComes,
    Open,
    Ship,
)
from tests.unit.intake.publishing import (
    TODAY,
    after,
    basis,
    decide,
    due,
    midnight,
    opened,
    said,
    version,
)


def test_the_next_version_ends_the_one_before_it_on_the_day_before_it_begins() -> None:
    begins = TODAY + timedelta(30)
    state = after(*opened(version(1)), *opened(version(2, begins)))
    assert [(each.version, each.effective_to) for each, _ in state.opened()] == [(1, begins - timedelta(1)), (2, None)]
    back = after(Close(number=2), state=state)
    assert next(back.opened())[0].effective_to is None, "what never began ends nothing"


def test_a_later_version_is_told_at_midnight_in_vietnam_of_the_day_on_which_it_begins() -> None:
    begins = TODAY + timedelta(30)
    state = after(*opened(version(1)))
    opening = decide(after(*opened(version(2, begins))[:2], state=state), Open(number=2))
    assert (said(opening).version, due(opening)) == (1, midnight(begins))
    assert opening is not None
    assert due(opening) == datetime(2026, 7, 8, 17, tzinfo=UTC)
    then = decide(opening.state, DayComes(), midnight(begins))
    assert (said(then).version, due(then)) == (2, None)


def test_after_its_last_day_a_procedure_without_a_successor_is_told_closed() -> None:
    last = TODAY + timedelta(10)
    opening = decide(None, Ship(procedure=version(1, effective_to=last)))
    assert (said(opening).state, due(opening)) == ("open", midnight(last + timedelta(1)))
    assert opening is not None
    then = decide(opening.state, DayComes(), midnight(last + timedelta(1)))
    assert (said(then).state, due(then)) == ("closed", None)


def test_a_legal_basis_that_ends_is_told_60_days_ahead_and_again_when_it_has_ended() -> None:
    until = TODAY + timedelta(100)
    opening = decide(None, Ship(procedure=version(1, legal_bases=basis(until))))
    assert (said(opening).expiring, due(opening)) == ((), midnight(until - timedelta(60)))
    assert opening is not None
    warned = decide(opening.state, DayComes(), midnight(until - timedelta(60)))
    (expiring,) = said(warned).expiring
    assert (expiring.name, expiring.ends_on, expiring.days_left) == ("Thông tư 1/2026", until, 60)
    assert warned is not None
    assert due(warned) == midnight(until + timedelta(1))
    ended = decide(warned.state, DayComes(), midnight(until + timedelta(1)))
    assert ([each.days_left for each in said(ended).expiring], due(ended)) == ([-1], None)


def test_a_warning_whose_timer_was_late_is_told_with_the_days_that_are_left() -> None:
    until = TODAY + timedelta(100)
    state = after(Ship(procedure=version(1, legal_bases=basis(until))))
    late = decide(state, DayComes(), midnight(until - timedelta(12)) + timedelta(hours=5))
    assert [each.days_left for each in said(late).expiring] == [12]
