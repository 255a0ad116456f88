"""Versions of a procedure made up for tests, and what becomes of them when messages come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from chassis.clock import VIETNAM
from chassis.decider import Decision, Message
from chassis.errors import Refusal
from contracts import procedures
from services.intake.domain.fact import LegalBasis
from services.intake.domain.procedure import Procedure
from services.intake.domain.publication import (
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


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)


NOW = midnight(TODAY) + timedelta(hours=9)


def version(number: int, since: date = TODAY, **changes: Any) -> Procedure:
    return PROCEDURE.model_copy(
        update={"version": number, "effective_from": since, "effective_to": None, "legal_bases": basis(None)} | changes
    )


def basis(until: date | None) -> tuple[LegalBasis, ...]:
    return (LegalBasis(name="Thông tư 1/2026", valid_to=until),)


def decide(state: Publication | None, message: Message, now: datetime = NOW) -> Decision[Publication] | None:
    return DECIDERS[type(message)](state, message, now)


def after(*messages: Message, now: datetime = NOW, state: Publication | None = None) -> Publication:
    for message in messages:
        decision = decide(state, message, now)
        state = decision.state if decision is not None else state
    assert state is not None
    return state


def opened(body: Procedure) -> tuple[Message, ...]:
    return Import(procedure=body), Consult(number=body.version), Open(number=body.version)


def said(decision: Decision[Publication] | None) -> procedures.Published:
    assert decision is not None
    (event,) = decision.events
    assert isinstance(event, procedures.Published)
    return event


def due(decision: Decision[Publication] | None) -> datetime | None:
    assert decision is not None
    return decision.timers[0].due if decision.timers else None


def refused(state: Publication, message: Message, now: datetime = NOW) -> str:
    with pytest.raises(Refusal) as refusal:
        decide(state, message, now)
    return refusal.value.code
