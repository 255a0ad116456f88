"""Timers: rows that are due, folded over their aggregates, exactly once in effect over crashes and several processes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from pydantic import ValidationError

from chassis import leases
from chassis.aggregate import Aggregate
from chassis.decider import Decide, Decides, Message
from chassis.errors import Conflict, is_passing
from chassis.fold import Group, Inbound, Voice, fold, lock
from chassis.metrics import Metrics
from chassis.postgres import Connection, Pool

_LEASE_SECONDS = 10.0  # as long as the longest transaction: what a dead process had in hand is due again after it
_BATCH = 500
_POLL_SECONDS = 0.5
_AGAIN = timedelta(seconds=60)
_SOON = timedelta(seconds=1)
_HELD = timedelta(seconds=5)
# The other timers of a batch do not wait longer than this for an aggregate that somebody else has locked.
_LOCK_TIMEOUT = "set local lock_timeout = '500ms'"
# SQLSTATE: foreign keys, transaction time-outs, serialization and deadlocks, locks; a statement that took too long.
_SOME_CLASSES, _TOO_LONG = ("23", "25", "40", "55"), "57014"
_UNKNOWN = "of an unknown kind"

log = structlog.get_logger()


class Due(NamedTuple):
    """A claimed timer and the message that it has for its aggregate."""

    row: Any
    group: Group


class Timers:
    """Works off a service's timers; run `forever()` as a task."""

    def __init__(self, decides: Sequence[Decides], pool: Pool, voice: Voice, metrics: Metrics) -> None:
        self._pool, self._voice, self._metrics = pool, voice, metrics
        self._known: dict[tuple[str, str], tuple[type[Message], Decide]] = {
            (each.aggregate.name, message.__name__): (message, decide)
            for each in decides
            for message, decide in each.timers.items()
        }
        self._aggregates: dict[str, Aggregate[Any]] = {each.aggregate.name: each.aggregate for each in decides}

    async def forever(self) -> None:
        while True:
            try:
                if await self.work_off():
                    continue
            except Exception as error:
                log.warning("timers wait", reason=type(error).__name__)
            await asyncio.sleep(_POLL_SECONDS)

    async def work_off(self) -> int:
        """Claim and settle one batch of due timers; answers how many were claimed."""
        rows = await leases.due_timers(self._pool, self._voice.clock(), _LEASE_SECONDS, _BATCH)
        by_aggregate, unreadable = defaultdict[str, list[Due]](list), defaultdict[str, list[Any]](list)
        for row in rows:
            try:
                by_aggregate[row["aggregate"]].append(self.read(row))
            except LookupError:
                unreadable[_UNKNOWN].append(row)
            except ValidationError:
                unreadable[ValidationError.__name__].append(row)
        for reason, kept in unreadable.items():
            await self._keep(kept, reason)
        for name, due in by_aggregate.items():
            for wave in _waves(due):
                await self._settle_or_keep(self._aggregates[name], wave)
        return len(rows)

    def read(self, row: Any) -> Due:
        """What a claimed row has to say. Raises LookupError for an unknown kind, ValidationError for a bad body."""
        message, decide = self._known[row["aggregate"], row["kind"]]
        inbound = Inbound(row["key"], message.model_validate(row["body"]), decide, row["traceparent"])
        return Due(row, Group(str(row["id"]), [inbound]))

    async def _settle_or_keep(self, aggregate: Aggregate[Any], due: Sequence[Due]) -> None:
        """Settle all, except the one that an error is due to: it is kept, and stops no other."""
        try:
            await self._settle(aggregate, due)
        except Exception as error:
            passing, some = is_passing(error), _is_about_these(error)
            if passing and (len(due) == 1 or not some):
                log.warning("timers wait", reason=type(error).__name__)
                await self._postpone(self._pool, due, _HELD if some else _SOON)
            elif len(due) == 1:
                await self._keep([each.row for each in due], type(error).__name__)
            else:
                half = len(due) // 2
                await self._settle_or_keep(aggregate, due[:half])
                await self._settle_or_keep(aggregate, due[half:])

    async def _settle(self, aggregate: Aggregate[Any], due: Sequence[Due]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK_TIMEOUT)
            states = await lock(connection, aggregate, [each.group for each in due])
            there = await leases.still_there(connection, "timer", [each.row["id"] for each in due])
            left = [each for each in due if each.row["id"] in there]
            outcomes = await fold(self._voice, connection, aggregate, [each.group for each in left], states)
            answered = list(zip(left, outcomes, strict=True))
            # A decider that set the same timer anew gave it another id, which is in neither list.
            await leases.settle(
                connection, "timer", [each.row["id"] for each, outcome in answered if not outcome.error]
            )
            if failed := [each for each, outcome in answered if outcome.error]:
                await self._postpone(connection, failed, _AGAIN)
        for each, outcome in answered:
            self._count(each.row["kind"], type(outcome.error).__name__ if outcome.error else None)

    async def _keep(self, rows: Sequence[Any], reason: str) -> None:
        """Not forgotten: due again in a while, and said aloud each time."""
        await leases.postpone(self._pool, "timer", rows, self._voice.clock() + _AGAIN)
        for row in rows:
            self._count(row["kind"], reason)

    async def _postpone(self, connection: Connection | Pool, due: Sequence[Due], pause: timedelta) -> None:
        # By the clock that says what is due.
        await leases.postpone(connection, "timer", [each.row for each in due], self._voice.clock() + pause)

    def _count(self, kind: str, failure: str | None) -> None:
        self._metrics.timers.labels(kind, "failed" if failure else "done").inc()
        if failure:
            log.error("timer is kept and tried again later", kind=kind, reason=failure)


def _waves(due: Sequence[Due]) -> list[list[Due]]:
    """One timer of an aggregate at a time, in their order: the first may cancel the second or put it off."""
    waves, seen = list[list[Due]](), defaultdict[str, int](int)
    for each in due:
        turn = seen[each.row["key"]]
        seen[each.row["key"]] += 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(each)
    return waves


def _is_about_these(error: Exception) -> bool:
    """Whether passing trouble is with some of these timers, and not with the database as a whole: fewer may do."""
    state = getattr(error, "sqlstate", None) or ""
    return isinstance(error, Conflict) or state.startswith(_SOME_CLASSES) or state == _TOO_LONG
