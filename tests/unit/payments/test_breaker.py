"""A gateway that does not answer is left alone for a moment, and found again when it does."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from chassis.sealing import Sealer
from services.payments.adapters.breaker import (
    FORGIVEN_SECONDS,
    LOOKED_AT,
    PROBE_SECONDS,
    SLOW_SECONDS,
    TOO_MANY,
    Breaker,
    NoEnd,
    Resting,
    Watched,
    understood,
)
from services.payments.adapters.national import National
from services.payments.adapters.national_services import directory
from services.payments.adapters.stripe import Stripe
from services.payments.adapters.vietqr import VietQr
from services.payments.adapters.vnpay import Vnpay
from services.payments.domain.gateway import Gateway, UnknownCode
from services.payments.domain.questions import AskCheckout
from tests.integration.gateways.asking import CALLING, saying
from tests.integration.gateways.asking import http as http_answer
from tests.records import NOON


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


@given(st.lists(st.integers(1, TOO_MANY - 1), max_size=60))
def test_a_payment_counts_once_however_often_it_fails(payments: list[int]) -> None:
    """As many as are too many must fail, whatever was asked meanwhile."""
    breaker = Breaker(Seconds())
    for payment in payments:
        breaker.failed(f"payment {payment}")
        assert not breaker.ailing
    for payment in range(TOO_MANY):
        breaker.failed(f"payment {payment}")
    assert breaker.ailing


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


class Dripping(httpx.AsyncByteStream):
    """A part at a time, for ever."""

    def __init__(self, part: bytes, pause_seconds: float = 0) -> None:
        self._part, self._pause = part, pause_seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield self._part
            await asyncio.sleep(self._pause)


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
    "401": lambda _: httpx.Response(401, json={"error": {"type": "invalid_request_error"}}),
    "403": lambda _: httpx.Response(403, json={}),
    "302": lambda _: httpx.Response(302, headers={"Location": "http://elsewhere"}),
    "no JSON": lambda _: httpx.Response(200, text="}{!!!", headers={"Content-Type": "application/json"}),
    "too deep a JSON": lambda _: httpx.Response(200, text="[" * 100_000),
    "another model": lambda _: httpx.Response(200, json={"object": "list"}),
    "more than any answer is": lambda _: httpx.Response(200, stream=Dripping(b" " * 600)),
    "slower than any answer is": lambda _: httpx.Response(200, stream=Dripping(b" ", 0.001)),
    "compressed": lambda _: httpx.Response(200, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}),
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
    watched = Watched(httpx.MockTransport(heard), breaker, seconds=0.05, most=1_000)
    async with httpx.AsyncClient(transport=watched, base_url="http://g") as http:
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


@pytest.mark.parametrize("status", [200, 400, 402, 404, 409, 422])
async def test_what_the_gateway_says_of_one_payment_is_an_answer(status: int) -> None:
    """A refusal, "not yet" and "not found" too: it is well, however little we like what it says."""
    breaker = ailing(clock := Seconds())
    clock.now += PROBE_SECONDS
    transport = Watched(httpx.MockTransport(lambda _: httpx.Response(status, json={"a": 1})), breaker)
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
        for _ in range(3 * LOOKED_AT):
            answer = await http.get("/")
            with understood(answer):
                assert answer.json() == {"a": 1}
            assert not breaker.ailing


async def test_a_code_that_we_have_no_word_for_is_an_answer() -> None:
    breaker, answer = ailing(Seconds()), httpx.Response(200, json={})
    answer.extensions["breaker"] = breaker
    with pytest.raises(UnknownCode), understood(answer):
        raise UnknownCode("a status of next year")
    assert not breaker.ailing


async def test_what_asks_is_cut_off_after_a_while_and_its_gateway_has_failed() -> None:
    """The clock of whoever asks may be the shorter one. One who ends at once says nothing."""
    clock, asked = Seconds(), asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    breaker = Breaker(clock)
    async with httpx.AsyncClient(transport=Watched(httpx.MockTransport(hang), breaker), base_url="http://g") as http:
        for seconds, failed in ((SLOW_SECONDS - 1, False), (SLOW_SECONDS, True)):
            for _ in range(TOO_MANY):
                asking = asyncio.create_task(http.get("/"))
                await asked.wait()
                asked.clear()
                clock.now += seconds
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            assert breaker.ailing is failed


QUESTIONS = [
    AskCheckout(attempt_id=new_id(), session_id=f"MC{number:010}AB", began=NOON, closes_at=NOON)
    for number in range(2 * LOOKED_AT + 1)
]
PORTS: dict[str, Callable[[httpx.AsyncClient], Gateway]] = {
    "stripe": Stripe,
    "vnpay": lambda http: Vnpay(http, "T", "secret"),
    "vietqr": lambda http: VietQr(http, ["w"], "970436", "1054321"),
    "national": lambda http: National(http, "P", "secret", Sealer("A" * 43), directory()),
}
GARBAGE = {"no JSON": b"}{!!!", "no object": b"7", "another model": b'{"object":"list"}', "too deep": b"[" * 100_000}
CODES = [
    *(("vnpay", {"vnp_ResponseCode": code}) for code in ("02", "97", "98", "99")),
    *(("national", {"MaLoi": code}) for code in ("02", "03", "99")),
]
"""Our key or name is no longer right there, or the gateway has trouble: said with 200."""


@pytest.mark.parametrize(
    ("gateway", "body"),
    [
        *((name, body) for name in PORTS for body in GARBAGE.values()),
        *((name, json.dumps(b).encode()) for name, b in CODES),
    ],
)
async def test_every_adapter_says_when_what_came_is_no_answer(gateway: str, body: bytes) -> None:
    clock = Seconds()
    breaker = Breaker(clock)
    transport = Watched(httpx.MockTransport(lambda _: httpx.Response(200, content=body)), breaker)
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
        port = PORTS[gateway](http)
        for question in QUESTIONS[1:]:
            with pytest.raises(Unanswered):
                await port.ask_checkout(question, CALLING)
        assert breaker.ailing
        clock.now += PROBE_SECONDS
        with pytest.raises(Unanswered):
            await port.ask_checkout(QUESTIONS[0], CALLING)
        assert breaker.ailing  # a probe that brought no answer does not make it well


@pytest.mark.parametrize(("gateway", "body"), CODES)
async def test_one_payment_of_which_a_gateway_says_only_that_it_has_trouble_does_not_make_it_ailing(
    gateway: str, body: dict[str, str]
) -> None:
    """Nothing else may be asked there for hours. A few others of which it says the same do."""
    breaker = Breaker(Seconds())
    transport = Watched(httpx.MockTransport(lambda _: httpx.Response(200, json=body)), breaker)
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
        port = PORTS[gateway](http)
        one, *others = QUESTIONS
        for question in [one] * 3 * LOOKED_AT + others[: TOO_MANY - 2]:
            with pytest.raises(Unanswered):
                await port.ask_checkout(question, CALLING)
            assert breaker.healthy
        with pytest.raises(Unanswered):
            await port.ask_checkout(others[-1], CALLING)
        assert not breaker.healthy


BIG = gzip.compress(b" " * 3_000_000)
NASTY = {
    "a big answer": http_answer("200 OK", " " * 100_000),
    "a small one that becomes big": http_answer("200 OK", "", "application/json", "Content-Encoding: gzip").replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(BIG)
    )
    + BIG,
    "nothing": None,
}


@pytest.mark.parametrize("answer", NASTY.values(), ids=NASTY)
async def test_over_a_real_connection_no_answer_is_longer_or_slower_than_its_bounds(answer: bytes | None) -> None:
    breaker, over = Breaker(Seconds()), httpx.ReadTimeout if answer is None else NoEnd
    async with saying(answer) as url:
        seconds = 0.02 if answer is None else 10
        transport = Watched(httpx.AsyncHTTPTransport(), breaker, seconds=seconds, most=50_000)
        async with httpx.AsyncClient(transport=transport, base_url=url) as http:
            for _ in range(TOO_MANY):
                with pytest.raises(over):
                    await http.get("/")
    assert breaker.ailing
