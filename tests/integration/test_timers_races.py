"""Timers that are set, cancelled, put off, claimed, settled and forgotten in any order, against a model in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import leases
from chassis.decider import At, Decides, Decision
from chassis.metrics import Metrics
from chassis.timers import Timers
from tests.counters import COUNTERS, Calm, Counter, Desk, Due, Remind, add, calm, counting, remind, voice
from tests.database import Server
from tests.integration.counters_desk import settle, work
from tests.records import NOON

KEYS, WORKERS = ("a", "b"), (0, 1)
AGAIN = timedelta(seconds=60)


class Stop(Due):
    """A due timer that cancels Due, or puts it off for an hour when there is an amount."""


def add_and_go_on(counter: Counter | None, message: Due, now: datetime) -> Decision[Counter] | None:
    """Adds; whatever is more than 1 is set anew, under the same kind, a second later."""
    decision = add(counter, message, now)
    if decision is None or message.amount == 1:
        return decision
    again = Due(counter=message.counter, amount=message.amount - 1)
    return Decision(decision.state, decision.events, timers=(At(now + timedelta(seconds=1), again),))


def stop(counter: Counter | None, message: Stop, now: datetime) -> Decision[Counter]:
    if message.amount == 0:
        return calm(counter, Calm(counter=message.counter), now)
    later = Remind(counter=message.counter, at=now + timedelta(hours=1), amount=message.amount)
    return remind(counter, later, now)


DECIDES = Decides(COUNTERS, commands={Remind: remind, Calm: calm}, timers={Due: add_and_go_on, Stop: stop})


@dataclass
class Clock:
    """A clock that the test moves."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
async def desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


def a_worker(desk: Desk, clock: Clock) -> Timers:
    return Timers([DECIDES], desk.pool, voice(clock), Metrics())


@dataclass(frozen=True)
class Set:
    key: str
    seconds: int
    amount: int


@dataclass(frozen=True)
class Cancel:
    key: str


@dataclass(frozen=True)
class Worker:
    """What a process does: claims, settles what it has in hand, or dies."""

    number: int
    does: Literal["claims", "settles", "dies"]


@dataclass(frozen=True)
class Passes:
    """Time: the application's clock moves on, back too; and all leases may have ended meanwhile."""

    seconds: int
    leases_end: bool


Step = Set | Cancel | Worker | Passes
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Set, st.sampled_from(KEYS), st.integers(-5, 20), st.integers(-1, 3)),
    st.builds(Cancel, st.sampled_from(KEYS)),
    st.builds(Worker, st.sampled_from(WORKERS), st.sampled_from(("claims", "settles", "settles", "dies"))),
    st.builds(Worker, st.sampled_from(WORKERS), st.sampled_from(("claims", "settles"))),
    st.builds(Passes, st.integers(-5, 70), st.booleans()),
)


@dataclass
class Waiting:
    """A timer as the model has it; the object itself is which one it is, `lease` whose it is."""

    due: datetime
    amount: int
    lease: object | None = None
    leased: bool = False


@dataclass
class Model:
    """What must be true: at most one timer of a key, and what has been added."""

    clock: Clock
    timers: dict[str, Waiting] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    told: int = 0
    hands: dict[int, list[tuple[str, Waiting, object]]] = field(default_factory=lambda: {each: [] for each in WORKERS})

    def claims(self, worker: int) -> None:
        lease = object()
        for key, timer in self.timers.items():
            if timer.due <= self.clock.now and not timer.leased:
                timer.lease, timer.leased = lease, True
                self.hands[worker].append((key, timer, lease))

    def settles(self, worker: int) -> None:
        hand, self.hands[worker] = self.hands[worker], []
        for key, timer, lease in hand:
            if self.timers.get(key) is not timer:
                continue
            if timer.amount >= 0:
                del self.timers[key]
                self.totals[key] += timer.amount
                self.told += timer.amount > 0
                if timer.amount > 1:
                    self.timers[key] = Waiting(self.clock.now + timedelta(seconds=1), timer.amount - 1)
            elif timer.lease is lease:
                timer.due, timer.lease, timer.leased = self.clock.now + AGAIN, None, False


