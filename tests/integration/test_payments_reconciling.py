"""Reconciliation over real books: each class found, healed, explained or raised, once, whatever happens in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments import store
from services.payments.domain.gateway import RefundDone
from services.payments.domain.messages import RequestRefund
from tests.database import Server as Postgres
from tests.integration.payments_books import Books, open_books, ring_of
from tests.integration.payments_counter import AMOUNT, RETURNED


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, "stripe", "vnpay", "vietqr") as opened:
        yield opened


async def test_what_agrees_is_no_difference(books: Books) -> None:
    await books.pays(await books.filed(), fee=3_000)
    told = await books.reconciles()
    assert (told["lines"], told["healed"], told["found"], told["unexplained_dong"]) == (1, {}, {}, 0)
    assert (await books.balances())["gateway:stripe"] == books.providers["stripe"].holds == AMOUNT - 3_000


@pytest.mark.parametrize("gateway", ["stripe", "vnpay", "vietqr"])
async def test_a_lost_notice_is_healed_once(books: Books, gateway: str) -> None:
    bill = await books.filed()
    await books.pays(bill, gateway, rings=False)
    assert (await books.reconciles(gateway))["healed"] == {"capture_unheard": 1}
    assert (await books.reconciles(gateway))["healed"] == {}
    paid = await books.bill(bill.key)
    assert (paid.state, len(paid.captures), paid.receipt_number is not None) == ("paid", 1, True)
    assert (await books.balances())[f"gateway:{gateway}"] == AMOUNT
    assert await books.differences() == []
    assert await books.raised() == []


async def test_a_notice_that_comes_after_the_healing_has_no_effect(books: Books) -> None:
    bill = await books.filed()
    line = await books.pays(bill, rings=False)
    await books.reconciles()
    again = await books.says(bill.key, ring_of("stripe", line))
    assert len(again.captures) == 1
    assert (await books.balances())["gateway:stripe"] == AMOUNT


async def test_a_strangers_payment_is_in_the_ledger_and_raised_once(books: Books) -> None:
    books.line("stripe", 70_000)
    for _ in range(2):
        told = await books.reconciles()
        assert (told["found"], told["unexplained_dong"]) == ({"unknown_payment": {"open": 1}}, 70_000)
    assert await books.balances() == {"gateway:stripe": 70_000, "suspense": -70_000}
    assert await books.raised() == ["unknown_payment"]


async def test_money_that_a_bill_takes_later_leaves_suspense(books: Books) -> None:
    bill = await books.filed()
    attempt_id = await books.page(bill)
    line = books.line("stripe", AMOUNT)
    await books.reconciles()
    await books.says(bill.key, ring_of("stripe", books.told("stripe", line, attempt_id=attempt_id)))
    told = await books.reconciles()
    assert (told["gone"], told["unexplained_dong"]) == (1, 0)
    assert (await books.balances()).get("suspense", 0) == 0
    assert (await books.balances())["gateway:stripe"] == AMOUNT


async def test_another_amount_on_the_statement_is_raised_and_stands_in_suspense(books: Books) -> None:
    line = await books.pays(await books.filed())
    books.told("stripe", line, amount=AMOUNT - 500)
    told = await books.reconciles()
    assert (told["found"], told["unexplained_dong"]) == ({"amount_differs": {"open": 1}}, 500)
    assert (await books.balances())["gateway:stripe"] == AMOUNT - 500
    books.told("stripe", books.providers["stripe"].lines[0], amount=AMOUNT)
    assert (await books.reconciles())["unexplained_dong"] == 0
    assert (await books.balances()).get("suspense", 0) == 0


async def test_a_page_that_took_another_amount_is_a_difference_until_it_is_settled(books: Books) -> None:
    bill = await books.filed()
    await books.pays(bill, rings=False, amount=AMOUNT - 1)
    assert (await books.reconciles())["healed"] == {"capture_unheard": 1}
    books.clock.ahead += timedelta(minutes=11)
    told = await books.reconciles("dossiers")
    assert (told["found"], told["unexplained_dong"]) == ({"not_as_asked": {"open": 1}}, AMOUNT - 1)
    assert await books.raised() == ["not_as_asked"]


async def test_the_same_payment_on_two_lines_is_raised(books: Books) -> None:
    line = await books.pays(await books.filed())
    books.line("stripe", AMOUNT, reference=line.reference, attempt_id=line.attempt_id)
    told = await books.reconciles()
    assert (told["found"], told["unexplained_dong"]) == ({"duplicate_line": {"open": 1}}, AMOUNT)


async def test_other_money_is_raised_and_in_no_ledger(books: Books) -> None:
    books.line("stripe", 1_999, currency="USD")
    told = await books.reconciles()
    assert (told["found"], told["unexplained"], told["unexplained_dong"]) == ({"foreign_currency": {"open": 1}}, 1, 0)
    assert await books.balances() == {}


async def test_money_that_only_we_have_heard_of_is_raised_after_a_day(books: Books) -> None:
    await books.pays(await books.filed())
    lines = list(books.providers["stripe"].lines)
    books.providers["stripe"].lines.clear()
    assert (await books.reconciles())["found"] == {}
    books.clock.ahead = timedelta(hours=25)
    told = await books.reconciles()
    assert (told["found"], told["unexplained_dong"]) == ({"missing_at_gateway": {"open": 1}}, AMOUNT)
    books.providers["stripe"].lines[:] = lines
    assert (await books.reconciles())["gone"] == 1


async def test_a_payout_is_explained(books: Books) -> None:
    await books.pays(await books.filed(), fee=2_000)
    books.line("stripe", 2_000 - AMOUNT, kind="other", note="payout")
    told = await books.reconciles()
    assert (told["found"], told["by_rule"]) == ({}, {"gateway fee": 2_000, "payout": AMOUNT - 2_000})
    balances = await books.balances()
    assert (balances.get("gateway:stripe", 0), balances["payout:stripe"]) == (0, AMOUNT - 2_000)


async def test_what_a_gateway_takes_for_no_known_reason_is_raised(books: Books) -> None:
    books.line("stripe", -900, kind="other", note="adjustment")
    told = await books.reconciles()
    assert (told["found"], told["unexplained_dong"]) == ({"unknown_movement": {"open": 1}}, 900)
    assert await books.balances() == {"gateway:stripe": -900, "suspense": 900}


async def test_a_refund_and_its_coming_back_are_healed(books: Books) -> None:
    bill = await books.filed()
    await books.pays(bill)
    refund_id = new_id()
    refund = RequestRefund(refund_id=refund_id, available=RETURNED, reason="test", by="officer")
    await books.says(bill.key, refund)
    line = books.line("stripe", RETURNED, kind="refund", refund_id=refund_id)
    assert (await books.reconciles())["healed"] == {"refund_unheard": 1}
    assert [each.state for each in (await books.bill(bill.key)).refunds] == ["done"]
    books.line("stripe", RETURNED, kind="refund_returned", refund_id=refund_id, reference=line.reference)
    assert (await books.reconciles())["healed"] == {"refund_returned_unheard": 1}
    assert [each.state for each in (await books.bill(bill.key)).refunds] == ["refused"]
    balances = await books.balances()
    assert (balances["gateway:stripe"], balances["refunds"]) == (AMOUNT, -RETURNED)
    assert await books.differences() == []


async def test_a_refund_and_its_coming_back_are_healed_in_one_run(books: Books) -> None:
    bill = await books.filed()
    await books.pays(bill)
    refund_id = new_id()
    await books.says(bill.key, RequestRefund(refund_id=refund_id, available=RETURNED, reason="test", by="officer"))
    line = books.line("stripe", RETURNED, kind="refund", refund_id=refund_id)
    books.line("stripe", RETURNED, kind="refund_returned", refund_id=refund_id, reference=line.reference)
    assert sum((await books.reconciles())["healed"].values()) == 2
    assert (await books.balances())["gateway:stripe"] == AMOUNT
    assert await books.differences() == []


async def test_a_strangers_refund_is_raised(books: Books) -> None:
    books.line("stripe", 5_000, kind="refund", refund_id=new_id())
    assert (await books.reconciles())["found"] == {"unknown_refund": {"open": 1}}
    assert await books.balances() == {"gateway:stripe": -5_000, "suspense": 5_000}


async def test_a_gateway_that_does_not_answer_is_asked_again(books: Books) -> None:
    await books.pays(await books.filed(), rings=False)
    for _ in range(8):
        books.line("stripe", 1_000)
    provider = books.providers["stripe"]
    provider.trouble, provider.fails_after = Unanswered("away"), 2
    with pytest.raises(AssertionError, match="away"):
        await books.reconciles()
    provider.trouble = None
    await books.pool.execute("update reconciliation_run set due_at = now()")
    assert await books.reconciler.work_off(books.pool, books.answering) == 1
    (told,) = await store.differences.runs(books.pool, None, 5)
    assert told["report"]["unexplained_dong"] == 8_000
    assert (await books.balances())["gateway:stripe"] == provider.holds


async def test_transfers_are_taken_in_as_soon_as_the_bank_has_written_them(books: Books) -> None:
    bills = [await books.filed() for _ in range(5)]
    for bill in bills:
        await books.pays(bill, "vietqr", rings=False)
    assert await books.reconciler.read_on(books.pool, books.answering) == 5
    assert {(await books.bill(bill.key)).state for bill in bills} == {"paid"}
    assert await books.reconciler.read_on(books.pool, books.answering) == 0


async def test_a_second_payment_of_one_bill_goes_back_by_itself(books: Books) -> None:
    bill = await books.filed()
    await books.pays(bill, "vietqr")
    await books.pays(bill, "vietqr", rings=False)
    assert (await books.reconciles("vietqr"))["healed"] == {"capture_unheard": 1}
    twice = await books.bill(bill.key)
    assert [(each.amount, each.unexpected) for each in twice.refunds] == [(AMOUNT, True)]


async def test_a_refund_that_is_done_settles_the_refund_once(books: Books) -> None:
    """A notice that comes while the statement heals it."""
    bill = await books.filed()
    await books.pays(bill)
    refund_id = new_id()
    await books.says(bill.key, RequestRefund(refund_id=refund_id, available=RETURNED, reason="test", by="officer"))
    line = books.line("stripe", RETURNED, kind="refund", refund_id=refund_id)
    await books.says(bill.key, RefundDone(refund_id=refund_id, reference=line.reference))
    assert (await books.reconciles())["healed"] == {}
    assert (await books.balances())["gateway:stripe"] == AMOUNT - RETURNED
