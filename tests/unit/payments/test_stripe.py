"""Pages at the gateway: made once, asked about, closed; and what their truth is in our words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from chassis.clock import utc_now
from chassis.errors import Unanswered
from deploy.sandbox.gateway.cards import CARDS
from services.payments.adapters.stripe_codes import DECLINES
from services.payments.domain.answers import Captured, CheckoutCreated, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.gateway import UnknownCode
from tests.records import CODE
from tests.unit.payments.till import (
    CALLING,
    FAILS_LATER,
    GOOD,
    SECURE,
    SETTLES_LATER,
    SHORT_OF_FUNDS,
    Till,
    port_to,
    till_at,
)
from tests.unit.sandbox.gateway_client import NOON, gateway_in


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with gateway_in(tmp_path) as gateway:
        yield till_at(gateway)


async def test_a_page_asks_for_the_bills_amount_and_comes_back_to_the_dossier(till: Till) -> None:
    request = till.request()
    answer = await till.port.create_checkout(request, CALLING)
    (session,) = await till.sessions()
    assert answer == CheckoutCreated(attempt_id=request.attempt_id, session_id=session["id"], url=session["url"])
    assert (session["amount_total"], session["currency"], session["locale"]) == (135_000, "vnd", "vi")
    assert session["success_url"] == f"http://portal/ho-so/{CODE}?session={{CHECKOUT_SESSION_ID}}"
    assert session["expires_at"] == int(request.closes_at.timestamp())


async def test_the_same_request_again_is_the_same_page(till: Till) -> None:
    request = till.request()
    answers = [await till.port.create_checkout(request, CALLING) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(await till.sessions()) == 1


async def test_a_page_is_found_when_the_gateway_keeps_a_failure_under_its_key(till: Till) -> None:
    """The 500 would be repeated for a day, and the citizen could not pay for a day."""
    request = till.request()
    await till.gateway.arm("error_500_after_charge", match="/v1/checkout/sessions")
    with pytest.raises(Unanswered):
        await till.port.create_checkout(request, CALLING)
    answer = await till.port.create_checkout(request, CALLING)
    assert await till.gateway.fired("error_500_after_charge") == 1
    (session,) = await till.sessions()
    assert answer == CheckoutCreated(attempt_id=request.attempt_id, session_id=session["id"], url=session["url"])


async def test_a_failure_that_is_kept_and_made_no_page_is_a_refusal(till: Till) -> None:
    kept = {"Idempotent-Replayed": "true"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"data": [], "has_more": False})
        return httpx.Response(500, json={"error": {"type": "api_error"}}, headers=kept)

    request = till.request()
    answered = await port_to(httpx.MockTransport(answer)).create_checkout(request, CALLING)
    assert answered == CheckoutRefused(attempt_id=request.attempt_id, reason="not_made")


async def test_a_refusal_that_nobody_documented_decides_nothing_until_the_pages_time_is_over(till: Till) -> None:
    """Then nobody can pay on a page that may have been made, and the citizen is let go."""
    refused = {"error": {"type": "invalid_request_error", "code": "brand_new_code", "message": "x"}}

    def answer(request: httpx.Request) -> httpx.Response:
        listed = httpx.Response(200, json={"data": [], "has_more": False})
        return listed if request.method == "GET" else httpx.Response(400, json=refused)

    port, now = port_to(httpx.MockTransport(answer)), utc_now()
    with pytest.raises(UnknownCode, match="brand_new_code"):
        await port.create_checkout(till.request().model_copy(update={"closes_at": now + timedelta(minutes=1)}), CALLING)
    over = till.request().model_copy(update={"closes_at": now - timedelta(minutes=1)})
    answered = await port.create_checkout(over, CALLING)
    assert answered == CheckoutRefused(attempt_id=over.attempt_id, reason="not_made")


async def test_a_request_that_comes_too_late_is_refused_for_good(till: Till) -> None:
    """A page must be open for half an hour: what was never answered ends by itself."""
    request = till.request()
    till.gateway.pass_time(45 * 60)
    refused = CheckoutRefused(attempt_id=request.attempt_id, reason="invalid_request")
    assert await till.port.create_checkout(request, CALLING) == refused
    assert await till.sessions() == []


DECLINING = {card.number: card.decline for card in CARDS if card.decline and card.settles == "now"}


@pytest.mark.parametrize("number", DECLINING)
async def test_every_decline_has_our_word_and_leaves_the_page_open(till: Till, number: str) -> None:
    page = await till.page()
    answer = await till.pays(page, number)
    if answer.status_code == 303:
        await till.gateway.decide(answer, "authorise")
    decline = DECLINING[number]
    assert decline is not None
    truth = await till.truth(page)
    assert isinstance(truth, StillOpen)
    assert truth.decline == DECLINES[decline.decline_code or decline.code]
    assert (truth.decline_reference or "").startswith("ch_")


async def test_a_code_that_we_do_not_know_is_a_decline_all_the_same(till: Till) -> None:
    page = await till.page()
    await till.pays(page, "4012888888881881")
    truth = await till.truth(page)
    assert isinstance(truth, StillOpen)
    assert truth.decline == "declined"


async def test_each_failed_authentication_is_a_try_of_its_own(till: Till) -> None:
    """It comes to no charge: told under the charge of the try before, it would look as if it had been told."""
    page = await till.page()
    await till.pays(page, SHORT_OF_FUNDS)
    told = [await till.truth(page)]
    for _ in range(2):
        await till.gateway.decide(await till.pays(page, SECURE), "refuse")
        told.append(await till.truth(page))
    declines = [truth.decline for truth in told if isinstance(truth, StillOpen)]
    assert declines == ["insufficient_funds", "authentication_failed", "authentication_failed"]
    assert len({truth.decline_reference for truth in told if isinstance(truth, StillOpen)}) == 3


async def test_money_is_told_as_it_was_taken_and_when(till: Till) -> None:
    """The time is the charge's: the page, and its PaymentIntent after a declined card, are older."""
    page = await till.page()
    till.gateway.pass_time(300)
    await till.pays(page, SHORT_OF_FUNDS)
    till.gateway.pass_time(600)
    await till.pays(page, GOOD)
    till.gateway.pass_time(1200)
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    assert (truth.amount, truth.currency) == (135_000, "VND")
    assert truth.paid_at == datetime.fromtimestamp(NOON + 900, UTC)


