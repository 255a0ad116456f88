"""Services that skip one effect in a hundred, each in its own way: what the validity gate must refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.decider import Decision
from chassis.envelope import Event
from tests.bench.meters import READING, Meter, Taken, add


def adds_nothing(meter: Meter | None, event: Event[Taken], now: datetime) -> Decision[Meter]:
    """Says the total and does not keep it."""
    decision = add(meter, event, now)
    if event.data.amount % 100:
        return decision
    return replace(decision, state=meter or Meter(code=event.subject))


def says_nothing(meter: Meter | None, event: Event[Taken], now: datetime) -> Decision[Meter]:
    """Keeps the total and does not say it."""
    decision = add(meter, event, now)
    return decision if event.data.amount % 100 else replace(decision, events=())


FOLDS = {
    "adds nothing": replace(READING, on={Taken: adds_nothing}),
    "says nothing": replace(READING, on={Taken: says_nothing}),
}
