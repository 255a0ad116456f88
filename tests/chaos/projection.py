"""The projection built anew from Kafka's log, and compared with the one that lived through the faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chassis.decider import Decision
from chassis.envelope import Event, Reader, Unwanted
from contracts.registry import EVENTS
from services.status.domain.view import View
from services.status.main import CONSUMES
from tests.chaos.evidence import Evidence, Told

# What the chassis keeps of its own: it counts writes, and writes depend on batches.
_ITS_OWN = {"version", "sequence", "traceparent"}

_READER = Reader(EVENTS, {})


def event_of(told: Told) -> Event[Any]:
    """The event as a consumer reads it."""
    event = _READER.read(told.record, tuple(EVENTS.values()))
    assert not isinstance(event, Unwanted)
    return event


def rebuilt(evidence: Evidence) -> dict[str, View]:
    """The views that follow from the log, one topic after the other."""
    views: dict[str, View] = {}
    for fold in CONSUMES:
        for told in evidence.told:
            if told.topic == fold.topic:
                event = event_of(told)
                decision = fold.on[type(event.data)](views.get(event.subject), event, event.time)
                if isinstance(decision, Decision):
                    views[event.subject] = decision.state
    return views


def mismatches(evidence: Evidence, status: Mapping[str, int]) -> Iterator[str]:
    """Where the living projection and the rebuilt one differ, or either from the dossier itself."""
    lived = {row["dossier_code"]: View.model_validate(dict(row)) for row in evidence.views}
    anew = rebuilt(evidence)
    for code in sorted({*evidence.codes, *lived, *anew}):
        before, after = _compared(lived.get(code)), _compared(anew.get(code))
        if before != after:
            fields = [name for name in {*before, *after} if before.get(name) != after.get(name)]
            yield f"{code}: {', '.join(sorted(fields))}"
        elif before.get("status") != status.get(code):
            yield f"{code}: shown with status {before.get('status')}, has {status.get(code)}"


def _compared(view: View | None) -> dict[str, Any]:
    return {} if view is None else view.model_dump(exclude=_ITS_OWN)
