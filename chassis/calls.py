"""Outside calls: rows written with the decision, made after the commit, repeated under one id until answered.

A handler answers with a message for the aggregate, or raises: then the outcome is unknown and the same call is made again.
An answer is not given up while the database is away or races are on: asking again may cost a second letter.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import stamina
import structlog
from opentelemetry.trace import SpanKind

from chassis import leases
from chassis.answering import Answering
from chassis.decider import Decides, Message
from chassis.errors import Unanswered, is_passing
from chassis.fold import Group, Inbound, Voice, fold, lock
from chassis.holding import LEASE_SECONDS, Holding
from chassis.metrics import Metrics
from chassis.postgres import Pool
from chassis.telemetry import step, traceparent_of
from chassis.wakes import Wakes

_CALL_SECONDS = 30.0
_SETTLE_SECONDS = 60.0
# Of each kind in each process: an outside system that hangs holds up no other.
_PLACES = 32
# Of requests that make their call at once; beyond it they wait for the worker, which has its places.
_IN_FLIGHT = 128
_POLL_SECONDS = 1.0
_LONGEST_PAUSE = 60.0
_DRAIN_SECONDS = 5.0
_STRANGERS_SECONDS = 60.0
# Not by the id alone: an answer may have asked for the same again, and an older answer is none to that.
_DONE = "delete from call where id = $1 and created_at = $2 returning true"
_UNANSWERED = """
update call set tries = tries + 1, last_error = $3, leased_until = null, due_at = now() + make_interval(secs => $4)
where id = $1 and lease = $2"""
_LEFT = "select count(*) from call where id = $1"
_STRANGERS = """
select kind, count(*) as waiting from call where kind <> all($1::text[]) and due_at < now() group by kind"""

log = structlog.get_logger()


@dataclass(frozen=True)
class Calling:
    """What a handler may use: the call's id (the key for the other side), how often it was tried, and our database.

    `answering` lets a long piece of work of our own, cut into calls, send messages to many aggregates.
    """

    id: UUID
    tries: int
    pool: Pool
    answering: Answering


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
        self._answering = Answering(pool, voice, decides)
        self._holding = Holding(pool, "call")
        # Calls outlive the request that began them; the event loop alone would not keep them.
        self._flying: dict[asyncio.Task[float | None], Any] = {}
        self._busy = Counter[str]()
        self._strangers_at = 0.0

    async def forever(self, wakes: Wakes) -> None:
        """Make calls as they come, until cancelled; those in flight may then end, for some seconds."""
        try:
            while True:
                rows = await self._claim()
                for row in rows:
                    self._take_place(row, wakes)
                if not rows:
                    await wakes.wait(_POLL_SECONDS)
        finally:
            await self._drain()

    async def perform_now(self, call_id: UUID, seconds: float) -> bool:
        """Make one call at once, or wait for whoever is making it; True when it was settled within `seconds`."""
        deadline = time.monotonic() + seconds
        row = None
        if call_id not in self._own() and len(self._flying) < _IN_FLIGHT:
            row = await _unless_passing(leases.claim_one(self._pool, "call", call_id, LEASE_SECONDS))
        if row is not None:
            # The citizen's patience ends before the call does: it goes on without the request.
            await asyncio.wait([self._start(row)], timeout=seconds)
        while await _unless_passing(self._pool.fetchval(_LEFT, call_id)) != 0:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def perform(self, row: Any) -> float | None:
        """Make one leased call and settle its answer; without an answer it stays, due again after so many seconds."""
        kind, started, pause = row["kind"], time.monotonic(), None
        with self._holding.holding(row):
            try:
                request_type, handler = self._handlers[kind]
                request = request_type.model_validate(row["body"])
                with step(self._voice.tracer, f"call {kind}", row["traceparent"], SpanKind.CLIENT) as span:
                    async with asyncio.timeout(_CALL_SECONDS):
                        answer = await handler(request, Calling(row["id"], row["tries"], self._pool, self._answering))
                    traceparent = traceparent_of(span)
                async for attempt in _until_the_database_takes_it():
                    with attempt:
                        await self._settle(row, answer, traceparent)
            except Exception as error:
                pause = await self._keep(row, error)
        self._metrics.calls.labels(kind, "answered" if pause is None else "unanswered").inc()
        self._metrics.call_seconds.labels(kind).observe(time.monotonic() - started)
        return pause

    async def _claim(self) -> list[Any]:
        free = {kind: places for kind in self._handlers if (places := _PLACES - self._busy[kind]) > 0}
        try:
            await self._tell_of_strangers()
            return await leases.due_calls(self._pool, LEASE_SECONDS, free, self._own()) if free else []
        except Exception as error:
            log.warning("calls wait", reason=type(error).__name__)
            return []

    async def _tell_of_strangers(self) -> None:
        """Calls that no handler here knows wait for a release that does; that they wait is said aloud."""
        if time.monotonic() < self._strangers_at:
            return
        for row in await self._pool.fetch(_STRANGERS, list(self._handlers)):
            log.error("calls of an unknown kind wait", kind=row["kind"], waiting=row["waiting"])
        self._strangers_at = time.monotonic() + _STRANGERS_SECONDS

    def _own(self) -> list[UUID]:
        """The calls that are being made here. After a while without the database their leases may have ended."""
        return [row["id"] for row in self._flying.values()]

    def _start(self, row: Any) -> asyncio.Task[float | None]:
        task = asyncio.create_task(self.perform(row))
        self._flying[task] = row
        task.add_done_callback(self._flying.pop)
        return task

    def _take_place(self, row: Any, wakes: Wakes) -> None:
        """Make a call in one of its kind's places, and look for work when the place or the call wants it."""
        kind = row["kind"]
        self._busy[kind] += 1

        def leave(task: asyncio.Task[float | None]) -> None:
            if self._busy[kind] == _PLACES:
                wakes.event.set()
            self._busy[kind] -= 1
            pause = None if task.cancelled() else task.result()
            if pause is not None:
                task.get_loop().call_later(pause, wakes.event.set)

        self._start(row).add_done_callback(leave)

    async def _drain(self) -> None:
        """Let the calls in flight end; what takes longer is left to whoever claims next, under the same id."""
        if not self._flying:
            return
        await asyncio.wait(self._flying, timeout=_DRAIN_SECONDS)
        late = dict(self._flying)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            await self._holding.release(list(late.values()))

    async def _settle(self, row: Any, answer: Message, traceparent: str | None) -> None:
        decides = self._decides[row["aggregate"]]
        decide = decides.decider(type(answer))
        if decide is None:
            raise LookupError(f"{decides.aggregate.name} has no decider for the answer {type(answer).__name__}")
        group = Group(str(row["id"]), [Inbound(row["key"], answer, decide, traceparent)])
        async with self._pool.acquire() as connection, connection.transaction():
            states = await lock(connection, decides.aggregate, [group])
            # Before the fold: the answer may ask for the same call again, under the same id.
            if not await connection.fetchval(_DONE, row["id"], row["created_at"]):
                return
            (outcome,) = await fold(self._voice, connection, decides.aggregate, [group], states)
            if outcome.error is not None:
                raise outcome.error

    async def _keep(self, row: Any, error: Exception) -> float:
        """Unknown is not failed: the same call again, under the same id, after so many seconds."""
        reason = str(error) if isinstance(error, Unanswered) else type(error).__name__
        pause: float = min(0.5 * 2 ** min(row["tries"], 10), _LONGEST_PAUSE)
        log.warning(
            "call stays unanswered", kind=row["kind"], call=str(row["id"]), tries=row["tries"] + 1, reason=reason
        )
        try:
            await self._pool.execute(_UNANSWERED, row["id"], row["lease"], reason, pause)
        except Exception as trouble:
            log.warning("call waits for its lease to end", kind=row["kind"], reason=type(trouble).__name__)
        return pause


async def _unless_passing(asked: Awaitable[Any]) -> Any | None:
    """What is asked of the database, or None while it cannot say."""
    try:
        return await asked
    except Exception as error:
        if not is_passing(error):
            raise
        return None


def _until_the_database_takes_it() -> Any:
    return stamina.retry_context(
        on=is_passing, attempts=None, timeout=_SETTLE_SECONDS, wait_initial=0.1, wait_max=1.0, wait_jitter=0.1
    )
