"""Webhooks: a reason to ask and nothing more, whoever sends them, however often, in whatever order, or never."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from chassis.identifiers import new_id
from contracts import dossiers
from services.payments.domain.checkout import SILENCE
from tests.database import Server as Postgres
from tests.integration.payments_counter import AGENCY, AMOUNT, PAID, SECRET, Counter, Dossier, eventually, open_counter
from tests.records import example


@pytest.fixture(scope="module")
async def shared(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(postgres_server, tmp_path_factory.mktemp("gateway")) as counter:
        yield counter


@pytest.fixture
async def counter(shared: Counter) -> AsyncIterator[Counter]:
    yield shared
    await shared.all_is_well()


async def rings(counter: Counter, body: bytes, secret: str = SECRET, age: int = 0) -> tuple[int, dict[str, Any]]:
    """A webhook with this body; what it is answered."""
    at = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={digest}"}
    answer = await counter.http.post("/webhooks/stripe", content=body, headers=headers)
    return answer.status_code, answer.json()


def told(code: str | None, kind: str = "checkout.session.completed", **thing: Any) -> bytes:
    what: Mapping[str, Any] = {"object": "checkout.session", "id": "cs_1", "metadata": {"dossier_code": code}}
    return json.dumps({"type": kind, "data": {"object": {**what, **thing}}}).encode()


async def in_checkout(counter: Counter) -> tuple[Dossier, str]:
    dossier = await counter.filed()
    return dossier, await counter.page(dossier)


async def ends_paid_once(counter: Counter, dossier: Dossier) -> None:
    await counter.tells(dossier, "receipt-issued")
    await counter.settled(dossier)
    assert await counter.names(dossier) == ["opened", "started", "succeeded", "receipt-issued"]
    assert await counter.balances(dossier) == PAID
    assert await counter.moved(dossier) == [("charge", AMOUNT)]


@pytest.mark.parametrize(
    ("fault", "oddity", "state"),
    [
        ("webhook_duplicated", "duplicate", "delivered"),
        ("webhook_forged", "forged", "refused"),
        ("webhook_stale", "stale", "refused"),
        ("webhook_unsigned", "unsigned", "refused"),
        ("unknown_event", "unknown_event", "delivered"),
    ],
)
async def test_odd_copies_of_webhooks_change_nothing(counter: Counter, fault: str, oddity: str, state: str) -> None:
    dossier, url = await in_checkout(counter)
    await counter.arm(fault, times=3)
    await counter.pays(url)
    await ends_paid_once(counter, dossier)
    copies = await counter.oddities(oddity)
    assert await counter.fired(fault) == len(copies) == 3
    assert {copy["state"] for copy in copies} == {state}


async def test_a_forged_webhook_alone_does_not_even_make_us_ask(counter: Counter) -> None:
    """The true ones are lost: only silence leads to the money, and to the true amount of it."""
    dossier, url = await in_checkout(counter)
    await counter.arm("webhook_lost", times=100)
    await counter.arm("webhook_forged", times=100)
    await counter.pays(url)
    forged = await counter.oddities("forged")
    assert {copy["last_status"] for copy in forged[-5:]} == {400}
    assert await counter.fired("webhook_lost") > 0
    assert (await counter.bill(dossier))["state"] == "in_checkout"
    assert await counter.calls(dossier) == []
    counter.passes(seconds=SILENCE.total_seconds() + 1)
    await ends_paid_once(counter, dossier)


async def test_when_all_webhooks_are_lost_silence_is_asked_about(counter: Counter) -> None:
    """Declined, asked about, paid, asked about: the janitor alone carries it."""
    dossier, url = await in_checkout(counter)
    await counter.arm("webhook_lost", times=1000)
    assert await counter.pays(url, "4000000000009995") == 402
    counter.passes(seconds=SILENCE.total_seconds() + 1)
    await counter.tells(dossier, "failed")
    assert await counter.pays(url) == 303
    counter.passes(seconds=SILENCE.total_seconds() + 1)
    await counter.comes_to(dossier, "paid")
    assert await counter.fired("webhook_lost") > 0


async def test_the_citizens_return_finds_what_no_webhook_told(counter: Counter) -> None:
    dossier, url = await in_checkout(counter)
    await counter.arm("webhook_lost", times=1000)
    await counter.pays(url)
    path = f"/payments/{(await counter.bill(dossier))['bill_id']}/refresh"
    answer = await counter.asked("POST", path, "citizen", person_id=str(dossier.person))
    assert (answer.status_code, answer.json()["state"]) == (200, "paid")


async def test_webhooks_that_overtake_the_pages_answer_or_each_other_end_the_same(counter: Counter) -> None:
    dossier, url = await in_checkout(counter)
    await counter.arm("webhook_before_response", match="/c/pay")
    await counter.arm("webhook_reordered", times=3)
    await counter.pays(url)
    await ends_paid_once(counter, dossier)
    assert await counter.fired("webhook_before_response") == 1
    assert await counter.fired("webhook_reordered") > 0


async def test_money_on_a_page_long_closed_is_heard_of_and_returned(counter: Counter) -> None:
    """A webhook names the page; what the gateway says of that page counts, for a bill that is void and a page that is gone."""
    dossier, url = await in_checkout(counter)
    (session,) = await counter.sessions(dossier)
    await counter.arm("webhook_lost", times=1000)
    await counter.pays(url)
    # As if the gateway had called the page closed, and captured after all.
    await counter.pool.execute(
        "update bill set state = 'cancelled', attempt = null, version = version + 1 where dossier_code = $1",
        dossier.code,
    )
    assert (await rings(counter, told(dossier.code)))[0] == 200
    assert (await counter.bill(dossier))["state"] == "cancelled"
    status, _ = await rings(counter, told(dossier.code, id=session["id"], metadata=session["metadata"]))
    assert status == 200
    await counter.comes_to(dossier, "refunded")
    assert await counter.moved(dossier) == [("charge", AMOUNT), ("refund", -AMOUNT)]
    assert await counter.balances(dossier) == {}


async def test_a_refund_that_the_bank_sends_back_is_heard_of(counter: Counter) -> None:
    dossier, url = await in_checkout(counter)
    await counter.pays(url, "4000000000005126")
    await counter.tells(dossier, "receipt-issued")
    await counter.hears(example(dossiers.Refused, step={"agency": AGENCY}), dossier.code, 2)
    await counter.comes_to(dossier, "refund_failed")
    assert (await counter.names(dossier))[-3:] == ["refund-started", "refunded", "refund-failed"]
    assert await counter.balances(dossier) == PAID
    assert sum(amount for _, amount in await counter.moved(dossier)) == AMOUNT


async def test_a_webhook_about_nothing_of_ours_is_taken_and_forgotten(counter: Counter) -> None:
    dossier = await counter.filed()
    for body in (
        told("G09.20-20260609-9999999"),
        told(None),
        told("a\0b"),
        told("../.."),
        told(None, client_reference_id="G09.20-20260609-9999999"),
        told("G09.20-20260609-9999999", kind="payment_intent.succeeded"),
        told(None, kind="sandbox.unheard_of"),
        told(dossier.code, metadata={"dossier_code": dossier.code, "bill_id": str(new_id())}),
    ):
        assert await rings(counter, body) == (200, {"received": True})
    assert not await counter.calls(dossier)


async def test_a_webhook_that_is_not_signed_by_our_gateway_now_is_refused(counter: Counter) -> None:
    dossier, _ = await in_checkout(counter)
    for secret, age in (("whsec_stolen", 0), (SECRET, 3600), (SECRET, -3600)):
        status, problem = await rings(counter, told(dossier.code), secret, age)
        assert (status, problem["code"]) == (400, "bad_signature")
    answer = await counter.http.post("/webhooks/stripe", content=told(dossier.code))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert await counter.calls(dossier) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"event"',
        b"{}",
        b'{"type": ["a"], "data": {"object": {}}}',
        b'{"type": "checkout.session.completed", "data": null}',
        b'{"type": "checkout.session.completed", "data": {"object": []}}',
        b'{"type": "checkout.session.completed", "data": {"object": {"metadata": "none"}}}',
        b'{"type": "checkout.session.completed", "data": {"object": {"metadata": {"dossier_code": 7}}}}',
        b'{"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"dossier_code": "a", "attempt_id": "b"}}}}',
    ],
)
async def test_a_signed_body_that_is_no_event_is_a_bad_request(counter: Counter, body: bytes) -> None:
    status, problem = await rings(counter, body)
    assert (status, problem["code"]) == (400, "bad_event")


async def test_a_silent_gateway_gathers_one_question_for_a_page(counter: Counter) -> None:
    """Asked anew at each silence, a day without the gateway would leave thousands for its return."""
    dossier, _ = await in_checkout(counter)
    await counter.arm("storm_500", times=100_000, match="GET /v1/checkout/sessions")
    for _ in range(3):
        before = await counter.pool.fetchval("select version from bill where dossier_code = $1", dossier.code)
        counter.passes(seconds=SILENCE.total_seconds() + 1)

        async def asked_again(before: int = before) -> bool:
            return bool((await counter.bill(dossier))["version"] > before)

        await eventually(asked_again)
    assert [call["kind"] for call in await counter.calls(dossier)] == ["AskCheckout"]
    await counter.all_is_well()
    await counter.settled(dossier)
    await counter.hears(example(dossiers.Stopped, step={"agency": AGENCY}), dossier.code, 2)
    await counter.comes_to(dossier, "cancelled")
