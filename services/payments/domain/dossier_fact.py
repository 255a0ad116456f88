"""What dossiers.v1 says of a dossier, as far as its money is concerned: the third side of reconciliation."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from chassis.decider import Decision, State
from chassis.envelope import Event
from contracts import dossiers
from contracts.money import total

Reached = Literal["acceptance", "result"]

_ACCEPTED = (dossiers.Accepted, dossiers.ProcessingStarted)
_RESULT = (dossiers.Completed, dossiers.ResultDispatched, dossiers.Returned)


class DossierFact(State):
    """One dossier. `last` is the number of its last event, `reached` how far it has come.

    `fees_asked` in đồng, of its form and later ones, last at `asked_at`; also those that were taken back, for each has its
    bill. `waiting_since` while it waits for them.
    `ended`: it went no further; `accepted` whether it may have been taken in by then (older events do not say).
    """

    code: str
    last: int = 0
    reached: Reached | None = None
    fees_asked: int = 0
    asked_at: datetime | None = None
    waiting_since: datetime | None = None
    ended: Literal["refused", "stopped"] | None = None
    ended_at: datetime | None = None
    accepted: bool = False


def noted(fact: DossierFact | None, event: Event[Any], now: datetime) -> Decision[DossierFact] | None:
    """What an event of the dossier adds; the same for an older one that comes again."""
    fact = fact or DossierFact(code=event.subject)
    if event.sequence <= fact.last:
        return None
    changes = _asked(fact, event) | _reached(fact, event.data) | _ended(event)
    waits = event.data.step.status == dossiers.Status.FINANCIAL_DUTY
    waiting = (fact.waiting_since or event.time) if waits else None
    return Decision(fact.model_copy(update={"last": event.sequence, "waiting_since": waiting, **changes}))


def _asked(fact: DossierFact, event: Event[Any]) -> dict[str, Any]:
    fees = total(getattr(event.data, "fee_lines", ()))
    return {"fees_asked": fact.fees_asked + fees, "asked_at": event.time} if fees else {}


def _reached(fact: DossierFact, data: Any) -> dict[str, Any]:
    if isinstance(data, _RESULT):
        return {"reached": "result"}
    accepted = isinstance(data, _ACCEPTED) or (isinstance(data, dossiers.Stopped) and data.accepted is True)
    return {"reached": fact.reached or "acceptance"} if accepted else {}


def _ended(event: Event[Any]) -> dict[str, Any]:
    match event.data:
        case dossiers.Refused():
            return {"ended": "refused", "ended_at": event.time}
        case dossiers.Stopped(accepted=accepted):
            return {"ended": "stopped", "ended_at": event.time, "accepted": accepted is not False}
    return {}
