"""Bills held against what their dossiers say, and against themselves: each disagreement found, raised once, and gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.consumer import Consumer
from chassis.identifiers import new_id
from contracts import dossiers
from contracts.event import Data
from services.payments import store
from services.payments.domain.answers import RefundRefused, SessionClosed
from services.payments.domain.bill import Bill
from services.payments.domain.messages import AbandonPage, BillExpiry, CancelCheckout, RequestRefund
from tests.alerts import by_label, firing
from tests.database import Server as Postgres
from tests.integration.payments_books import Books, open_books
from tests.integration.payments_counter import AGENCY, AMOUNT, FEE, RETURNED
from tests.records import example


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, "stripe") as opened:
        yield opened


def of_dossiers(kind: type[Data], status: int, **more: Any) -> Data:
    return example(kind, step={"agency": AGENCY, "status": status}, **more)


async def only(books: Books, name: str, data: Data, code: str, sequence: int) -> None:
    """An event that only one consumer gets: the other one's record is parked, or still under way."""
    every: list[Consumer] = books.consumers
    books.consumers = [each for each in every if each.consumes.name == name]
    await books.hears(data, code, sequence)
    books.consumers = every


async def agrees(books: Books) -> dict[str, Any]:
    """The report, once ten minutes have passed."""
    books.clock.ahead += timedelta(minutes=11)
    return await books.reconciles("dossiers")


async def paid(books: Books) -> Bill:
    bill = await books.filed()
    await books.pays(bill)
    return bill


async def test_bills_and_dossiers_that_agree_are_no_difference(books: Books) -> None:
    bill = await paid(books)
    await books.hears(of_dossiers(dossiers.FeesRequested, 6, amount=AMOUNT, fee_lines=[]), bill.dossier_code, 2)
    await books.hears(of_dossiers(dossiers.FeesSettled, 1), bill.dossier_code, 3)
    await books.hears(of_dossiers(dossiers.Accepted, 2), bill.dossier_code, 4)
    assert (await agrees(books))["found"] == {}
    assert await store.facts.reached_of(books.pool, bill.dossier_code) == "acceptance"


async def test_fees_without_a_bill_are_raised_until_there_is_one(books: Books) -> None:
    bill = await paid(books)
    later = of_dossiers(
        dossiers.FeesRequested,
        6,
        amount=115_000,
        fee_lines=[FEE],
        person_id=bill.person_id,
        payment_due=books.clock() + timedelta(days=30),
    )
    await only(books, "payments.dossiers", later, bill.dossier_code, 2)
    told = await agrees(books)
    assert (told["found"], told["unexplained_dong"]) == ({"bill_missing": {"open": 1}}, 115_000)
    assert await books.raised() == ["bill_missing"]
    await only(books, "payments.bills", later, bill.dossier_code, 2)
    assert (await agrees(books))["gone"] == 1


async def test_a_dossier_that_waits_for_paid_fees_is_raised(books: Books) -> None:
    bill = await paid(books)
    waiting = of_dossiers(dossiers.FeesRequested, 6, amount=AMOUNT, fee_lines=[])
    await books.hears(waiting, bill.dossier_code, 2)
    told = await agrees(books)
    assert (told["found"], told["unexplained_dong"]) == ({"paid_but_waiting": {"open": 1}}, AMOUNT)
    await books.hears(of_dossiers(dossiers.FeesSettled, 1), bill.dossier_code, 3)
    assert (await agrees(books))["gone"] == 1


def asks(books: Books, bill: Bill, request_id: UUID) -> Data:
    more = {"person_id": bill.person_id, "payment_due": books.clock() + timedelta(days=30), "request_id": request_id}
    return of_dossiers(dossiers.FeesRequested, 6, amount=115_000, fee_lines=[FEE], **more)


@pytest.mark.parametrize("first", ["payments.bills", "payments.dossiers"])
async def test_a_request_that_was_taken_back_is_no_difference_whoever_of_us_hears_it_first(
    books: Books, first: str
) -> None:
    """Open or paid by then; and of the right one after it the same is found as ever."""
    for is_paid in (False, True):
        bill, wrong, right = await paid(books), new_id(), new_id()
        code = bill.dossier_code
        await books.hears(asks(books, bill, wrong), code, 2)
        if is_paid:
            await books.pays(await books.bill(f"{code}/2"))
        back = of_dossiers(dossiers.FeesWithdrawn, 4, request_id=wrong, amount=115_000)
        await only(books, first, back, code, 3)
        assert (await agrees(books))["found"] == {}
        for name in {"payments.bills", "payments.dossiers"} - {first}:
            await only(books, name, back, code, 3)
        assert (await agrees(books))["found"] == {}
        await only(books, "payments.dossiers", asks(books, bill, right), code, 4)
        missing = await agrees(books)
        assert (missing["found"], missing["unexplained_dong"]) == ({"bill_missing": {"open": 1}}, 115_000)
        await only(books, "payments.bills", asks(books, bill, right), code, 4)
        assert (await agrees(books))["gone"] == 1
        await books.pays(await books.bill(f"{code}/4"))
        waits = await agrees(books)
        assert (waits["found"], waits["unexplained_dong"]) == ({"paid_but_waiting": {"open": 1}}, AMOUNT + 115_000)
        await books.hears(of_dossiers(dossiers.FeesSettled, 4), code, 5)
        assert (await agrees(books))["gone"] == 1


async def test_fees_that_are_kept_after_the_end_are_raised(books: Books) -> None:
    bill = await paid(books)
    refused = of_dossiers(dossiers.Refused, 3)
    await only(books, "payments.dossiers", refused, bill.dossier_code, 2)
    told = await agrees(books)
    assert (told["found"], told["unexplained_dong"]) == ({"ended_but_kept": {"open": 1}}, RETURNED)
    await only(books, "payments.bills", refused, bill.dossier_code, 2)
    assert (await agrees(books))["gone"] == 1


