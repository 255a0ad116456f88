"""Refunds at the gateway, and every trouble there that is no answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments.domain.answers import Captured, RefundDone, RefundRefused
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import AskCheckout, AskRefund, Refund
from tests.records import CODE
from tests.unit.payments.till import (
    CALLING,
    DAY,
    RETURNED_REFUND,
    SLOW_REFUND,
    Till,
    port_to,
    till_at,
)
from tests.unit.sandbox.gateway_client import gateway_in


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with gateway_in(tmp_path) as gateway:
        yield till_at(gateway)


def returning(capture: Captured, amount: int = 20_000) -> Refund:
    return Refund(refund_id=new_id(), dossier_code=CODE, reference=capture.reference, amount=amount, reason="withdrawn")


async def test_a_refund_goes_back_once_however_often_it_is_asked_for(till: Till) -> None:
    request = returning(await till.paid())
    answers = [await till.port.refund(request, CALLING) for _ in range(3)]
    assert isinstance(answers[0], RefundDone)
    assert answers[0] == answers[1] == answers[2]
    assert await till.gateway.totals() == {"vnd": 115_000}


async def test_a_refund_is_known_after_the_gateway_forgot_its_key(till: Till) -> None:
    """Two days without our database: asked for blindly, the same money would go back twice."""
    request = returning(await till.paid())
    first = await till.port.refund(request, CALLING)
    till.gateway.pass_time(2 * DAY)
    assert await till.port.refund(request, CALLING) == first
    assert await till.gateway.totals() == {"vnd": 115_000}


async def test_a_pending_refund_is_waited_for(till: Till) -> None:
    """Its key would answer `pending` for a day, and refuse as a second refund afterwards."""
    request = returning(await till.paid(SLOW_REFUND), 135_000)
    with pytest.raises(Unanswered, match="pending"):
        await till.port.refund(request, CALLING)
    till.gateway.pass_time(2 * DAY)
    assert isinstance(await till.port.refund(request, CALLING), RefundDone)
    assert await till.gateway.totals() == {"vnd": 0}


async def test_a_refund_that_the_bank_sends_back_is_told_when_it_is_asked_about(till: Till) -> None:
    done = await till.port.refund(request := returning(await till.paid(RETURNED_REFUND)), CALLING)
    assert isinstance(done, RefundDone)
    question = AskRefund(refund_id=request.refund_id, reference=done.reference)
    assert await till.port.ask_refund(question, CALLING) == done
    till.gateway.pass_time(5)
    told = await till.port.ask_refund(question, CALLING)
    assert told == RefundRefused(refund_id=request.refund_id, reason="expired_or_canceled_card")


async def test_a_refund_is_found_when_the_gateway_keeps_a_failure_under_its_key(till: Till) -> None:
    request = returning(await till.paid())
    await till.gateway.arm("error_500_after_charge", match="/v1/refunds")
    with pytest.raises(Unanswered):
        await till.port.refund(request, CALLING)
    assert isinstance(await till.port.refund(request, CALLING), RefundDone)
    assert await till.gateway.fired("error_500_after_charge") == 1
    assert await till.gateway.totals() == {"vnd": 115_000}


async def test_a_refund_of_more_than_is_there_is_refused_for_good(till: Till) -> None:
    request = returning(await till.paid(), 135_001)
    refused = RefundRefused(refund_id=request.refund_id, reason="invalid_request")
    assert await till.port.refund(request, CALLING) == refused
    assert await till.gateway.totals() == {"vnd": 135_000}


@pytest.mark.parametrize("status", [400, 402])
async def test_a_refusal_that_nobody_documented_is_no_refusal(till: Till, status: int) -> None:
    """The money may have gone: it is asked again, and an officer does not pay it out a second time."""
    refused = {"error": {"type": "invalid_request_error", "code": "brand_new_code", "message": "x"}}

    def answer(request: httpx.Request) -> httpx.Response:
        listed = httpx.Response(200, json={"data": [], "has_more": False})
        return listed if request.method == "GET" else httpx.Response(status, json=refused)

    with pytest.raises(UnknownCode, match="brand_new_code"):
        await port_to(httpx.MockTransport(answer)).refund(returning(await till.paid()), CALLING)


@pytest.mark.parametrize("fault", ["storm_500", "rate_limited_429", "conflict_409"])
async def test_trouble_at_the_gateway_is_no_answer(till: Till, fault: str) -> None:
    page, capture = await till.page(), await till.paid()
    await till.gateway.arm(fault, times=100)
    with pytest.raises(Unanswered):
        await till.port.create_checkout(till.request(), CALLING)
    with pytest.raises(Unanswered):
        await till.close(page)
    with pytest.raises(Unanswered):
        await till.port.refund(returning(capture), CALLING)
    assert await till.gateway.fired(fault) >= 3
    assert await till.gateway.totals() == {"vnd": 135_000}


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(401, json={"error": {"type": "invalid_request_error"}}),
        httpx.Response(404, json={"error": {"code": "resource_missing"}}),
        httpx.Response(200, text="<html>wartung</html>"),
        httpx.Response(200, json=[]),
        httpx.Response(302, headers={"Location": "http://elsewhere"}),
        httpx.Response(400, json={"error": {"type": "idempotency_error"}}),
    ],
)
async def test_what_cannot_be_an_answer_is_none(till: Till, response: httpx.Response) -> None:
    """Not found, too: a page that we asked for may only not be known yet."""
    port = port_to(httpx.MockTransport(lambda _: response))
    with pytest.raises(Unanswered):
        await port.create_checkout(till.request(), CALLING)
    with pytest.raises(Unanswered):
        await port.ask_checkout(AskCheckout(attempt_id=new_id(), session_id="cs_1"), CALLING)


async def test_a_connection_that_breaks_is_no_answer(till: Till) -> None:
    def break_off(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too long")

    with pytest.raises(Unanswered):
        await port_to(httpx.MockTransport(break_off)).create_checkout(till.request(), CALLING)
