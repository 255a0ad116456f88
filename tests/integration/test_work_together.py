"""Requests that come at the same time share a transaction on a real database; what goes wrong with one is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from opentelemetry.sdk.trace import TracerProvider

from chassis.answering import To
from chassis.errors import Refusal
from chassis.once import Once
from chassis.postgres import Connection
from chassis.work import Work
from tests.counters import COUNTERS, Add, Counter, Desk, counting
from tests.database import Server
from tests.integration.counters_desk import work
from tests.waiting import kept_open


@dataclass
class Counters:
    """Requests that add to counters; `batches` are those that shared a transaction, as they were prepared."""

    work: Work
    batches: list[list[Add]]

    async def prepare(self, connection: Connection, requests: Sequence[Add]) -> list[list[To]]:
        self.batches.append(list(requests))
        return [[To(COUNTERS, each.counter, each)] for each in requests]

    async def add(self, counter: str, key: str, amount: int = 1, body: bytes = b"") -> int:
        """The counter's total after this request."""
        once = Once.of("anh", key, "/counters", body or f"{counter} {amount}".encode())
        request = Add(counter=counter, amount=amount)
        total: int = await self.work.send_together(once, request, self.prepare, _total)
        return total


def _total(states: Sequence[Counter]) -> int:
    return states[-1].total


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


@pytest.fixture
def counters(desk: Desk) -> Counters:
    return Counters(work(desk), [])


async def test_requests_at_once_share_transactions_and_each_has_its_own_answer(desk: Desk, counters: Counters) -> None:
    """Of 100 requests 64 share the first transaction and the rest the second, also several for one counter."""
    totals = await asyncio.gather(*(counters.add(f"c{number % 50:02}", f"key-{number:03}") for number in range(100)))
    assert [len(batch) for batch in counters.batches] == [64, 36]
    assert totals == [1] * 50 + [2] * 50
    assert await desk.totals() == {f"c{number:02}": 2 for number in range(50)}
    assert await desk.pool.fetchval("select count(distinct xmin::text) from idempotency") == 2
    assert await desk.pool.fetchval("select count(*) from outbox") == 100


async def test_one_alone_waits_for_nobody(counters: Counters) -> None:
    assert await asyncio.wait_for(counters.add("a", "the-first"), 60) == 1
    assert await asyncio.wait_for(counters.add("a", "the-second"), 60) == 2
    assert [len(batch) for batch in counters.batches] == [1, 1]


async def test_a_refused_request_is_refused_alone(desk: Desk, counters: Counters) -> None:
    """The others of its batch have their effects, each once; the refused one may be corrected under its key."""
    answers = await asyncio.gather(
        *(counters.add(f"c{number}", f"key-{number:03}", amount=-1 if number == 3 else 1) for number in range(6)),
        return_exceptions=True,
    )
    assert [type(each) for each in answers] == [int, int, int, Refusal, int, int]
    assert await desk.totals() == {f"c{number}": 1 for number in range(6) if number != 3}
    assert await counters.add("c3", "key-003", amount=5) == 5


async def test_a_repetition_in_the_same_moment_has_the_first_answer_and_no_effect(
    desk: Desk, counters: Counters
) -> None:
    """F5: the same request twenty times among others; and with another body it is told so."""
    same = [counters.add("a", "the-same-key") for _ in range(20)]
    other = counters.add("a", "the-same-key", body=b"something else")
    answers = await asyncio.gather(*same, other, counters.add("b", "another-key"), return_exceptions=True)
    assert answers[:20] == [1] * 20
    assert isinstance(answers[20], Refusal)
    assert answers[20].code == "idempotency_key_reused"
    assert await desk.totals() == {"a": 1, "b": 1}


async def test_a_commit_that_went_unheard_is_not_done_again(
    desk: Desk, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost just after the commit of a batch: each request finds the answer that was committed."""
    commit = Transaction.__aexit__
    lost: list[bool] = []

    async def unheard(self: Transaction, *raised: Any) -> None:
        await commit(self, *raised)
        if not lost and raised[0] is None:
            lost.append(True)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(Transaction, "__aexit__", unheard)
    totals = await asyncio.gather(*(counters.add("a", f"key-{number:03}") for number in range(10)))
    assert lost, "the fault was there"
    assert sorted(totals) == list(range(1, 11))
    assert await desk.totals() == {"a": 10}


async def test_many_whose_commit_went_unheard_are_not_said_to_be_refused(
    desk: Desk, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done again, each would be refused as done before; so whoever asked hears that nobody knows."""
    commit = Transaction.__aexit__

    async def unheard(self: Transaction, *raised: Any) -> None:
        await commit(self, *raised)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(Transaction, "__aexit__", unheard)
    messages = [(name, Add(counter=name, amount=1)) for name in ("a", "b")]
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await counters.work.send_many(COUNTERS, messages)
    monkeypatch.undo()
    assert await desk.totals() == {"a": 1, "b": 1}, "each once"


async def test_one_bad_request_does_not_cost_the_others_their_company(desk: Desk, counters: Counters) -> None:
    """Of 32 requests with one that is refused, halves are tried again, not each."""
    answers = await asyncio.gather(
        *(counters.add(f"c{number:02}", f"key-{number:03}", amount=-1 if number == 9 else 1) for number in range(32)),
        return_exceptions=True,
    )
    assert [type(each) for each in answers].count(Refusal) == 1
    assert len(counters.batches) == 1 + 2 * 5


async def test_who_goes_away_takes_nobody_along(desk: Desk, counters: Counters) -> None:
    """A request whose caller has gone is done all the same, and the others of its batch have their answers."""
    async with kept_open(desk.pool) as connection:
        await connection.execute("lock table counter in exclusive mode")
        waiting = [asyncio.create_task(counters.add("a", f"key-{number:03}")) for number in range(5)]
        async with asyncio.timeout(60):
            while not counters.batches:
                await asyncio.sleep(0.01)
        waiting[2].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in answers].count(int) == 4
    assert await desk.totals() == {"a": 5}


async def test_each_request_stays_in_its_own_trace(desk: Desk, counters: Counters) -> None:
    """What is done for many continues the trace of each: its event carries it."""
    tracer = TracerProvider().get_tracer("test")

    async def traced(number: int) -> str:
        with tracer.start_as_current_span(f"request {number}") as span:
            await counters.add(f"c{number}", f"key-{number:03}")
            return f"{span.get_span_context().trace_id:032x}"

    traces = await asyncio.gather(*(traced(number) for number in range(5)))
    rows = await desk.pool.fetch("select headers->>'traceparent' as trace from outbox order by aggregateid")
    assert [row["trace"].split("-")[1] for row in rows] == traces
