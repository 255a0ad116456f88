"""Paying through a real gateway: one page, one charge, one receipt, whatever fails on the way."""

from __future__ import annotations

import asyncio

import pytest

from contracts import dossiers
from tests.integration.payments_counter import AMOUNT, DECLINED, FEE, PAID, RETURNED, Counter, eventually
from tests.records import example

SETTLES_LATER, FAILS_LATER, SLOW_REFUND = "4000007040000009", "4000007040000017", "4000000000007726"


async def test_fees_are_paid_posted_and_receipted(counter: Counter) -> None:
    dossier = await counter.filed()
    assert await counter.pays(await counter.page(dossier)) == 303
    await counter.tells(dossier, "receipt-issued")
    bill = await counter.bill(dossier)
    assert await counter.names(dossier) == ["opened", "started", "succeeded", "receipt-issued"]
    assert await counter.balances(dossier) == PAID
    person = str(dossier.person)
    receipt = await counter.asked("GET", f"/payments/{bill['bill_id']}/receipt", "citizen", person_id=person)
    assert receipt.status_code == 200
    assert (receipt.json()["number"], receipt.json()["amount"]) == (await counter.receipt_number(dossier), AMOUNT)
    await counter.settled(dossier)


async def test_a_declined_card_is_told_and_the_same_page_takes_another(counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    assert await counter.pays(url, DECLINED) == 402
    assert (await counter.tells(dossier, "failed"))["reason"] == "insufficient_funds"
    assert await counter.pays(url) == 303
    await counter.comes_to(dossier, "paid")
    assert len(await counter.sessions(dossier)) == 1


async def test_tabs_that_open_at_once_get_one_page(counter: Counter) -> None:
    dossier = await counter.filed()
    pages = await asyncio.gather(*(counter.page(dossier) for _ in range(5)))
    assert len(set(pages)) == 1
    assert len(await counter.sessions(dossier)) == 1


async def test_a_page_that_the_gateway_refuses_is_told_to_the_citizen(counter: Counter) -> None:
    """More than the gateway takes at once: `try again in two seconds` would be an endless walk."""
    dossier = await counter.filed(lines=(FEE | {"amount": 10**12},))
    answer = await counter.begins(dossier)
    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_refuses")
    assert (await counter.bill(dossier))["state"] == "open"
    assert await counter.sessions(dossier) == []


@pytest.mark.parametrize("fault", ["timeout_after_charge", "error_500_after_charge"])
async def test_a_lost_answer_is_asked_for_again_and_makes_one_page(counter: Counter, fault: str) -> None:
    dossier = await counter.filed()
    await counter.arm(fault, delay_seconds=0.2, match="POST /v1/checkout/sessions")
    await counter.page(dossier)
    assert await counter.fired(fault) == 1
    assert len(await counter.sessions(dossier)) == 1
    attempt = (await counter.bill(dossier))["attempt"]["attempt_id"]
    requests = (await counter.at_gateway("/_control/requests"))["requests"]
    mine = [each for each in requests if each["idempotency_key"] == attempt]
    assert len(mine) == 2
    assert mine[1]["replayed"]


@pytest.mark.parametrize(("fault", "times"), [("storm_500", 3), ("rate_limited_429", 3), ("conflict_409", 3)])
async def test_trouble_at_the_gateway_delays_a_page_and_makes_no_second_one(
    counter: Counter, fault: str, times: int
) -> None:
    dossier = await counter.filed()
    await counter.arm(fault, times)
    async with counter.without_pauses():
        url = await counter.page(dossier)
    assert await counter.fired(fault) == times
    assert len(await counter.sessions(dossier)) == 1
    assert await counter.pays(url) == 303
    await counter.comes_to(dossier, "paid")


@pytest.mark.parametrize(
    ("fault", "found", "apart"), [("wrong_amount", (13_500, "VND"), 13_500), ("wrong_currency", (AMOUNT, "USD"), 0)]
)
async def test_other_money_than_the_bills_settles_nothing_and_calls_a_person(
    counter: Counter, fault: str, found: tuple[int, str], apart: int
) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm(fault)
    await counter.pays(url)
    await counter.comes_to(dossier, "discrepancy")
    assert await counter.fired(fault) == 1
    told = await counter.tells(dossier, "discrepancy-found")
    assert (told["expected"], told["found"], told["found_currency"]) == (AMOUNT, *found)
    assert await counter.balances(dossier) == ({"gateway:stripe": apart, "suspense": -apart} if apart else {})
    assert await counter.receipt_number(dossier) is None
    await counter.settled(dossier)
    assert await counter.names(dossier) == ["opened", "started", "discrepancy-found"]


async def test_a_payment_that_settles_later_is_taken_in_later(counter: Counter) -> None:
    dossier = await counter.filed()
    assert await counter.pays(await counter.page(dossier), SETTLES_LATER) == 303
    await counter.comes_to(dossier, "paid")
    assert await counter.balances(dossier) == PAID


async def test_a_payment_that_fails_later_leaves_the_bill_open_for_another(counter: Counter) -> None:
    dossier = await counter.filed()
    first = await counter.page(dossier)
    await counter.pays(first, FAILS_LATER)
    await counter.comes_to(dossier, "open")
    assert (await counter.names(dossier))[-1] == "failed"
    second = await counter.page(dossier)
    assert second != first
    assert await counter.pays(second) == 303
    await counter.comes_to(dossier, "paid")
    assert await counter.moved(dossier) == [("charge", AMOUNT)]


async def test_failed_is_not_final(counter: Counter) -> None:
    """The bank declines and takes the money all the same, with nobody at the page."""
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("failed_then_captured", delay_seconds=0.5)
    assert await counter.pays(url) == 402
    await counter.comes_to(dossier, "paid")
    assert await counter.fired("failed_then_captured") == 1
    assert await counter.balances(dossier) == PAID
    names = await counter.names(dossier)
    assert names.count("succeeded") == 1
    assert "expired" not in names


async def test_an_unpaid_bill_expires_only_after_its_page_is_closed(counter: Counter) -> None:
    dossier = await counter.filed(days=1)
    url = await counter.page(dossier)
    counter.passes(days=1, minutes=1)
    await counter.comes_to(dossier, "expired")
    (session,) = await counter.sessions(dossier)
    assert session["status"] == "expired"
    assert await counter.pays(url) == 410
    await counter.hears(example(dossiers.Stopped, step={"agency": "G09.20"}), dossier.code, 2)
    assert await counter.names(dossier) == ["opened", "started", "expired"]
    assert (await counter.begins(dossier)).status_code == 409
    assert await counter.moved(dossier) == []


async def test_a_payment_at_the_last_moment_wins_over_expiry(counter: Counter) -> None:
    """Nothing was heard of it when the last day ended: closing the page finds it."""
    dossier = await counter.filed(days=1)
    url = await counter.page(dossier)
    await counter.arm("webhook_lost", times=100)
    await counter.pays(url)
    counter.passes(days=1, minutes=1)
    await counter.comes_to(dossier, "paid")
    assert await counter.fired("webhook_lost") > 0
    assert await counter.balances(dossier) == PAID


async def test_an_answer_lost_while_closing_is_asked_for_again(counter: Counter) -> None:
    dossier = await counter.filed(days=1)
    await counter.page(dossier)
    await counter.arm("timeout_after_charge", delay_seconds=0.2, match="/expire")
    counter.passes(days=1, minutes=1)
    await counter.comes_to(dossier, "expired")
    assert await counter.fired("timeout_after_charge") == 1
    assert (await counter.names(dossier)).count("expired") == 1


async def test_a_bill_expires_though_its_page_was_never_answered_for(counter: Counter) -> None:
    """The creating call ends first: with a page, which is closed at once."""
    dossier = await counter.filed(days=1)
    await counter.arm("storm_500", times=6, match="POST /v1/checkout/sessions")
    person = {"person_id": str(dossier.person)}
    bill_id = (await counter.bill(dossier))["bill_id"]
    answering = asyncio.create_task(counter.asked("POST", f"/payments/{bill_id}/checkout", "citizen", **person))
    await counter.comes_to(dossier, "checkout_ready")
    counter.passes(days=1, minutes=1)
    await counter.comes_to(dossier, "expiring")
    assert await counter.sessions(dossier) == []
    async with counter.without_pauses():
        await counter.comes_to(dossier, "expired")
    await answering
    assert [session["status"] for session in await counter.sessions(dossier)] in ([], ["expired"])
    assert await counter.fired("storm_500") == 6


@pytest.mark.parametrize("card", ["4242424242424242", SLOW_REFUND])
async def test_a_refused_dossier_gets_back_what_may_be_returned(counter: Counter, card: str) -> None:
    """Once, though the answer is lost; and when the bank takes its time."""
    dossier = await counter.filed()
    await counter.pays(await counter.page(dossier), card)
    await counter.tells(dossier, "receipt-issued")
    await counter.arm("timeout_after_charge", delay_seconds=0.2, match="/v1/refunds")
    await counter.hears(example(dossiers.Refused, step={"agency": "G09.20"}), dossier.code, 2)
    await counter.refunds_come_to(dossier, "done")
    assert await counter.fired("timeout_after_charge") == 1
    assert await counter.moved(dossier) == [("charge", AMOUNT), ("refund", -RETURNED)]
    assert await counter.balances(dossier) == {"fee:3511.0.1054321": -115_000, "gateway:stripe": 115_000}
    assert (await counter.names(dossier))[-3:] == ["refund-started", "refunded", "receipt-issued"]
    first, second = (await counter.bill(dossier))["receipts"]
    assert (first["ended"], second["replaces"], second["amount"]) == ("replaced", first["number"], AMOUNT - RETURNED)


async def test_a_withdrawn_dossier_is_paid_back_whole_when_the_money_was_faster(counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("webhook_lost", times=100)
    await counter.pays(url)
    await counter.hears(example(dossiers.Refused, step={"agency": "G09.20"}), dossier.code, 2)
    await counter.comes_to(dossier, "cancelled")
    await counter.refunds_come_to(dossier, "done")
    assert await counter.moved(dossier) == [("charge", AMOUNT), ("refund", -AMOUNT)]
    assert await counter.balances(dossier) == {}


async def test_a_payment_that_never_settles_keeps_its_bill_from_expiring(counter: Counter) -> None:
    """Money may still come: neither the last day nor silence may say that it will not. (Last here: it asks for ever.)"""
    dossier = await counter.filed(days=1)
    url = await counter.page(dossier)
    await counter.arm("pending_forever")
    await counter.pays(url)
    assert await counter.fired("pending_forever") == 1
    counter.passes(days=1, minutes=1)
    await counter.comes_to(dossier, "expiring")

    async def asked_in_vain() -> bool:
        return any(call["kind"] == "CloseCheckout" and call["tries"] >= 2 for call in await counter.calls(dossier))

    await eventually(asked_in_vain)
    assert (await counter.bill(dossier))["state"] == "expiring"
    assert "expired" not in await counter.names(dossier)
