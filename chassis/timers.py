"""Timers: rows that are due, folded over their aggregates, exactly once in effect over crashes and several processes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import structlog

from chassis import leases
from chassis.aggregate import Aggregate
from chassis.decider import Decide, Decides, Message
from chassis.errors import is_passing
from chassis.fold import Group, Inbound, Voice, fold, lock
from chassis.metrics import Metrics
from chassis.postgres import Pool

_LEASE_SECONDS = 30.0
_BATCH = 500
_POLL_SECONDS = 0.5
_AGAIN_SECONDS = 60.0
_SOON_SECONDS = 1.0

log = structlog.get_logger()


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
                if await self.work_off() == _BATCH:
                    continue
            except Exception as error:
                log.warning("timers wait", reason=type(error).__name__)
            await asyncio.sleep(_POLL_SECONDS)

    async def work_off(self) -> int:
        """Claim and settle one batch of due timers; answers how many were claimed."""
        rows = await leases.claim(self._pool, "timer", self._voice.clock(), _LEASE_SECONDS, _BATCH)
        by_aggregate = defaultdict(list)
        for row in rows:
            by_aggregate[row["aggregate"]].append(row)
        for name, due in by_aggregate.items():
            known = [row for row in due if (name, row["kind"]) in self._known]
            await self._keep([row for row in due if row not in known], "of an unknown kind")
            if known:
                await self._settle_or_keep(self._aggregates[name], known)
        return len(rows)

    async def _settle_or_keep(self, aggregate: Aggregate[Any], due: Sequence[Any]) -> None:
        """Settle all, except the one that an error is due to: it is kept, and stops no other."""
        try:
            await self._settle(aggregate, due)
        except Exception as error:
            if is_passing(error):
                log.warning("timers wait", reason=type(error).__name__)
                await leases.postpone(self._pool, "timer", [row["id"] for row in due], _SOON_SECONDS)
            elif len(due) == 1:
                await self._keep(due, type(error).__name__)
            else:
                half = len(due) // 2
                await self._settle_or_keep(aggregate, due[:half])
                await self._settle_or_keep(aggregate, due[half:])

    async def _keep(self, rows: Sequence[Any], reason: str) -> None:
        """Not forgotten: due again in a while, and said aloud each time."""
        await leases.postpone(self._pool, "timer", [row["id"] for row in rows], _AGAIN_SECONDS)
        for row in rows:
            self._count(row["kind"], reason)

    def _count(self, kind: str, failure: str | None) -> None:
        self._metrics.timers.labels(kind, "failed" if failure else "done").inc()
        if failure:
            log.error("timer is kept and tried again later", kind=kind, reason=failure)

    async def _settle(self, aggregate: Aggregate[Any], due: Sequence[Any]) -> None:
        groups = [self._group(row) for row in due]
        async with self._pool.acquire() as connection, connection.transaction():
            states = await lock(connection, aggregate, groups)
            there = await leases.still_there(connection, "timer", [row["id"] for row in due])
            left = [(row, group) for row, group in zip(due, groups, strict=True) if row["id"] in there]
            outcomes = await fold(self._voice, connection, aggregate, [group for _, group in left], states)
            done = [row["id"] for (row, _), outcome in zip(left, outcomes, strict=True) if outcome.error is None]
            failed = [row["id"] for (row, _), outcome in zip(left, outcomes, strict=True) if outcome.error is not None]
            # A decider that set the same timer anew gave it another id, which is not in `done`.
            await leases.settle(connection, "timer", done)
            if failed:
                await leases.postpone(connection, "timer", failed, _AGAIN_SECONDS)
        for (row, _), outcome in zip(left, outcomes, strict=True):
            self._count(row["kind"], type(outcome.error).__name__ if outcome.error else None)

    def _group(self, row: Any) -> Group:
        message, decide = self._known[row["aggregate"], row["kind"]]
        return Group(
            str(row["id"]), [Inbound(row["key"], message.model_validate(row["body"]), decide, row["traceparent"])]
        )
