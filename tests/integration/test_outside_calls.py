"""Outside calls on a real database: made again under one id until answered, and settled once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from chassis import leases
from chassis.answering import Answering
from chassis.calls import Calling, Calls
from chassis.decider import Message
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from tests.counters import (
    COUNTERS,
    DECIDES,
    Answer,
    Ask,
    Desk,
    Drop,
    Odd,
    Question,
    counting,
    voice,
)
from tests.database import Server
from tests.integration.counters_desk import calls, left, until, wakes, work


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server, connections=16) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


async def test_a_dropped_call_is_made_no_more_and_an_answer_under_way_is_not_heard(desk: Desk) -> None:
    """Also in the transaction that asks; what is asked again under the same id after it is asked."""
    call_id = new_id()
    ask, drop = Ask(counter="a", call=call_id), Drop(counter="a", call=call_id)
    await work(desk).send(COUNTERS, "a", ask)
    (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})

    async def dropped_meanwhile(question: Question, calling: Calling) -> Message:
        await work(desk).send(COUNTERS, "a", drop)
        return Answer(counter=question.counter, amount=7)

    await calls(desk, dropped_meanwhile).perform(row)
    assert (await left(desk, "call"), await desk.totals()) == (0, {"a": 0})
    for messages, waiting in (((ask, drop), 0), ((drop, ask), 1)):
        async with desk.pool.acquire() as connection, connection.transaction():
            answering = Answering(desk.pool, voice(), [DECIDES])
            await answering.each(connection, COUNTERS, [("a", message) for message in messages])
        assert await left(desk, "call") == waiting


async def test_a_lost_answer_is_asked_for_again_under_the_same_id(desk: Desk) -> None:
    """The other side may have done it: only the same key again is safe."""
    asked: list[tuple[UUID, int]] = []

    async def loses_two(question: Question, calling: Calling) -> Message:
        asked.append((calling.id, calling.tries))
        if len(asked) < 3:
            raise Unanswered("the connection was lost")
        return Answer(counter=question.counter, amount=7)

    call_id = new_id()
    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=call_id))
    worker = asyncio.create_task(calls(desk, loses_two).forever(wakes()))

    async def lost_once() -> bool:
        return bool(await desk.pool.fetchval("select last_error = 'the connection was lost' from call"))

    async def settled() -> bool:
        return await left(desk, "call") == 0

    await until(lost_once)
    await desk.pool.execute("update call set due_at = now()")
    await until(settled)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert asked == [(call_id, 0), (call_id, 1), (call_id, 2)]
    assert await desk.totals() == {"a": 7}


async def test_an_answer_is_settled_once_when_two_workers_made_the_call(desk: Desk) -> None:
    """The first lease ended while its call was under way: both bring an answer."""
    both_asked = asyncio.Barrier(2)

    async def slow(question: Question, calling: Calling) -> Message:
        await both_asked.wait()
        return Answer(counter=question.counter, amount=7)

    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=new_id()))
    (row,) = await leases.due_calls(desk.pool, 0, {"Question": 10})
    (again,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
    assert again["id"] == row["id"]
    await asyncio.gather(calls(desk, slow).perform(row), calls(desk, slow).perform(again))
    assert await desk.totals() == {"a": 7}
    assert await left(desk, "outbox") == 1
    assert await left(desk, "call") == 0


async def test_a_call_whose_answer_nobody_decides_on_stays_and_is_visible(desk: Desk) -> None:
    async def strange(question: Question, calling: Calling) -> Message:
        return Odd(counter=question.counter)

    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=new_id()))
    (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
    await calls(desk, strange).perform(row)
    (kept,) = await desk.pool.fetch("select tries, last_error, leased_until, due_at > now() as later from call")
    assert tuple(kept) == (1, "LookupError", None, True)


async def test_an_answer_that_is_refused_leaves_the_call(desk: Desk) -> None:
    async def negative(question: Question, calling: Calling) -> Message:
        return Answer(counter=question.counter, amount=-1)

    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=new_id()))
    (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
    await calls(desk, negative).perform(row)
    assert await desk.pool.fetchval("select last_error from call") == "Refusal"
    assert await desk.totals() == {"a": 0}


async def test_a_failing_handler_tells_no_text_of_its_error(desk: Desk) -> None:
    async def quotes(question: Question, calling: Calling) -> Message:
        raise ValueError("Nguyễn Thị Ánh")

    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=new_id()))
    (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
    await calls(desk, quotes).perform(row)
    assert await desk.pool.fetchval("select last_error from call") == "ValueError"


async def test_pauses_between_tries_grow_to_a_minute(desk: Desk) -> None:
    async def away(question: Question, calling: Calling) -> Message:
        raise Unanswered("away")

    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=new_id()))
    pauses = list[float]()
    for _ in range(12):
        before = await desk.pool.fetchval("update call set due_at = now() returning now()")
        (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
        pause = await calls(desk, away).perform(row)
        assert pause is not None
        ((due, after),) = await desk.pool.fetch("select due_at, now() from call")
        assert due - after <= timedelta(seconds=pause) <= due - before, "what it says is what is kept"
        pauses.append(pause)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, *[60] * 5]


async def test_who_waits_has_the_answer_in_the_state(desk: Desk) -> None:
    async def answers(question: Question, calling: Calling) -> Message:
        return Answer(counter=question.counter, amount=7)

    state = await work(desk, answers).send(COUNTERS, "a", Ask(counter="a", call=new_id()), wait_seconds=5)
    assert state.total == 7


async def test_who_waits_gives_up_in_time_and_the_call_goes_on_without(desk: Desk) -> None:
    answered = asyncio.Event()

    async def slow(question: Question, calling: Calling) -> Message:
        await answered.wait()
        return Answer(counter=question.counter, amount=7)

    began = time.monotonic()
    state = await work(desk, slow).send(COUNTERS, "a", Ask(counter="a", call=new_id()), wait_seconds=0.3)
    assert 0.3 <= time.monotonic() - began < 15, "long before the call itself is given up"
    assert state.total == 0
    answered.set()

    async def settled() -> bool:
        return (await desk.totals())["a"] == 7

    await until(settled)


async def test_who_waits_does_not_make_a_call_that_is_being_made(desk: Desk) -> None:
    call_id = new_id()
    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=call_id))
    (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
    asked = 0

    async def answers(question: Question, calling: Calling) -> Message:
        nonlocal asked
        asked += 1
        return Answer(counter=question.counter, amount=7)

    here = calls(desk, answers)
    assert not await here.perform_now(call_id, 0.2), "it is in another one's hand, and not settled yet"
    waiting = asyncio.create_task(here.perform_now(call_id, 10))
    await calls(desk, answers).perform(row)
    assert await waiting
    assert asked == 1
    assert await here.perform_now(call_id, 10), "what is settled needs no waiting"


async def test_an_answer_that_asks_again_under_the_same_id_is_asked_again(desk: Desk) -> None:
    """A provider that says "still processing" is asked about the same thing, under the same key."""
    call_id = new_id()
    decides = type(DECIDES)(
        COUNTERS,
        commands=DECIDES.commands,
        answers={
            Answer: lambda counter, message, now: DECIDES.commands[Ask](counter, Ask(counter="a", call=call_id), now)
        },
    )

    async def answers(question: Question, calling: Calling) -> Message:
        return Answer(counter=question.counter, amount=1)

    await work(desk).send(COUNTERS, "a", Ask(counter="a", call=call_id))
    (row,) = await leases.due_calls(desk.pool, 30, {"Question": 10})
    await Calls({Question: answers}, [decides], desk.pool, voice(), Metrics()).perform(row)
    assert [row["id"] for row in await desk.pool.fetch("select id from call")] == [call_id]
