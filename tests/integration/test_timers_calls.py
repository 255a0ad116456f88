"""Timers on a real database, and outside calls beside them: one effect, whoever races or dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chassis import leases
from chassis import timers as module
from chassis.calls import Calling
from chassis.clock import utc_now
from chassis.decider import Message
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.timers import Timers
from tests.counters import (
    COUNTERS,
    DECIDES,
    Add,
    Answer,
    Ask,
    Calm,
    Desk,
    Question,
    counting,
    voice,
)
from tests.database import Server
from tests.integration.counters_desk import PAST, calls, left, remind, settle, timers, until, wakes, work
from tests.waiting import kept_open, until_waiting


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server, connections=16) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


async def test_due_timers_have_one_effect_each_however_many_processes_race(desk: Desk) -> None:
    names = [f"counter-{number}" for number in range(300)]
    await desk.pool.execute(
        "insert into counter select name, 0, 1, 0 from unnest($1::text[]) as name",
        names,
    )
    await desk.pool.execute(
        """
        insert into timer (id, kind, aggregate, key, body, due_at)
        select gen_random_uuid(), 'Due', 'counter', name, jsonb_build_object('counter', name, 'amount', 1), $2
        from unnest($1::text[]) as name""",
        names,
        PAST,
    )
    racing = [asyncio.create_task(timers(desk).forever()) for _ in range(4)]

    async def none_is_left() -> bool:
        return await left(desk, "timer") == 0

    await until(none_is_left)
    await _ended(racing)
    assert await desk.totals() == dict.fromkeys(names, 1)
    assert await left(desk, "outbox") == 300


async def test_a_timer_claimed_by_a_process_that_died_is_due_again_when_its_lease_ends(desk: Desk) -> None:
    await remind(desk, "a")
    (claimed,) = await leases.due_timers(desk.pool, utc_now(), 30, 10)
    assert await timers(desk).work_off() == 0, "it is in somebody's hand"
    await desk.pool.execute("update timer set leased_until = now() - interval '1 second' where id = $1", claimed["id"])
    assert await timers(desk).work_off() == 1
    assert await desk.totals() == {"a": 1}


async def test_a_process_that_wakes_up_after_its_lease_has_no_second_effect(desk: Desk) -> None:
    """Frozen between claim and settle: another one did it meanwhile."""
    await remind(desk, "a")
    sleeper = timers(desk)
    due = await leases.due_timers(desk.pool, utc_now(), 0, 10)
    assert await timers(desk).work_off() == 1
    await settle(sleeper, due)
    assert await desk.totals() == {"a": 1}


async def test_a_timer_cancelled_between_claim_and_settle_has_no_effect(desk: Desk) -> None:
    await remind(desk, "a")
    due = await leases.due_timers(desk.pool, utc_now(), 30, 10)
    await work(desk).send(COUNTERS, "a", Calm(counter="a"))
    await settle(timers(desk), due)
    assert await desk.totals() == {"a": 0}
    assert await left(desk, "timer") == 0


async def test_a_timer_set_anew_between_claim_and_settle_waits_for_its_new_time(desk: Desk) -> None:
    await remind(desk, "a", amount=1)
    due = await leases.due_timers(desk.pool, utc_now(), 30, 10)
    await remind(desk, "a", amount=5, at=utc_now() + timedelta(hours=1))
    await settle(timers(desk), due)
    assert await desk.totals() == {"a": 0}
    assert await timers(desk).work_off() == 0
    await desk.pool.execute("update timer set due_at = now()")
    assert await timers(desk).work_off() == 1
    assert await desk.totals() == {"a": 5}


@pytest.mark.parametrize("order", [("cancel", "settle"), ("settle", "cancel")])
async def test_cancelling_races_settling_and_one_of_them_is_first(
    desk: Desk, order: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both want the aggregate's row, held by the test until both wait for it in this order, however long that takes."""
    monkeypatch.setattr(module, "_LOCK_TIMEOUT", "set local lock_timeout = '30s'")
    await remind(desk, "a")
    races: dict[str, Callable[[], Awaitable[Any]]] = {
        "cancel": lambda: work(desk).send(COUNTERS, "a", Calm(counter="a")),
        "settle": lambda: timers(desk).work_off(),
    }
    running = []
    async with kept_open(desk.pool) as holder:
        await holder.execute("select from counter for update")
        for number, name in enumerate(order, 1):
            running.append(asyncio.ensure_future(races[name]()))
            await until_waiting(desk.pool, number)
    await asyncio.gather(*running)
    assert await desk.totals() == {"a": 0 if order[0] == "cancel" else 1}
    assert await left(desk, "timer") == 0


