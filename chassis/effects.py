"""What the decisions of one transaction add up to, and how all of it is written in a handful of statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from chassis import outbox
from chassis.aggregate import Aggregate
from chassis.decider import At, Call, Message, State
from chassis.identifiers import new_id
from chassis.postgres import Connection

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
_DROP = "delete from call where id = any($1::uuid[])"


@dataclass(slots=True)
class Effects:
    """States by key, outbox rows and notes in order, timers set and cancelled by key and kind, calls made (with their traces) and dropped."""

    states: dict[str, State] = field(default_factory=dict)
    rows: list[outbox.OutboxRow] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    timers: dict[tuple[str, str], tuple[At, str | None]] = field(default_factory=dict)
    cancels: set[tuple[str, str]] = field(default_factory=set)
    calls: list[tuple[str, Call, str | None]] = field(default_factory=list)
    drops: list[UUID] = field(default_factory=list)


async def write(connection: Connection, aggregate: Aggregate[Any], effects: Effects) -> None:
    """Save the states and what follows from them. Raises Conflict when another transaction wrote a state first."""
    # The aggregates' rows first: an outbox position is drawn under its aggregate's lock, so positions keep its order.
    if effects.states:
        await aggregate.save_many(connection, effects.states)
    await outbox.insert(connection, effects.rows)
    if effects.notes:
        document = to_json(effects.notes).decode()
        for statement in aggregate.notes:
            await connection.execute(statement, document)
    if effects.cancels:
        ordered = sorted(effects.cancels)
        await connection.execute(_CANCEL, aggregate.name, [key for key, _ in ordered], [kind for _, kind in ordered])
    if effects.timers:
        await _set_timers(connection, aggregate.name, effects)
    if effects.drops:
        await connection.execute(_DROP, effects.drops)
    if effects.calls:
        await _add_calls(connection, aggregate.name, effects)


async def _set_timers(connection: Connection, name: str, effects: Effects) -> None:
    timers = [(key, kind, timer, trace) for (key, kind), (timer, trace) in sorted(effects.timers.items())]
    await connection.execute(
        _SET,
        [new_id() for _ in timers],
        [name] * len(timers),
        [key for key, _, _, _ in timers],
        [kind for _, kind, _, _ in timers],
        [timer.message.model_dump_json() for _, _, timer, _ in timers],
        [timer.due for _, _, timer, _ in timers],
        [trace for _, _, _, trace in timers],
    )


async def _add_calls(connection: Connection, name: str, effects: Effects) -> None:
    await connection.execute(
        _CALL,
        [type(call.request).__name__ for _, call, _ in effects.calls],
        [call.id for _, call, _ in effects.calls],
        [name] * len(effects.calls),
        [key for key, _, _ in effects.calls],
        [call.request.model_dump_json() for _, call, _ in effects.calls],
        [trace for _, _, trace in effects.calls],
    )
    await connection.execute(f"notify {CALLS}")
