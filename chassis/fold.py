"""Folding messages over aggregates inside one transaction: load all, decide each, write everything in a few statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opentelemetry.trace import Tracer
from pydantic import BaseModel

from chassis import outbox
from chassis.aggregate import Aggregate
from chassis.clock import Clock
from chassis.decider import At, Call, Decide, Decision, State
from chassis.envelope import headers_of
from chassis.identifiers import new_id
from chassis.postgres import Connection
from chassis.sealing import Sealer
from chassis.telemetry import SUBJECT, step, traceparent_of


@dataclass(frozen=True)
class Voice:
    """In whose name a process speaks: its CloudEvents source, its tracer, its clock and the topics it seals."""

    source: str
    tracer: Tracer
    clock: Clock
    sealers: Mapping[str, Sealer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message for one aggregate, with the function that answers it and the trace it continues."""

    key: str
    message: Any
    decide: Decide
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that stand or fall together. After a failure, later groups of the same `lane` are not decided."""

    lane: str
    inbound: Sequence[Inbound]


@dataclass(slots=True)
class Outcome:
    """What became of a group: its decisions by key, or the error of its decider, or nothing when it was held."""

    decisions: list[tuple[str, Decision[Any]]] = field(default_factory=list)
    error: Exception | None = None
    held: bool = False


@dataclass(slots=True)
class _Effects:
    """What the decisions of one transaction add up to."""

    states: dict[str, State] = field(default_factory=dict)
    rows: list[outbox.OutboxRow] = field(default_factory=list)
    timers: dict[tuple[str, str], tuple[At, str | None]] = field(default_factory=dict)
    cancels: set[tuple[str, str]] = field(default_factory=set)
    calls: list[tuple[str, Call, str | None]] = field(default_factory=list)


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
    now, failed, effects, outcomes = voice.clock(), set[str](), _Effects(), []
    for group in groups:
        if group.lane in failed:
            outcomes.append(Outcome(held=True))
            continue
        tentative, outcome = _Effects(), Outcome()
        try:
            for inbound in group.inbound:
                state = tentative.states.get(inbound.key) or effects.states.get(inbound.key) or loaded.get(inbound.key)
                decision = _decide(voice, aggregate, inbound, state, loaded.get(inbound.key), now, tentative)
                if decision is not None:
                    outcome.decisions.append((inbound.key, decision))
        except Exception as error:
            failed.add(group.lane)
            outcome = Outcome(error=error)
        else:
            _add(effects, tentative)
        outcomes.append(outcome)
    await _write(connection, aggregate, effects)
    return outcomes


async def lock(connection: Connection, aggregate: Aggregate[Any], groups: Sequence[Group]) -> dict[str, Any]:
    """The states that the groups speak of, locked in the order of their keys."""
    return await aggregate.load_many(connection, [inbound.key for group in groups for inbound in group.inbound])


def _decide(
    voice: Voice,
    aggregate: Aggregate[Any],
    inbound: Inbound,
    state: Any,
    loaded: Any,
    now: datetime,
    effects: _Effects,
) -> Decision[Any] | None:
    parent = inbound.traceparent or (state.traceparent if state is not None and aggregate.one_trace else None)
    name = f"{aggregate.name} {_name_of(inbound.message)}"
    with step(voice.tracer, name, parent) as span:
        decision = inbound.decide(state, inbound.message, now)
        if decision is None:
            return None
        traceparent = traceparent_of(span)
        before = state.sequence if state is not None else 0
        after = decision.state.model_copy(
            update={
                "version": (loaded.version if loaded is not None else 0) + 1,
                "sequence": before + len(decision.events),
                "traceparent": (state.traceparent if state is not None else None) or traceparent,
            }
        )
        subject = str(getattr(after, aggregate.subject))
        span.set_attribute(SUBJECT, subject)
        effects.states[inbound.key] = after
        for number, event in enumerate(decision.events, before + 1):
            effects.rows.append(_row(voice, event, subject, number, now, traceparent))
        for timer in decision.timers:
            effects.timers[inbound.key, type(timer.message).__name__] = (timer, traceparent)
        for cancelled in decision.cancels:
            effects.timers.pop((inbound.key, cancelled.__name__), None)
            effects.cancels.add((inbound.key, cancelled.__name__))
        effects.calls.extend((inbound.key, call, traceparent) for call in decision.calls)
        return Decision(after, decision.events, decision.timers, decision.cancels, decision.calls)


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


def _add(effects: _Effects, more: _Effects) -> None:
    effects.states.update(more.states)
    effects.rows.extend(more.rows)
    for key in more.cancels:
        effects.timers.pop(key, None)
    effects.cancels |= more.cancels
    effects.timers.update(more.timers)
    effects.calls.extend(more.calls)


CALLS = "calls"

_CANCEL = "delete from timer where aggregate = $1 and (key, kind) in (select * from unnest($2::text[], $3::text[]))"
_SET = """
insert into timer (id, aggregate, key, kind, body, due_at, traceparent)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::text[])
on conflict (aggregate, key, kind) do update set id = excluded.id, body = excluded.body, due_at = excluded.due_at,
    leased_until = null, traceparent = excluded.traceparent
"""
_CALL = """
insert into call (kind, id, aggregate, key, body, traceparent)
select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[])
on conflict (id) do nothing
"""


async def _write(connection: Connection, aggregate: Aggregate[Any], effects: _Effects) -> None:
    # The aggregates' rows first: an outbox position is drawn under its aggregate's lock, so positions keep its order.
    if effects.states:
        await aggregate.save_many(connection, effects.states)
    await outbox.insert(connection, effects.rows)
    if effects.cancels:
        ordered = sorted(effects.cancels)
        await connection.execute(_CANCEL, aggregate.name, [key for key, _ in ordered], [kind for _, kind in ordered])
    if effects.timers:
        timers = [(key, kind, timer, trace) for (key, kind), (timer, trace) in sorted(effects.timers.items())]
        await connection.execute(
            _SET,
            [new_id() for _ in timers],
            [aggregate.name] * len(timers),
            [key for key, _, _, _ in timers],
            [kind for _, kind, _, _ in timers],
            [timer.message.model_dump_json() for _, _, timer, _ in timers],
            [timer.due for _, _, timer, _ in timers],
            [trace for _, _, _, trace in timers],
        )
    if effects.calls:
        await connection.execute(
            _CALL,
            [type(call.request).__name__ for _, call, _ in effects.calls],
            [call.id for _, call, _ in effects.calls],
            [aggregate.name] * len(effects.calls),
            [key for key, _, _ in effects.calls],
            [call.request.model_dump_json() for _, call, _ in effects.calls],
            [trace for _, _, trace in effects.calls],
        )
        await connection.execute(f"notify {CALLS}")