async def test_a_refused_timer_is_kept_and_tried_again_later(desk: Desk) -> None:
    await remind(desk, "a", amount=-1)
    await remind(desk, "b")
    metrics = Metrics()
    assert await Timers([DECIDES], desk.pool, voice(), metrics).work_off() == 2
    assert await desk.totals() == {"a": 0, "b": 1}
    (kept,) = await desk.pool.fetch("select key, due_at > now() as later, leased_until from timer")
    assert tuple(kept) == ("a", True, None)
    assert metrics.registry.get_sample_value("motcua_timers_total", {"kind": "Due", "outcome": "failed"}) == 1


@pytest.mark.parametrize("poison", ["the database refuses it", "its body is not readable", "its kind is unknown"])
async def test_a_timer_that_cannot_be_settled_stops_no_other(desk: Desk, poison: str) -> None:
    names = [f"counter-{number}" for number in range(7)]
    await remind(desk, *names)
    await remind(desk, "poison", amount=10**6 if "database" in poison else 1)
    if "body" in poison:
        await desk.pool.execute("update timer set body = '[]' where key = 'poison'")
    if "kind" in poison:
        await desk.pool.execute("update timer set kind = 'Gone' where key = 'poison'")
    assert await timers(desk).work_off() == 8
    assert await desk.totals() == dict.fromkeys(names, 1) | {"poison": 0}
    (kept,) = await desk.pool.fetch("select key, due_at > now() as later, leased_until from timer")
    assert tuple(kept) == ("poison", True, None)


async def test_due_timers_of_one_aggregate_are_answered_in_the_order_in_which_they_became_due(desk: Desk) -> None:
    due = [await _timer(desk, PAST + timedelta(seconds=second)) for second in (5, 1, 9, 3, 7)]
    claimed = await leases.due_timers(desk.pool, utc_now(), 30, 10)
    assert [row["id"] for row in claimed] == [due[number] for number in (1, 3, 0, 4, 2)]


async def _timer(desk: Desk, due_at: datetime, key: str | None = None) -> UUID:
    """A timer of its own kind, of this aggregate or of one that has no other."""
    timer_id = new_id()
    await desk.pool.execute(
        "insert into timer (id, kind, aggregate, key, body, due_at) values ($1, $2, 'counter', $3, '{}', $4)",
        timer_id,
        str(timer_id),
        key or str(timer_id),
        due_at,
    )
    return timer_id


async def test_a_claim_takes_no_more_than_it_may_the_newest_among_them_and_waits_for_nobody(desk: Desk) -> None:
    for second in range(10):
        await _timer(desk, PAST + timedelta(seconds=second))
    async with kept_open(desk.pool) as holder:
        await holder.execute("select from timer where due_at = $1 for update", PAST)
        async with asyncio.timeout(30):
            claimed = await leases.due_timers(desk.pool, utc_now(), 30, 4)
    assert [(row["due_at"] - PAST).seconds for row in claimed] == [1, 2, 3, 9]


async def test_the_newest_timer_is_never_taken_before_an_older_one_of_its_aggregate(desk: Desk) -> None:
    """The older one may cancel it; in one batch they take turns."""
    for second in range(10):
        await _timer(desk, PAST + timedelta(seconds=second))
    await _timer(desk, PAST + timedelta(seconds=20), "x")
    await _timer(desk, PAST + timedelta(seconds=30), "x")
    claimed = await leases.due_timers(desk.pool, utc_now(), 30, 4)
    assert [(row["due_at"] - PAST).seconds for row in claimed] == [0, 1, 2, 20]


async def test_timers_and_calls_survive_a_database_that_is_restarted_under_them(desk: Desk) -> None:
    """Every session of theirs is killed; they come back by themselves."""

    async def answers(question: Question, calling: Calling) -> Message:
        return Answer(counter=question.counter, amount=7)

    running = [asyncio.create_task(timers(desk).forever()), asyncio.create_task(calls(desk, answers).forever(wakes()))]
    owner = await asyncpg.connect(desk.database.url)
    try:
        await owner.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()"
        )
    finally:
        await owner.close()
    await work(desk).send(COUNTERS, "a", Add(counter="a", amount=1))
    await remind(desk, "b")
    await work(desk).send(COUNTERS, "c", Ask(counter="c", call=new_id()))

    async def all_done() -> bool:
        return await desk.totals() == {"a": 1, "b": 1, "c": 7}

    await until(all_done)
    assert not any(task.done() for task in running)
    await _ended(running)


async def _ended(workers: Sequence[asyncio.Task[None]]) -> None:
    """They are stopped and gone: a claim that is still under way would take the next test's timers."""
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