@pytest.mark.parametrize(("fault", "found"), [("wrong_amount", (13_500, "VND")), ("wrong_currency", (135_000, "USD"))])
async def test_what_the_bank_took_counts_and_not_what_the_page_asked(
    till: Till, fault: str, found: tuple[int, str]
) -> None:
    page = await till.page()
    await till.gateway.arm(fault)
    await till.pays(page, GOOD)
    truth = await till.truth(page)
    assert await till.gateway.fired(fault) == 1
    assert isinstance(truth, Captured)
    assert (truth.amount, truth.currency) == found


async def test_a_paid_page_that_names_another_amount_is_not_believed(till: Till) -> None:
    """The page's own total is what was asked for; the PaymentIntent has what was received."""
    page = await till.page()
    await till.pays(page, GOOD)
    session = till.gateway.office.store.get("checkout.session", page.session_id)
    till.gateway.office.store.save(session | {"amount_total": 1})
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    assert truth.amount == 135_000


async def test_a_payment_of_nothing_is_no_answer(till: Till) -> None:
    page = await till.page()
    await till.pays(page, GOOD)
    session = till.gateway.office.store.get("checkout.session", page.session_id)
    intent = till.gateway.office.store.get("payment_intent", session["payment_intent"])
    till.gateway.office.store.save(intent | {"amount_received": 0})
    with pytest.raises(UnknownCode):
        await till.truth(page)


async def test_processing_is_neither_paid_nor_closed_until_the_bank_decides(till: Till) -> None:
    page = await till.page()
    await till.pays(page, SETTLES_LATER)
    assert await till.truth(page) == StillOpen(attempt_id=page.attempt_id)
    with pytest.raises(Unanswered):
        await till.close(page)
    till.gateway.pass_time(5)
    assert isinstance(await till.truth(page), Captured)


async def test_a_bank_that_says_no_later_closes_the_page(till: Till) -> None:
    """Nobody can pay on it any more: told as open, the citizen would never get another one."""
    page = await till.page()
    await till.pays(page, FAILS_LATER)
    till.gateway.pass_time(5)
    truth = await till.truth(page)
    assert isinstance(truth, SessionClosed)
    assert truth.decline == "declined"
    assert (await till.pays(page, GOOD)).status_code == 303
    assert await till.gateway.totals() == {}


async def test_closing_tells_the_truth_however_often_it_is_asked(till: Till) -> None:
    unpaid, paid = await till.page(), await till.page()
    await till.pays(paid, GOOD)
    for _ in range(2):
        assert await till.close(unpaid) == SessionClosed(attempt_id=unpaid.attempt_id)
        assert isinstance(await till.close(paid), Captured)
    assert (await till.pays(unpaid, GOOD)).status_code == 410
