"""A gateway that does not answer is left alone for a moment, and found again when it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments.adapters.breaker import (
    FORGIVEN_SECONDS,
    LOOKED_AT,
    PROBE_SECONDS,
    TOO_MANY,
    Breaker,
    Resting,
    Watched,
)
from services.payments.adapters.stripe import Stripe
from services.payments.domain.gateway import AskCheckout
from tests.integration.gateways.asking import CALLING


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def ailing(clock: Seconds) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(TOO_MANY):
        breaker.failed()
    return breaker


@given(st.lists(st.booleans(), max_size=40))
def test_one_is_ailing_when_half_of_the_last_ten_were_not_answered(outcomes: list[bool]) -> None:
    """Or fewer, since it was well again: its past is forgotten with the first answer."""
    breaker, counted = Breaker(Seconds()), list[bool]()
    for answered in outcomes:
        was_ailing = breaker.ailing
        breaker.answered() if answered else breaker.failed()
        counted = [True] if was_ailing and answered else [*counted, answered]
        assert breaker.ailing == (counted[-LOOKED_AT:].count(False) >= TOO_MANY)


def test_all_requests_go_to_one_that_is_well() -> None:
    breaker = Breaker(Seconds())
    for _ in range(TOO_MANY - 1):
        breaker.failed()
    assert all(breaker.admits() for _ in range(100))
    assert breaker.healthy


@given(st.lists(st.floats(0, 3), max_size=60))
def test_one_that_is_ailing_is_asked_once_every_two_seconds_at_most(steps: list[float]) -> None:
    clock = Seconds()
    breaker, asked = ailing(clock), [clock.now]
    for seconds in steps:
        clock.now += seconds
        if breaker.admits():
            assert clock.now - asked[-1] >= PROBE_SECONDS
            asked.append(clock.now)
            breaker.failed()
        else:
            assert clock.now - asked[-1] < PROBE_SECONDS


def test_the_first_answer_makes_it_well() -> None:
    clock = Seconds()
    breaker = ailing(clock)
    assert (breaker.healthy, breaker.admits()) == (False, False)
    clock.now += PROBE_SECONDS
    assert breaker.admits()
    breaker.answered()
    assert (breaker.healthy, breaker.ailing) == (True, False)
    assert all(breaker.admits() for _ in range(100))


def test_after_a_quiet_minute_people_are_sent_there_again() -> None:
    """Nobody would ever notice that it is well when nothing is sent there."""
    clock = Seconds()
    breaker = ailing(clock)
    clock.now += FORGIVEN_SECONDS - 1
    assert not breaker.healthy
    clock.now += 1
    assert (breaker.healthy, breaker.ailing) == (True, True)
    breaker.failed()
    assert not breaker.healthy


class Torn(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"id":'
        raise httpx.ReadTimeout("no more came")


def silent(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectTimeout("nobody there")


HTML = {"Content-Type": "text/html; charset=utf-8"}
ILL: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "silence": silent,
    "half an answer": lambda _: httpx.Response(200, stream=Torn()),
    "500": lambda _: httpx.Response(500, json={"error": {"type": "api_error"}}),
    "503": lambda _: httpx.Response(503),
    "429": lambda _: httpx.Response(429, json={}),
    "a proxy's page": lambda _: httpx.Response(200, text="<html>", headers=HTML),
}


@pytest.mark.parametrize("answer", ILL.values(), ids=ILL)
async def test_what_is_no_answer_makes_it_ailing_and_then_it_is_not_asked(
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    clock, asked = Seconds(), list[str]()

    def heard(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return answer(request)

    breaker = Breaker(clock)
    async with httpx.AsyncClient(transport=Watched(httpx.MockTransport(heard), breaker), base_url="http://g") as http:
        port, question = Stripe(http), AskCheckout(attempt_id=new_id(), session_id="cs_1")
        for _ in range(TOO_MANY):
            with pytest.raises(Unanswered):
                await port.ask_checkout(question, CALLING)
        with pytest.raises(Unanswered, match="Resting"):
            await port.ask_checkout(question, CALLING)
        with pytest.raises(Resting):
            await http.get("/")
        assert len(asked) == TOO_MANY
        clock.now += PROBE_SECONDS
        with pytest.raises(Unanswered):
            await port.ask_checkout(question, CALLING)
        assert len(asked) == TOO_MANY + 1


@pytest.mark.parametrize("status", [200, 302, 400, 401, 402, 404, 409])
async def test_whatever_the_gateway_itself_says_is_an_answer(status: int) -> None:
    """A refusal, "not yet" and "not found" too: it is well, however little we like what it says."""
    breaker = Breaker(Seconds())
    transport = Watched(httpx.MockTransport(lambda _: httpx.Response(status, json={"a": 1})), breaker)
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
        for _ in range(3 * LOOKED_AT):
            assert (await http.get("/")).json() == {"a": 1}
    assert not breaker.ailing
