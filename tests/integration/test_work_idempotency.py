"""Requests over HTTP on a real database: one effect and one answer for one key, whoever races or fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
from asyncpg.transaction import Transaction
from fastapi import APIRouter

from chassis import http
from chassis.access import Verifier
from chassis.answering import To
from chassis.backlog import Backlog
from chassis.calls import Calls
from chassis.errors import NotFound, Refusal
from chassis.health import Health
from chassis.http import CallerOf, OnceOf, WorkOf
from chassis.metrics import Metrics
from chassis.once import Once
from chassis.postgres import Connection, Pool, open_pool
from chassis.work import Work
from tests.counters import COUNTERS, DECIDES, Add, Counter, Desk, Remind, counting, voice
from tests.database import Server
from tests.issuer import AUDIENCE, Issuer, issuing
from tests.records import NOON
from tests.waiting import kept_open, until_waiting

routes = APIRouter()


@routes.post("/counters/{name}", status_code=201)
async def add(name: str, amount: int, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
    """The smallest creating request: the answer has the version, so a second effect could not hide."""

    async def prepare(connection: Connection) -> Sequence[To]:
        return [To(COUNTERS, name, Add(counter=name, amount=amount))]

    return await work.send_once(once, prepare, lambda states: states[-1])


def work_of(pool: Pool) -> Work:
    return Work(pool, voice(), [DECIDES], Calls({}, [DECIDES], pool, voice(), Metrics()), Backlog(1_000))


@dataclass(frozen=True)
class Api:
    """The counters over HTTP."""

    http: httpx.AsyncClient
    issuer: Issuer

    async def add(self, name: str, key: str, amount: int = 1, who: str = "anh", **headers: str) -> httpx.Response:
        headers = {**self.issuer.bearer("citizen", sub=who), "Idempotency-Key": key, **headers}
        return await self.http.post(f"/counters/{name}", params={"amount": amount}, json={"n": amount}, headers=headers)


@asynccontextmanager
async def serving(pool: Pool, issuer: Issuer) -> AsyncIterator[Api]:
    application = http.application("test", "", [routes], Health(), Metrics(), voice().tracer)
    async with httpx.AsyncClient() as client:
        application.state.work = work_of(pool)
        application.state.verifier = Verifier(issuer.url, AUDIENCE, client)
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as caller:
            yield Api(caller, issuer)


@pytest.fixture(scope="module")
def issuer() -> Any:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


@pytest.fixture
async def api(desk: Desk, issuer: Issuer) -> AsyncIterator[Api]:
    async with serving(desk.pool, issuer) as api:
        yield api


async def test_twenty_equal_requests_at_once_have_one_effect_and_one_answer(desk: Desk, api: Api) -> None:
    answers = await asyncio.gather(*[api.add("a", "the-same-key") for _ in range(20)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1, "to the letter"
    assert await desk.totals() == {"a": 1}
    assert await desk.pool.fetchval("select count(*) from outbox") == 1


async def test_the_same_key_with_another_body_or_path_is_told_so(desk: Desk, api: Api) -> None:
    await api.add("a", "the-same-key")
    for other in (await api.add("a", "the-same-key", amount=2), await api.add("b", "the-same-key")):
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
        assert other.headers["content-type"] == "application/problem+json"
    assert await desk.totals() == {"a": 1}


async def test_keys_of_different_callers_are_different_keys(desk: Desk, api: Api) -> None:
    await api.add("a", "the-same-key", who="anh")
    await api.add("a", "the-same-key", who="binh")
    assert await desk.totals() == {"a": 2}


async def test_a_refused_request_leaves_nothing_and_may_be_corrected_under_its_key(desk: Desk, api: Api) -> None:
    refused = await api.add("a", "the-same-key", amount=-1)
    assert (refused.status_code, refused.json()["code"]) == (409, "negative")
    assert await desk.pool.fetchval("select count(*) from idempotency") == 0
    assert (await api.add("a", "the-same-key", amount=3)).status_code == 201
    assert await desk.totals() == {"a": 3}


@pytest.mark.parametrize("length", [0, 7, 256])
async def test_a_key_that_is_missing_too_short_or_too_long_is_an_error_of_that_field(api: Api, length: int) -> None:
    answer = await api.add("a", "k" * length)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["header.idempotency-key"]


async def test_who_waits_for_a_first_request_that_rolls_back_becomes_the_first(desk: Desk) -> None:
    once, here = Once.of("anh", "the-same-key", "/x", b"{}"), work_of(desk.pool)
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def fails(connection: Connection) -> Sequence[To]:
        entered.set()
        await go_on.wait()
        raise Refusal("no", "Không.", "No.")

    async def adds(connection: Connection) -> Sequence[To]:
        return [To(COUNTERS, "a", Add(counter="a", amount=1))]

    first = asyncio.create_task(here.send_once(once, fails, lambda states: None))
    await entered.wait()
    second = asyncio.create_task(here.send_once(once, adds, lambda states: states[0].total))
    await until_waiting(desk.pool)
    go_on.set()
    with pytest.raises(Refusal):
        await first
    assert await second == 1
    assert await desk.totals() == {"a": 1}


async def test_writers_that_race_for_a_new_aggregate_all_have_their_effect(desk: Desk) -> None:
    """There is no row to lock yet: all but one meet a conflict, and are done again."""
    here = work_of(desk.pool)
    await asyncio.gather(*[here.send(COUNTERS, "a", Add(counter="a", amount=1)) for _ in range(5)])
    assert await desk.totals() == {"a": 5}
    said = await desk.pool.fetch("select headers->>'ce_sequence' as sequence from outbox order by position")
    assert [row["sequence"] for row in said] == ["1", "2", "3", "4", "5"]


async def test_two_messages_of_one_request_are_committed_together_or_not_at_all(desk: Desk) -> None:
    async def prepare(connection: Connection) -> Sequence[To]:
        return [
            To(COUNTERS, "a", Add(counter="a", amount=1)),
            To(COUNTERS, "b", Remind(counter="b", at=NOON)),
            To(COUNTERS, "a", Add(counter="a", amount=-1)),
        ]

    with pytest.raises(Refusal, match="negative"):
        await work_of(desk.pool).send_once(Once.of("anh", "a-new-key", "/x", b""), prepare, lambda states: None)
    for table in ("counter", "outbox", "timer", "idempotency"):
        assert await desk.pool.fetchval(f"select count(*) from {table}") == 0


async def test_a_message_with_nothing_to_do_answers_the_state_as_it_is(desk: Desk) -> None:
    here = work_of(desk.pool)
    with pytest.raises(NotFound):
        await here.send(COUNTERS, "a", Add(counter="a", amount=0))
    await here.send(COUNTERS, "a", Add(counter="a", amount=2))
    state = await here.send(COUNTERS, "a", Add(counter="a", amount=0))
    assert isinstance(state, Counter)
    assert (state.total, state.version) == (2, 1)


async def test_while_postgresql_is_away_requests_are_asked_to_come_again(issuer: Issuer) -> None:
    pool = await open_pool("postgresql://payments:x@127.0.0.1:9/payments", "test", 2)
    async with serving(pool, issuer) as api:
        answer = await api.add("a", "the-same-key")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["detail"].startswith("Hệ thống tạm thời")


async def test_a_request_that_its_caller_leaves_leaves_nothing(desk: Desk) -> None:
    """Cancelled in mid-transaction: rolled back, and its connection is good for the next one."""
    here = work_of(desk.pool)
    await here.send(COUNTERS, "a", Add(counter="a", amount=1))
    async with kept_open(desk.pool) as holder:
        await holder.execute("select from counter for update")
        sending = asyncio.create_task(here.send(COUNTERS, "a", Add(counter="a", amount=1)))
        await until_waiting(desk.pool)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    await here.send(COUNTERS, "a", Add(counter="a", amount=1))
    assert await desk.totals() == {"a": 2}


async def test_a_command_without_a_key_whose_commit_went_unheard_is_not_done_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost when the database has committed: the caller is told, the effect stands once."""
    work, commit, lost = work_of(desk.pool), Transaction.__dict__["_Transaction__commit"], list[str]()

    async def unheard(self: Transaction) -> None:
        await commit(self)
        lost.append("a commit")
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    with monkeypatch.context() as fault:
        fault.setattr(Transaction, "_Transaction__commit", unheard)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await work.send(COUNTERS, "once", Add(counter="once", amount=5))
    assert len(lost) == 1
    assert await desk.totals() == {"once": 5}
