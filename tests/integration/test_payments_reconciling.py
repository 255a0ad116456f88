"""Reconciliation over real books: each class found, healed, explained or raised, once, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from chassis.errors import Refusal, Unanswered
from chassis.identifiers import new_id
from services.payments import store
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.bill import Bill
from services.payments.domain.messages import PayOut, RequestRefund, Settle
from services.payments.domain.refund import Refund
from services.payments.domain.tidings import UNREADABLE
from tests.alerts import by_label, firing
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


async def other_money_is_sent_back(books: Books) -> tuple[Bill, Refund]:
    """A page took other money than đồng, and an operator sends it back: nobody has answered about that yet."""
    bill = await books.filed()
    line = books.line("stripe", 1_999, attempt_id=await books.page(bill), currency="USD")
    await books.says(bill.key, ring_of("stripe", line).model_copy(update={"heard_only": False}))
    settled = await books.says(bill.key, Settle(action="return", reason="sai loại tiền", by="operator"))
    (refund,) = settled.refunds
    return settled, refund


async def test_other_money_that_has_gone_back_is_no_difference(books: Books) -> None:
    bill, refund = await other_money_is_sent_back(books)
    books.line("stripe", 1_999, "refund", currency="USD", refund_id=refund.refund_id, reference="re_usd")
    await books.says(bill.key, RefundDone(refund_id=refund.refund_id, reference="re_usd"))
    told = await books.reconciles()
    assert (told["healed"], told["found"], told["unexplained"]) == ({}, {}, 0)


async def test_a_lost_answer_about_other_money_is_healed_by_its_line_as_well_when_it_came_back(books: Books) -> None:
    bill, refund = await other_money_is_sent_back(books)
    books.line("stripe", 1_999, "refund", currency="USD", refund_id=refund.refund_id, reference="re_usd")
    told = await books.reconciles()
    assert (told["healed"], told["found"]) == ({"refund_unheard": 1}, {})
    assert (await books.bill(bill.key)).refunds[0].state == "done"
    books.line("stripe", 1_999, "refund_returned", currency="USD", refund_id=refund.refund_id, reference="re_usd")
    told = await books.reconciles()
    assert (told["healed"], told["found"]) == ({"refund_returned_unheard": 1}, {})
    assert (await books.bill(bill.key)).refunds[0].state == "refused"
    assert (await books.reconciles())["found"] == {}
    assert await books.balances() == {}


async def test_other_money_that_was_paid_out_by_hand_and_has_gone_as_well_is_raised_for_its_bill(books: Books) -> None:
    bill, refund = await other_money_is_sent_back(books)
    refused = RefundRefused(refund_id=refund.refund_id, reason="card_closed")
    paid_out = PayOut(refund_id=refund.refund_id, reference="PC-1", by="another")
    await books.says(bill.key, refused, paid_out)
    books.line("stripe", 1_999, "refund", currency="USD", refund_id=refund.refund_id, reference="re_usd")
    assert (await books.reconciles())["found"] == {"paid_back_twice": {"open": 1}}
    assert [(each.bill_id, each.currency) for each in await books.differences()] == [(bill.bill_id, "USD")]


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


async def test_money_that_only_we_have_heard_of_stays_a_difference_when_the_days_that_are_looked_at_are_over(
    books: Books,
) -> None:
    await books.pays(await books.filed())
    books.providers["stripe"].lines.clear()
    for days in (2, 5):
        books.clock.ahead = timedelta(days=days)
        assert (await books.reconciles())["found"] == {"missing_at_gateway": {"open": 1}}
    assert await books.raised() == ["missing_at_gateway"]


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
    # A line that could not be read is raised with the reason, moves nothing, and is gone once it can be.
    line = books.line("stripe", 0, kind="other", reference="line FT1", note=f"{UNREADABLE}it is on hold")
    told = await books.reconciles()
    assert (told["found"], told["unexplained_dong"]) == ({"unknown_movement": {"open": 2}}, 900)
    assert told["by_rule"]["unreadable"] == 1
    reasons = {each.reference: each.reason for each in await books.differences()}
    assert reasons["line FT1"] == "unreadable: it is on hold"
    bill = await books.filed()
    attempt_id = await books.page(bill)
    what = {"kind": "capture", "reference": "pi_1", "amount": bill.amount, "attempt_id": attempt_id, "note": ""}
    books.told("stripe", line, **what)
    told = await books.reconciles()
    assert (told["healed"], told["gone"]) == ({"capture_unheard": 1}, 1)
    assert (await books.bill(bill.key)).state == "paid"


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


async def refunding(books: Books, gateway: str) -> tuple[Bill, UUID]:
    """A paid bill, a part of which is on its way back."""
    bill = await books.filed()
    await books.pays(bill, gateway)
    await books.reconciles(gateway)
    refund_id = new_id()
    await books.says(bill.key, RequestRefund(refund_id=refund_id, available=RETURNED, reason="test", by="officer"))
    return bill, refund_id


async def test_a_return_that_was_given_back_before_our_answer_explains_itself(books: Books) -> None:
    bill, refund_id = await refunding(books, "vietqr")
    line = books.line("vietqr", RETURNED, "refund", refund_id=refund_id)
    books.line("vietqr", RETURNED, "refund_returned", refund_id=refund_id, reference=line.reference)
    await books.says(bill.key, RefundRefused(refund_id=refund_id, reason="returned"))
    told = await books.reconciles("vietqr")
    assert (told["healed"], told["found"], told["by_rule"]) == ({}, {}, {"given_back": 2})
    assert (await books.balances())["gateway:vietqr"] == books.providers["vietqr"].holds == AMOUNT
    assert await books.raised() == []


async def test_a_return_that_comes_back_with_another_amount_is_raised(books: Books) -> None:
    bill, refund_id = await refunding(books, "vietqr")
    line = books.line("vietqr", RETURNED, "refund", refund_id=refund_id)
    books.line("vietqr", RETURNED - 1, "refund_returned", refund_id=refund_id, reference=line.reference)
    await books.says(bill.key, RefundRefused(refund_id=refund_id, reason="returned"))
    told = await books.reconciles("vietqr")
    assert set(told["found"]) == {"refund_unheard", "refund_returned_unheard"}
    assert (await books.balances())["gateway:vietqr"] == books.providers["vietqr"].holds


async def test_a_refund_that_was_refused_and_went_all_the_same_is_done(books: Books) -> None:
    bill, refund_id = await refunding(books, "stripe")
    await books.says(bill.key, RefundRefused(refund_id=refund_id, reason="declined"))
    books.line("stripe", RETURNED, "refund", refund_id=refund_id)
    told = await books.reconciles()
    assert (told["healed"], told["found"]) == ({"refund_unheard": 1}, {})
    assert [each.state for each in (await books.bill(bill.key)).refunds] == ["done"]
    with pytest.raises(Refusal):
        await books.says(bill.key, PayOut(refund_id=refund_id, reference="PC1", by="cashier"))
    assert (await books.balances())["gateway:stripe"] == books.providers["stripe"].holds


async def test_a_refund_that_an_officer_paid_out_and_that_went_all_the_same_was_paid_back_twice(books: Books) -> None:
    bill, refund_id = await refunding(books, "stripe")
    refused = RefundRefused(refund_id=refund_id, reason="declined")
    await books.says(bill.key, refused, PayOut(refund_id=refund_id, reference="PC1", by="cashier"))
    line = books.line("stripe", RETURNED, "refund", refund_id=refund_id)
    for _ in range(2):
        told = await books.reconciles()
        assert (told["healed"], told["found"]) == ({}, {"paid_back_twice": {"open": 1}})
    assert await books.raised() == ["paid_back_twice"]
    assert (await books.balances())["suspense"] == RETURNED
    books.line("stripe", RETURNED, "refund_returned", refund_id=refund_id, reference=line.reference)
    assert (await books.reconciles())["found"] == {}
    assert (await books.balances())["gateway:stripe"] == books.providers["stripe"].holds


async def test_one_that_cannot_be_healed_is_raised_with_the_reason_and_stops_no_other(books: Books) -> None:
    """Its bill's row cannot be read."""
    bills = [await books.filed() for _ in range(5)]
    for bill in bills:
        await books.pays(bill, rings=False)
    broken = bills[2]
    write = "update bill set attempt = $2::jsonb where key = $1"
    attempt = await books.pool.fetchval("select attempt from bill where key = $1", broken.key)
    await books.pool.execute(write, broken.key, '{"broken": true}')
    told = await books.reconciles()
    assert (told["healed"], told["found"]) == ({"capture_unheard": 4}, {"capture_unheard": {"open": 1}})
    (difference,) = await books.differences()
    assert (difference.dossier_code, difference.reason) == (broken.key, "ValidationError in a decider")
    await books.pool.execute(write, broken.key, json.dumps(attempt))
    assert (await books.reconciles())["unexplained_dong"] == 0
    assert {(await books.bill(bill.key)).state for bill in bills} == {"paid"}


