"""Folding messages over aggregates inside one transaction: load all, decide each, write everything in a few statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from opentelemetry.trace import Tracer
from pydantic import BaseModel

from chassis import effects, outbox, series
from chassis.aggregate import Aggregate
from chassis.clock import Clock
from chassis.decider import Decide, Decision, Remark
from chassis.effects import Effects
from chassis.envelope import headers_of
from chassis.identifiers import new_id
from chassis.postgres import Connection
from chassis.sealing import Sealer
from chassis.telemetry import SUBJECT, is_left_out, step, traceparent_of


@dataclass(frozen=True)
class Voice:
    """In whose name a process speaks: its CloudEvents source, its tracer, its clock and the topics it seals."""

    source: str
    tracer: Tracer
    clock: Clock
    sealers: Mapping[str, Sealer] = field(default_factory=dict)


class Inbound(NamedTuple):
    """One message for one aggregate, with the function that answers it and the trace it continues."""

    key: str
    message: Any
    decide: Decide
    traceparent: str | None = None


class Group(NamedTuple):
    """Messages that stand or fall together. After a failure, later groups of the same `lane` are not decided."""

    lane: str
    inbound: Sequence[Inbound]


@dataclass(slots=True)
class Outcome:
    """What became of a group: its decisions by key, or the error of its decider, or nothing when it was held.

    `remarks` answered messages that changed nothing.
    """

    decisions: list[tuple[str, Decision[Any]]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    error: Exception | None = None
    held: bool = False

    @property
    def answer(self) -> Any:
        """The state after the last message, or the Remark that answered it instead; None where there was nothing to do."""
        return self.decisions[-1][1].state if self.decisions else next(iter(self.remarks), None)


class _Decided(NamedTuple):
    """A decision whose state has its counters, or a mere remark, with its events as they will be published."""

    key: str
    decision: Decision[Any] | Remark
    rows: list[outbox.OutboxRow]
    traceparent: str | None


async def fold(
    voice: Voice,
    connection: Connection,
    aggregate: Aggregate[Any],
    groups: Sequence[Group],
    states: dict[str, Any] | None = None,
) -> list[Outcome]:
    """Decide the groups in order and write what follows; answers one outcome for each.

    Call it inside a transaction. `states` are the locked states when the caller has loaded them already. A decider's
    error leaves no effect of its group and is told in the outcome; a database error propagates.
    Raises Conflict when another transaction wrote one of the aggregates first.
    """
    loaded = states if states is not None else await lock(connection, aggregate, groups)
    now, failed, total, outcomes = voice.clock(), set[str](), Effects(), []
    for group in groups:
        if group.lane in failed:
            outcomes.append(Outcome(held=True))
            continue
        try:
            decided = _decide_all(voice, aggregate, group, loaded, total, now)
        except Exception as error:
            failed.add(group.lane)
            outcomes.append(Outcome(error=error))
            continue
        for each in decided:
            _add(total, each)
        outcomes.append(
            Outcome(
                [(each.key, each.decision) for each in decided if isinstance(each.decision, Decision)],
                [each.decision for each in decided if isinstance(each.decision, Remark)],
            )
        )
    await _draw(voice, connection, aggregate, outcomes, loaded, total, now)
    await effects.write(connection, aggregate, total)
    return outcomes


async def _draw(
    voice: Voice,
    connection: Connection,
    aggregate: Aggregate[Any],
    outcomes: Sequence[Outcome],
    loaded: Mapping[str, Any],
    total: Effects,
    now: datetime,
) -> None:
    """Draw the numbers that decisions ask for and decide what follows, after all aggregates are locked: no deadlock."""
    wanted = [
        (outcome, key, draw) for outcome in outcomes for key, decision in outcome.decisions for draw in decision.draws
    ]
    if not wanted:
        return
    numbers = await series.draw(connection, [draw.series for _, _, draw in wanted])
    for (outcome, key, draw), number in zip(wanted, numbers, strict=True):
        state, before = total.states[key], loaded.get(key)
        decision = draw.numbered(state, number, now)
        version = before.version if before is not None else 0
        decided = _numbered(voice, aggregate, key, state, decision, version, now, state.traceparent)
        _add(total, decided)
        if isinstance(decided.decision, Decision):
            outcome.decisions.append((key, decided.decision))


async def lock(connection: Connection, aggregate: Aggregate[Any], groups: Sequence[Group]) -> dict[str, Any]:
    """The states that the groups speak of, locked in the order of their keys."""
    return await aggregate.load_many(connection, [inbound.key for group in groups for inbound in group.inbound])


def _decide_all(
    voice: Voice, aggregate: Aggregate[Any], group: Group, loaded: Mapping[str, Any], total: Effects, now: datetime
) -> list[_Decided]:
    decided, states = list[_Decided](), dict[str, Any]()
    for inbound in group.inbound:
        key = inbound.key
        before = loaded.get(key)
        state = states.get(key) or total.states.get(key) or before
        one = _decide(voice, aggregate, inbound, state, before.version if before is not None else 0, now)
        if one is not None:
            if isinstance(one.decision, Decision):
                states[key] = one.decision.state
            decided.append(one)
    return decided


def _decide(
    voice: Voice, aggregate: Aggregate[Any], inbound: Inbound, state: Any, version: int, now: datetime
) -> _Decided | None:
    """Answer one message; `version` is that of the row that will be overwritten."""
    parent = inbound.traceparent or (state.traceparent if state is not None and aggregate.one_trace else None)
    if is_left_out(parent):
        decision = inbound.decide(state, inbound.message, now)
        return (
            None
            if decision is None
            else _numbered(voice, aggregate, inbound.key, state, decision, version, now, parent)
        )
    with step(voice.tracer, f"{aggregate.name} {_name_of(inbound.message)}", parent) as span:
        decision = inbound.decide(state, inbound.message, now)
        if decision is None:
            return None
        trace = traceparent_of(span)
        decided = _numbered(voice, aggregate, inbound.key, state, decision, version, now, trace)
        after = decided.decision.state if isinstance(decided.decision, Decision) else None
        span.set_attribute(SUBJECT, str(getattr(after, aggregate.subject, inbound.key)))
        return decided


def _numbered(
    voice: Voice,
    aggregate: Aggregate[Any],
    key: str,
    state: Any,
    decision: Decision[Any] | Remark,
    version: int,
    now: datetime,
    traceparent: str | None,
) -> _Decided:
    """The decision with the chassis' counters in its state, and its events numbered on from the former state's."""
    if isinstance(decision, Remark):
        said = [_row(voice, event, key, 1, now, traceparent) for event in decision.events]
        return _Decided(key, decision, said, traceparent)
    sequence, first = (state.sequence, state.traceparent) if state is not None else (0, None)
    after = decision.state.counted(version + 1, sequence + len(decision.events), first or traceparent)
    subject = str(getattr(after, aggregate.subject))
    rows = [
        _row(voice, event, subject, number, now, traceparent)
        for number, event in enumerate(decision.events, sequence + 1)
    ]
    rows += [_row(voice, event, subject, 1, now, traceparent) for event in decision.remarks]
    numbered = replace(decision, state=after)
    return _Decided(key, numbered, rows, traceparent)


def _name_of(message: Any) -> str:
    data = getattr(message, "data", None)
    return type(data).__name__ if isinstance(data, BaseModel) else type(message).__name__


def _row(
    voice: Voice, event: Any, subject: str, sequence: int, now: datetime, traceparent: str | None
) -> outbox.OutboxRow:
    sealer = voice.sealers.get(event.TOPIC)
    payload = event.model_dump_json().encode()
    event_id = new_id()
    headers = headers_of(event_id, event.TYPE, voice.source, subject, sequence, now, traceparent, sealer is not None)
    sealed = sealer.seal(payload) if sealer else payload
    return outbox.fitting(outbox.OutboxRow(event_id, event.TOPIC, subject, event.TYPE, sealed, headers))


def _add(total: Effects, decided: _Decided) -> None:
    key, decision, rows, trace = decided
    total.rows += rows
    total.notes += decision.notes
    if isinstance(decision, Remark):
        return
    total.states[key] = decision.state
    for timer in decision.timers:
        total.timers[key, type(timer.message).__name__] = (timer, trace)
    for cancelled in decision.cancels:
        total.timers.pop((key, cancelled.__name__), None)
        total.cancels.add((key, cancelled.__name__))
    for dropped in decision.drops:
        total.calls = [each for each in total.calls if each[1].id != dropped]
        total.drops.append(dropped)
    for call in decision.calls:
        total.calls.append((key, call, trace))
