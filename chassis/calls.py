"""Outside calls: rows written with the decision, made after the commit, repeated under one id until answered.

A handler answers with a message for the aggregate, or raises: then the outcome is unknown and the same call is made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind

from chassis import leases
from chassis.decider import Decides, Message
from chassis.errors import Unanswered
from chassis.fold import Group, Inbound, Voice, fold, lock
from chassis.metrics import Metrics
from chassis.postgres import Pool
from chassis.telemetry import step, traceparent_of
from chassis.wakes import Wakes

_LEASE_SECONDS = 45.0
_CALL_SECONDS = 30.0
_BATCH = 32
_POLL_SECONDS = 1.0
_LONGEST_PAUSE = 60.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Calling:
    """What a handler may use: the call's id (the key for the other side), how often it was tried, and our database."""

    id: UUID
    tries: int
    pool: Pool


Handler = Callable[[Any, Calling], Awaitable[Message]]


class Calls:
    """Makes a service's outside calls; run `forever()` as a task, or `perform_now` from a request that waits."""

    def __init__(
        self,
        handlers: Mapping[type[Message], Handler],
        decides: Sequence[Decides],
        pool: Pool,
        voice: Voice,
        metrics: Metrics,
    ) -> None:
        self._pool, self._voice, self._metrics = pool, voice, metrics
        self._handlers = {request.__name__: (request, handler) for request, handler in handlers.items()}
        self._decides = {each.aggregate.name: each for each in decides}
        # Calls that outlive the request that began them; the event loop alone would not keep them.
        self._detached: set[asyncio.Task[None]] = set()

    async def forever(self, wakes: Wakes) -> None:
        """Make calls as they come, until cancelled."""
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                free = _BATCH - len(running)
                try:
                    rows = await leases.claim(self._pool, "call", None, _LEASE_SECONDS, free) if free else []
                except Exception as error:
                    log.warning("calls wait", reason=type(error).__name__)
                    rows = []
                for row in rows:
                    task = asyncio.create_task(self.perform(row))
                    running.add(task)
                    task.add_done_callback(running.discard)
                if not rows:
                    await wakes.wait(_POLL_SECONDS)
                elif len(running) >= _BATCH:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def perform_now(self, call_id: UUID, seconds: float) -> bool:
        """Make one call at once, or wait for whoever is making it; True when it was settled within `seconds`."""
        deadline = time.monotonic() + seconds
        row = await leases.claim_one(self._pool, "call", call_id, _LEASE_SECONDS)
        if row is not None:
            task = asyncio.create_task(self.perform(row))
            self._detached.add(task)
            task.add_done_callback(self._detached.discard)
            # The citizen's patience ends before the call does: it goes on without the request.
            await asyncio.wait([task], timeout=seconds)
        while await self._pool.fetchval("select true from call where id = $1", call_id):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def perform(self, row: Any) -> None:
        """Make one leased call and settle its answer; without an answer it stays, due again after a pause."""
        kind, started, outcome = row["kind"], time.monotonic(), "answered"
        try:
            request_type, handler = self._handlers[kind]
            request = request_type.model_validate(row["body"])
            with step(self._voice.tracer, f"call {kind}", row["traceparent"], SpanKind.CLIENT) as span:
                async with asyncio.timeout(_CALL_SECONDS):
                    answer = await handler(request, Calling(row["id"], row["tries"], self._pool))
                traceparent = traceparent_of(span)
            await self._settle(row, answer, traceparent)
        except Exception as error:
            outcome = "unanswered"
            await self._keep(row, error)
        self._metrics.calls.labels(kind, outcome).inc()
        self._metrics.call_seconds.labels(kind).observe(time.monotonic() - started)

    async def _settle(self, row: Any, answer: Message, traceparent: str | None) -> None:
        decides = self._decides[row["aggregate"]]
        decide = decides.decider(type(answer))
        if decide is None:
            raise LookupError(f"{decides.aggregate.name} has no decider for the answer {type(answer).__name__}")
        group = Group(str(row["id"]), [Inbound(row["key"], answer, decide, traceparent)])
        async with self._pool.acquire() as connection, connection.transaction():
            states = await lock(connection, decides.aggregate, [group])
            if not await leases.still_there(connection, "call", [row["id"]]):
                return
            # Before the fold: the answer may ask for the same call again, under the same id.
            await leases.settle(connection, "call", [row["id"]])
            (outcome,) = await fold(self._voice, connection, decides.aggregate, [group], states)
            if outcome.error is not None:
                raise outcome.error

    async def _keep(self, row: Any, error: Exception) -> None:
        """Unknown is not failed: the same call again, under the same id."""
        reason = str(error) if isinstance(error, Unanswered) else type(error).__name__
        pause = min(0.5 * 2 ** min(row["tries"], 10), _LONGEST_PAUSE)
        log.warning(
            "call stays unanswered", kind=row["kind"], call=str(row["id"]), tries=row["tries"] + 1, reason=reason
        )
        try:
            await self._pool.execute(
                """
                update call set tries = tries + 1, last_error = $2, leased_until = null,
                    due_at = now() + make_interval(secs => $3)
                where id = $1""",
                row["id"],
                reason,
                pause,
            )
        except Exception as trouble:
            log.warning("call waits for its lease to end", kind=row["kind"], reason=type(trouble).__name__)