@pytest.mark.parametrize("much", [10**12 + 1, 10**13])
async def test_more_money_than_a_bill_can_take_is_raised_and_stops_no_other(books: Books, much: int) -> None:
    huge, bill = await books.filed(), await books.filed()
    books.line("vietqr", much, payment_code=huge.code)
    await books.pays(bill, "vietqr", rings=False)
    told = await books.reconciles("vietqr")
    assert (told["healed"], told["unexplained_dong"]) == ({"capture_unheard": 1}, much)
    (difference,) = await books.differences()
    assert (difference.kind, difference.reason) == ("capture_unheard", "more than 10^12 đồng")
    assert ((await books.bill(bill.key)).state, (await books.bill(huge.key)).state) == ("paid", "open")
    assert (await books.balances())["gateway:vietqr"] == books.providers["vietqr"].holds


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


async def test_a_side_that_was_never_reconciled_is_told_and_one_that_is_not_configured_is_not(books: Books) -> None:
    """By each process, of the sides that it has: from when it was first asked for, or, if it never was, from its own start."""
    provider = books.providers["vnpay"]
    provider.lines, provider.trouble = [books.line("vnpay", 1_000)], Unanswered("away")
    for name in ("stripe", "vnpay"):
        with suppress(AssertionError):
            await books.reconciles(name)
    ago = by_label(await books.shows(), "motcua_reconciled_seconds")
    assert ago.keys() == {"stripe", "vnpay", "vietqr", "dossiers"}
    assert all(0 < seconds < 60 for seconds in ago.values()), ago
    assert firing(await books.shows()) == {}
    await books.pool.execute("update reconciliation_run set asked_at = asked_at - interval '2 hours'")
    assert by_label(await books.shows(), "motcua_reconciled_seconds")["vnpay"] >= 7_200
    assert firing(await books.shows()) == {"NotReconciled": {"vnpay"}}
    assert firing(await books.shows("stripe", "dossiers")) == {}
    await books.pool.execute("update reconciliation_run set finished_at = finished_at - interval '2 hours'")
    assert firing(await books.shows()) == {"NotReconciled": {"stripe", "vnpay"}}
    await books.reconciles()
    assert firing(await books.shows()) == {"NotReconciled": {"vnpay"}}


async def test_runs_are_forgotten_after_five_weeks_but_for_those_of_whole_days(books: Books) -> None:
    now = books.clock()
    recent, waiting, failed, day = (
        books.reconciler.runs(["stripe"], "test", at)[0] for at in (None, None, now.date(), now.date())
    )
    await store.differences.ask(books.pool, [recent, waiting, failed, day])
    for run in (recent, day):
        await store.differences.finished(books.pool, run.run_id, {})
    await store.differences.again(books.pool, failed.run_id, "away", 0, 0)
    every = {run.run_id for run in (recent, waiting, failed, day)}
    for days, left in ((34, every), (2, {waiting.run_id, day.run_id})):
        past = (
            "update reconciliation_run set asked_at = asked_at - $1::interval, finished_at = finished_at - $1::interval"
        )
        await books.pool.execute(past, timedelta(days=days))
        await store.differences.prune(books.pool)
        assert {run["run_id"] for run in await store.differences.runs(books.pool, None, 50)} == left


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