async def test_a_bill_that_stays_open_after_the_end_is_raised(books: Books) -> None:
    bill = await books.filed()
    await only(books, "payments.dossiers", of_dossiers(dossiers.Refused, 3), bill.dossier_code, 2)
    assert (await agrees(books))["found"] == {"ended_but_open": {"open": 1}}


@pytest.mark.parametrize("state", ["withdrawing", "expiring", "closing"])
async def test_a_page_that_its_gateway_does_not_close_is_raised_an_hour_after_it_should_have_closed(
    books: Books, state: str
) -> None:
    bill = await books.filed()
    await books.page(bill, "vnpay")
    if state == "withdrawing":
        withdrawn = of_dossiers(dossiers.Stopped, 8, cause="withdrawn", accepted=False)
        await books.hears(withdrawn, bill.dossier_code, 2)
    else:
        await books.says(bill.key, BillExpiry() if state == "expiring" else CancelCheckout())
    # The worker of calls goes by the database's clock.
    await books.pool.execute("update call set created_at = now() - interval '2 hours'")
    assert (await agrees(books))["found"] == {}
    books.clock.ahead = timedelta(minutes=90)
    for _ in range(2):
        told = await agrees(books)
        assert (told["found"], told["unexplained_dong"]) == ({"page_stuck": {"open": 1}}, AMOUNT)
    (difference,) = await books.differences()
    assert (difference.dossier_code, difference.reason) == (bill.dossier_code, f"{state}: vnpay")
    assert await books.raised() == ["page_stuck"]
    books.clock.ahead += timedelta(days=4)
    assert (await agrees(books))["found"] == {"page_stuck": {"open": 1}}
    attempt = (await books.bill(bill.key)).attempt
    assert attempt is not None
    closed = SessionClosed(attempt_id=attempt.attempt_id)
    await books.says(bill.key, closed if state == "closing" else AbandonPage(by="operator"))
    assert (await agrees(books))["gone"] == 1


async def test_a_bill_that_can_be_paid_a_day_after_its_last_day_is_raised(books: Books) -> None:
    """Its timer was not worked off, for whatever reason."""
    bill = await books.filed()
    books.clock.ahead = timedelta(days=30, hours=23)
    assert (await agrees(books))["found"] == {}
    books.clock.ahead = timedelta(days=31, hours=1)
    assert (await agrees(books))["found"] == {"page_stuck": {"open": 1}}
    await books.says(bill.key, BillExpiry())
    assert (await agrees(books))["gone"] == 1


async def test_a_paid_bill_without_a_receipt_is_raised(books: Books) -> None:
    bill = await paid(books)
    await books.pool.execute("update bill set receipts = '[]' where key = $1", bill.key)
    told = await agrees(books)
    assert (told["found"], told["unexplained_dong"]) == ({"paid_without_receipt": {"open": 1}}, AMOUNT)


async def refunded(books: Books) -> tuple[Bill, RequestRefund]:
    bill = await paid(books)
    order = RequestRefund(refund_id=new_id(), available=RETURNED, reason="test", by="officer")
    return await books.says(bill.key, order), order


async def test_a_refund_that_no_gateway_answers_is_raised_after_a_day(books: Books) -> None:
    books.clock.ahead = -timedelta(days=1, minutes=30)  # what is shown goes by the database's clock
    await refunded(books)
    assert (await agrees(books))["found"] == {}
    books.clock.ahead += timedelta(days=1)
    told = await agrees(books)
    assert (told["found"], told["unexplained_dong"]) == ({"refund_stuck": {"open": 1}}, RETURNED)
    await shows_waiting(books, "ready", timedelta(days=1, minutes=30), "RefundStuck")


async def test_a_refund_that_waits_for_an_officers_hand_is_told_and_raised_after_five_days(books: Books) -> None:
    books.clock.ahead = -timedelta(days=5, minutes=30)
    bill, order = await refunded(books)
    await books.says(bill.key, RefundRefused(refund_id=order.refund_id, reason="no"))
    told = await agrees(books)
    assert (told["found"], told["by_rule"]) == ({}, {"by_hand_waiting": 1})
    books.clock.ahead += timedelta(days=5)
    assert (await agrees(books))["found"] == {"by_hand_waiting": {"open": 1}}
    await shows_waiting(books, "refused", timedelta(days=5, minutes=30), "RefundsWaitForOfficers", "refused")


async def shows_waiting(books: Books, state: str, age: timedelta, alert: str, of: str = "") -> None:
    """One refund, in this state and of this age; its alert fires, and that of the difference which was raised."""
    text = await books.shows()
    none = dict.fromkeys(("ready", "by_hand", "refused"), 0)
    assert by_label(text, "motcua_refunds_waiting") == none | {state: 1}
    oldest = by_label(text, "motcua_oldest_refund_seconds")
    assert oldest == none | {state: pytest.approx(age.total_seconds(), abs=120)}
    assert by_label(text, "motcua_unexplained_differences") == {"stripe": 0, "dossiers": 1}
    assert firing(text) == {"UnexplainedMoney": {"dossiers"}, alert: {of}}


async def test_older_events_of_a_dossier_change_nothing(books: Books) -> None:
    bill = await books.filed()
    await books.hears(of_dossiers(dossiers.Completed, 9), bill.dossier_code, 3)
    await books.hears(of_dossiers(dossiers.Accepted, 2), bill.dossier_code, 2)
    assert await store.facts.reached_of(books.pool, bill.dossier_code) == "result"
    assert await store.facts.reached_of(books.pool, "G09.20-unknown") is None
