"""The worker that makes calls: its places, what it leaves when it is stopped, and kinds that it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from chassis import calls as module
from chassis import leases
from chassis.calls import Calling, Calls
from chassis.decider import Message
from chassis.metrics import Metrics
from tests.counters import DECIDES, Answer, Desk, Question, counting, voice
from tests.database import Server
from tests.integration.calling_desk import ANY, Query, asked, never, seven, working
from tests.integration.counters_desk import calls, left, until


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server, connections=16) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


async def test_an_outside_system_that_hangs_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DRAIN_SECONDS", 0.1)
    for number in range(40):
        await asked(desk, f"hanging-{number}")
    await asked(desk, "b")
    await desk.pool.execute("update call set kind = 'Query' where key = 'b'")
    worker = Calls({Question: never, Query: seven}, [DECIDES], desk.pool, voice(), Metrics())

    async def answered() -> bool:
        return (await desk.totals())["b"] == 7

    async with working(worker):
        await until(answered)
        assert await desk.pool.fetchval("select count(*) from call where leased_until > now()") == 32


async def test_a_place_that_becomes_free_is_taken_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """70 calls in 32 places take no poll in between."""
    for number in range(70):
        await asked(desk, f"counter-{number}")

    async def none_is_left() -> bool:
        return await left(desk, "call") == 0

    monkeypatch.setattr(module, "_POLL_SECONDS", 600.0)
    async with working(calls(desk, seven)):
        await until(none_is_left)
    assert set((await desk.totals()).values()) == {7}


async def test_a_worker_that_is_stopped_lets_its_calls_end_and_leaves_the_longer_ones_to_others_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DRAIN_SECONDS", 2.0)
    both, stopped = asyncio.Barrier(3), asyncio.Event()

    async def one_hangs(question: Question, calling: Calling) -> Message:
        await both.wait()
        await (stopped if question.counter == "a" else asyncio.Event()).wait()
        return Answer(counter=question.counter, amount=7)

    await asked(desk, "a")
    hanging = await asked(desk, "hanging")
    async with working(calls(desk, one_hangs)) as task:
        await both.wait()
        task.cancel()
        stopped.set()
    assert await desk.totals() == {"a": 7, "hanging": 0}
    (row,) = await leases.due_calls(desk.pool, 300, ANY)
    assert (row["id"], row["tries"]) == (hanging, 0)


async def test_a_call_of_a_kind_that_nobody_here_knows_waits_for_who_does_and_is_told_of(desk: Desk) -> None:
    """An older release beside the newer one must not spoil the newer one's calls."""
    await asked(desk)
    await desk.pool.execute("update call set kind = 'Newer'")
    with capture_logs() as logs:

        async def told() -> bool:
            return any(each["event"] == "calls of an unknown kind wait" for each in logs)

        async with working(calls(desk, seven)):
            await until(told)
    assert [each for each in logs if each["log_level"] == "error"] == [
        {"event": "calls of an unknown kind wait", "kind": "Newer", "waiting": 1, "log_level": "error"}
    ]
    (row,) = await desk.pool.fetch("select tries, leased_until from call")
    assert tuple(row) == (0, None)


async def test_who_waits_for_an_answer_is_not_turned_away_by_a_database_that_is_away_for_a_moment(desk: Desk) -> None:
    async def answers(question: Question, calling: Calling) -> Message:
        async with desk.pool.acquire() as connection:
            await connection.execute(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where pid <> pg_backend_pid() and usename = current_user"
            )
        return Answer(counter=question.counter, amount=7)

    call_id = await asked(desk)
    assert await calls(desk, answers).perform_now(call_id, 10)
    assert await desk.totals() == {"a": 7}
