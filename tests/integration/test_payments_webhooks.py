"""Webhooks: believed where they say what a bill expects, else a reason to ask; however often, in whatever order, or never."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import dossiers
from services.payments.domain.checkout import SILENCE
from tests.integration.payments_counter import (
    AGENCY,
    AMOUNT,
    PAID,
    RETURNED,
    Counter,
    Dossier,
    eventually,
)
from tests.integration.payments_rings import event, heard, ring_comes_to
from tests.records import example


def told(code: str | None, **thing: Any) -> bytes:
    """A page's event, as the gateway writes it."""
    page = {
        "object": "checkout.session", "id": "cs_1", "url": None, "status": "complete", "payment_status": "unpaid",
        "amount_total": AMOUNT, "currency": "vnd", "payment_intent": None,
        "metadata": {"dossier_code": code} if code is not None else {},
    }  # fmt: skip
    return event("checkout.session.completed", **page | thing)


async def becomes(counter: Counter, body: bytes, outcome: str) -> None:
    """A true webhook with this body is answered well, and then worked off with this outcome."""
    await heard(counter.http, body)
    await ring_comes_to(counter.pool, body, outcome)


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
    last = await counter.last_webhook()
    await counter.arm(fault, times=3)
    await counter.pays(url)
    await ends_paid_once(counter, dossier)
    copies = await counter.oddities(oddity, last)
    assert await counter.fired(fault) == len(copies) == 3
    assert {copy["state"] for copy in copies} == {state}


async def test_a_forged_webhook_alone_does_not_even_make_us_ask(counter: Counter) -> None:
    """The true ones are lost: only silence leads to the money, and to the true amount of it."""
    dossier, url = await in_checkout(counter)
    last = await counter.last_webhook()
    await counter.arm("webhook_lost", times=100)
    await counter.arm("webhook_forged", times=100)
    await counter.pays(url)
    forged = await counter.oddities("forged", last)
    assert {copy["last_status"] for copy in forged} == {400}
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
    await becomes(counter, told(dossier.code), "done")
    assert (await counter.bill(dossier))["state"] == "cancelled"
    await becomes(counter, told(dossier.code, id=session["id"], metadata=session["metadata"]), "done")
    await counter.refunds_come_to(dossier, "done")
    assert await counter.moved(dossier) == [("charge", AMOUNT), ("refund", -AMOUNT)]
    assert await counter.balances(dossier) == {}


async def test_a_refund_that_the_bank_sends_back_is_heard_of(counter: Counter) -> None:
    dossier, url = await in_checkout(counter)
    await counter.pays(url, "4000000000005126")
    await counter.tells(dossier, "receipt-issued")
    await counter.hears(example(dossiers.Refused, step={"agency": AGENCY}), dossier.code, 2)
    await counter.refunds_come_to(dossier, "refused")
    assert "refund-failed" in await counter.names(dossier)
    assert await counter.balances(dossier) == PAID | {"fee:3511.0.1054321": RETURNED - AMOUNT, "refunds": -RETURNED}
    assert sum(amount for _, amount in await counter.moved(dossier)) == AMOUNT


async def test_a_payment_that_nobody_asked_for_moves_no_bill(counter: Counter) -> None:
    dossier, url = await in_checkout(counter)
    await counter.arm("unknown_payment")
    await counter.pays(url)
    await ends_paid_once(counter, dossier)
    assert await counter.fired("unknown_payment") == 1


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
async def test_what_is_not_what_the_page_asked_for_is_asked_about_and_left_to_a_person(
    counter: Counter, fault: str
) -> None:
    dossier, url = await in_checkout(counter)
    await counter.arm(fault)
    await counter.pays(url)
    bill = await counter.comes_to(dossier, "discrepancy")
    assert await counter.fired(fault) == 1
    assert [each["use"] for each in bill["captures"]] == ["apart"]
    assert "succeeded" not in await counter.names(dossier)
    assert sum((await counter.balances(dossier)).values()) == 0


async def test_a_signed_webhook_that_says_another_amount_is_not_believed(counter: Counter) -> None:
    """The gateway, asked, tells the true amount."""
    dossier, url = await in_checkout(counter)
    (session,) = await counter.sessions(dossier)
    await counter.arm("webhook_lost", times=1000)
    await counter.pays(url)
    paid = {"payment_status": "paid", "payment_intent": "pi_false", "amount_total": AMOUNT // 10}
    body = told(dossier.code, id=session["id"], metadata=session["metadata"], **paid)
    await becomes(counter, body, "done")
    await ends_paid_once(counter, dossier)
    (capture,) = (await counter.bill(dossier))["captures"]
    assert (capture["amount"], capture["reference"] == "pi_false") == (AMOUNT, False)


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