class Real:
    """The same with two processes' worth of timers on the database; a worker's hand may hold several claims."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk, self._clock = desk, clock
        self._workers = {each: a_worker(desk, clock) for each in WORKERS}
        self.hands: dict[int, list[Any]] = {each: [] for each in WORKERS}

    async def send(self, key: str, message: Remind | Calm) -> None:
        await work_of(self._desk, self._clock).send(COUNTERS, key, message)

    async def claims(self, worker: int) -> None:
        self.hands[worker] += await leases.due_timers(self._desk.pool, self._clock(), 300, 100)

    async def settles(self, worker: int) -> None:
        """One transaction for each key's claim: a hand may hold the same key of two claims."""
        hand, self.hands[worker] = self.hands[worker], []
        for row in hand:
            await settle(self._workers[worker], [row])

    async def leases_end(self) -> None:
        await self._desk.pool.execute("update timer set leased_until = now() - interval '1 second'")

    async def shows(self) -> dict[str, tuple[datetime, int, bool]]:
        rows = await self._desk.pool.fetch(
            "select key, due_at, (body->>'amount')::int as amount, leased_until > now() as leased from timer"
        )
        return {row["key"]: (row["due_at"], row["amount"], bool(row["leased"])) for row in rows}


def work_of(desk: Desk, clock: Clock) -> Any:
    return work(desk, decides=DECIDES, clock=clock)


async def take(step: Step, model: Model, real: Real) -> None:
    match step:
        case Set(key, seconds, amount):
            due = model.clock.now + timedelta(seconds=seconds)
            model.totals.setdefault(key, 0)
            model.timers[key] = Waiting(due, amount)
            await real.send(key, Remind(counter=key, at=due, amount=amount))
        case Cancel(key):
            model.totals.setdefault(key, 0)
            model.timers.pop(key, None)
            await real.send(key, Calm(counter=key))
        case Worker(number, "claims"):
            model.claims(number)
            await real.claims(number)
        case Worker(number, "settles"):
            model.settles(number)
            await real.settles(number)
        case Worker(number, "dies"):
            model.hands[number], real.hands[number] = [], []
        case Passes(seconds, leases_end):
            model.clock.now += timedelta(seconds=seconds)
            if leases_end:
                for timer in model.timers.values():
                    timer.leased = False
                await real.leases_end()


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=5, max_size=30))
async def test_timers_do_what_the_model_says_whoever_comes_late_dies_or_races(
    desk: Desk, history: Sequence[Step]
) -> None:
    await desk.forget()
    model = Model(clock := Clock())
    real = Real(desk, clock)
    for step in history:
        await take(step, model, real)
        assert await real.shows() == {key: (each.due, each.amount, each.leased) for key, each in model.timers.items()}
    # Time goes by: all that can have its effect has it, and what is refused is still there.
    real.hands = {each: [] for each in WORKERS}
    model.hands = {each: [] for each in WORKERS}
    for _ in range(4):
        await take(Passes(90, True), model, real)
        await a_worker(desk, clock).work_off()
        model.claims(0)
        model.settles(0)
    assert await desk.totals() == model.totals
    assert await desk.pool.fetchval("select count(*) from outbox") == model.told
    assert set(await real.shows()) == {key for key, each in model.timers.items() if each.amount < 0}


@pytest.mark.parametrize(("amount", "left"), [(0, set[str]()), (7, {"Due"})])
async def test_a_timer_that_another_one_of_its_aggregate_cancels_or_puts_off_has_no_effect_in_the_same_batch(
    desk: Desk, amount: int, left: set[str]
) -> None:
    """Both are claimed at once, and the first one's decision comes first."""
    await desk.forget()
    clock = Clock()
    await work_of(desk, clock).send(COUNTERS, "a", Remind(counter="a", at=NOON - timedelta(seconds=1), amount=1))
    await desk.pool.execute(
        """
        insert into timer (id, kind, aggregate, key, body, due_at) values
        (gen_random_uuid(), 'Stop', 'counter', 'a', jsonb_build_object('counter', 'a', 'amount', $1::int), $2)""",
        amount,
        NOON - timedelta(seconds=2),
    )
    assert await a_worker(desk, clock).work_off() == 2
    assert await desk.totals() == {"a": 0}
    assert {row["kind"] for row in await desk.pool.fetch("select kind from timer")} == left
