"""Who makes an outside call, and who takes it up: leases are renewed, end with their process, and are never another's."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from chassis import leases
from chassis.calls import Calling
from chassis.decider import Message
from chassis.errors import Unanswered
from chassis.postgres import open_pool
from tests.chaos.proxy import Proxy
from tests.counters import COUNTERS, Answer, Ask, Desk, Question, counting
from tests.database import Server
from tests.integration.calling_desk import ANY, asked, seven, working
from tests.integration.counters_desk import calls, left, process, until, work
from tests.waiting import kept_open


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server, connections=16) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


@asynccontextmanager
async def through_a_proxy(desk: Desk) -> AsyncIterator[tuple[Desk, Proxy]]:
    """The same database, on a way that can be cut."""
    port = urlsplit(desk.database.url).port or 0
    async with Proxy(port).listening() as proxy:
        url = desk.database.url.replace(f":{port}/", f":{proxy.port}/")
        pool = await open_pool(url, "distant", 4)
        try:
            yield Desk(desk.database, pool), proxy
        finally:
            pool.terminate()


async def test_who_comes_late_frees_nothing_and_puts_nothing_off_that_is_in_another_hand(desk: Desk) -> None:
    async def fails(question: Question, calling: Calling) -> Message:
        raise Unanswered("too late to matter")

    await asked(desk)
    (late,) = await leases.due_calls(desk.pool, 0, ANY)
    (winner,) = await leases.due_calls(desk.pool, 300, ANY)
    before = await desk.pool.fetch("select * from call")
    await calls(desk, fails).perform(late)
    assert await desk.pool.fetch("select * from call") == before
    assert await leases.due_calls(desk.pool, 300, ANY) == [], "still the winner's"
    await calls(desk, seven).perform(winner)
    assert await desk.totals() == {"a": 7}


async def test_a_lease_is_renewed_while_its_call_is_under_way_and_not_after_it(desk: Desk) -> None:
    answered = asyncio.Event()

    async def slow(question: Question, calling: Calling) -> Message:
        await answered.wait()
        raise Unanswered("nothing in the end")

    await asked(desk)
    (row,) = await leases.due_calls(desk.pool, 4, ANY)
    under_way = asyncio.create_task(calls(desk, slow).perform(row))

    async def renewed() -> bool:
        return bool(await desk.pool.fetchval("select leased_until > $1 from call", row["leased_until"]))

    await until(renewed)
    assert await leases.due_calls(desk.pool, 300, ANY) == []
    answered.set()
    assert await under_way == 0.5, "seconds until it is made again"
    assert await desk.pool.fetchval("select leased_until from call") is None


async def test_a_process_never_makes_a_call_that_it_is_still_making_whatever_became_of_the_lease(desk: Desk) -> None:
    """As after some time without the database, in which no lease could be renewed."""
    tries, under_way, answered = 0, asyncio.Event(), asyncio.Event()

    async def slow(question: Question, calling: Calling) -> Message:
        nonlocal tries
        if question.counter == "a":
            tries += 1
            under_way.set()
            await answered.wait()
        return Answer(counter=question.counter, amount=7)

    async def the_later_one_is_settled() -> bool:
        return (await desk.totals())["b"] == 7

    call_id = await asked(desk)
    worker = calls(desk, slow)
    async with working(worker):
        await under_way.wait()
        await desk.pool.execute("update call set leased_until = now() - interval '1 second'")
        assert not await worker.perform_now(call_id, 0.1)
        await asked(desk, "b")
        await until(the_later_one_is_settled)
        answered.set()
        assert await worker.perform_now(call_id, 10)
    assert tries == 1
    assert await desk.totals() == {"a": 7, "b": 7}


async def test_a_call_in_flight_when_its_process_is_killed_is_made_again_within_its_short_lease_under_the_same_id(
    desk: Desk,
) -> None:
    seen = list[str]()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readline()).decode().strip())
        await reader.read()
        writer.close()

    async def takes_over(question: Question, calling: Calling) -> Message:
        seen.append(str(calling.id))
        return Answer(counter=question.counter, amount=7)

    async def is_asked() -> bool:
        return bool(seen)

    async def is_settled() -> bool:
        return await left(desk, "call") == 0

    call_id = await asked(desk)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        with process(desk, server.sockets[0].getsockname()[1]) as killed:
            await until(is_asked)
            async with working(calls(desk, takes_over)):
                killed.send_signal(signal.SIGKILL)
                killed.wait()
                lease = await desk.pool.fetchval(
                    "select coalesce(max(extract(epoch from leased_until - now())), 0)::float8 from call"
                )
                await until(is_settled)
    assert lease <= 10
    assert seen == [str(call_id)] * 2
    assert await desk.totals() == {"a": 7}
    assert await left(desk, "outbox") == 1


@pytest.mark.parametrize("point", ["call.after-claim", "call.after-answer", "call.before-commit", "call.after-commit"])
async def test_a_process_killed_at_its_call_leaves_one_effect(desk: Desk, point: str) -> None:
    seen = list[str]()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readline()).decode().strip())
        writer.write(b"7\n")
        writer.close()

    async def again(question: Question, calling: Calling) -> Message:
        seen.append(str(calling.id))
        return Answer(counter=question.counter, amount=7)

    async def is_settled() -> bool:
        return await left(desk, "call") == 0

    call_id = await asked(desk)
    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    async with server:
        with process(desk, server.sockets[0].getsockname()[1], point) as killed:
            assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL
    assert await desk.totals() == {"a": 7 if point == "call.after-commit" else 0}
    await desk.pool.execute("update call set leased_until = now() - interval '1 second'")
    async with working(calls(desk, again)):
        await until(is_settled)
    assert set(seen) == {str(call_id)}
    assert await desk.totals() == {"a": 7}
    assert await left(desk, "outbox") == 1


async def test_an_answer_that_comes_while_the_database_is_away_is_kept_and_nobody_is_asked_twice(desk: Desk) -> None:
    """Its worker is as blind as all others until the database is back, and then settles the answer that it has."""
    tries, under_way, answered = 0, asyncio.Event(), asyncio.Event()

    async def answers(question: Question, calling: Calling) -> Message:
        nonlocal tries
        tries += 1
        under_way.set()
        await answered.wait()
        return Answer(counter=question.counter, amount=7)

    async def is_settled() -> bool:
        return await left(desk, "call") == 0

    await asked(desk)
    async with through_a_proxy(desk) as (distant, proxy), working(calls(distant, answers)):
        await under_way.wait()
        with capture_logs() as logs:
            cut = asyncio.create_task(proxy.cut(60))
            answered.set()

            async def is_blind() -> bool:
                told = Counter(each["event"] for each in logs)
                return told["calls wait"] >= 2 and told["stamina.retry_scheduled"] >= 2

            await until(is_blind)
            assert await left(desk, "call") == 1
            cut.cancel()
            await until(is_settled)
    assert tries == 1
    assert await desk.totals() == {"a": 7}
    assert await left(desk, "outbox") == 1


async def test_trouble_in_settling_an_answer_costs_no_second_call(desk: Desk) -> None:
    """The connection is lost while the answer waits for the aggregate, which somebody else has locked."""
    tries = 0

    async def answers(question: Question, calling: Calling) -> Message:
        nonlocal tries
        tries += 1
        return Answer(counter=question.counter, amount=7)

    async def waiting() -> set[int]:
        found = await desk.pool.fetch(
            "select pid from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user"
        )
        return {row["pid"] for row in found}

    await asked(desk)
    (row,) = await leases.due_calls(desk.pool, 300, ANY)
    async with kept_open(desk.pool) as holder:
        await holder.execute("select from counter for update")
        under_way = asyncio.create_task(calls(desk, answers).perform(row))
        await until(waiting)
        first = await waiting()
        await desk.pool.execute("select pg_terminate_backend(pid) from unnest($1::int[]) as pid", list(first))

        async def waits_again() -> bool:
            return bool(await waiting() - first)

        await until(waits_again)
    assert await under_way is None
    assert tries == 1
    assert await desk.totals() == {"a": 7}


async def test_an_answer_to_an_earlier_asking_is_none_to_a_later_one_under_the_same_id(desk: Desk) -> None:
    call_id = await asked(desk)
    (late,) = await leases.due_calls(desk.pool, 0, ANY)
    (winner,) = await leases.due_calls(desk.pool, 300, ANY)
    await calls(desk, seven).perform(winner)
    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=call_id))
    await calls(desk, seven).perform(late)
    assert await desk.totals() == {"a": 7}
    assert await left(desk, "call") == 1, "the later one has still to be asked"
