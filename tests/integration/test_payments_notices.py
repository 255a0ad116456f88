"""A gateway that gives no statement: its pages are asked about, and what it tells of in notices only is never lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from services.payments.domain.gateway import Captured
from services.payments.domain.hearing import capture_of_reference
from tests.database import Server as Postgres
from tests.integration.payments_books import Asked, Books, open_books, ring_of


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, "stripe", "national") as opened:
        yield opened


def asked(books: Books) -> list[UUID]:
    """The pages that the last run asked about."""
    provider = books.providers["national"]
    assert isinstance(provider, Asked)
    return provider.asked


@pytest.mark.parametrize("days", [1, 4, 7, 34])
async def test_money_on_a_page_of_long_ago_is_found_though_its_notice_was_lost(books: Books, days: int) -> None:
    books.clock.ahead = -timedelta(days=days)
    bill = await books.filed()
    attempt_id = await books.page(bill, "national")
    books.clock.ahead = timedelta()
    books.line("national", bill.amount, attempt_id=attempt_id)
    assert (await books.reconciles("national"))["healed"] == {"capture_unheard": 1}
    assert (await books.bill(bill.key)).state == "paid"
    for day in (1, 2, 2.5):
        books.clock.ahead = timedelta(days=day)
        for asked_by in ("every ten minutes", "every night"):
            told = await books.reconciles("national", asked_by)
            assert (told["healed"], told["found"]) == ({}, {})


async def test_a_page_is_asked_about_once_its_money_is_told_of_only_every_night(books: Books) -> None:
    line = await books.pays(await books.filed(), "national")
    for asked_by, pages in (("ten minutes", 1), ("ten minutes", 0), ("night", 1)):
        await books.reconciles("national", f"every {asked_by}")
        assert asked(books) == [line.attempt_id] * pages


@pytest.mark.parametrize("days", [1, 7, 40])
async def test_money_on_a_page_of_long_ago_that_was_heard_of_is_not_missing(books: Books, days: int) -> None:
    books.clock.ahead = -timedelta(days=days)
    bill = await books.filed()
    attempt_id = await books.page(bill, "national")
    books.clock.ahead = timedelta()
    await books.says(bill.key, ring_of("national", books.line("national", bill.amount, attempt_id=attempt_id)))
    books.clock.ahead = timedelta(days=2)
    told = await books.reconciles("national")
    assert (told["lines"], told["found"], told["unexplained_dong"]) == (1, {}, 0)


async def test_pages_of_long_ago_are_asked_about_every_night_and_not_every_ten_minutes(books: Books) -> None:
    pages = {}
    for days in (36, 34, 4, 2):
        books.clock.ahead = -timedelta(days=days)
        pages[days] = await books.page(await books.filed(), "national")
    books.clock.ahead = timedelta()
    await books.reconciles("national", "every ten minutes")
    assert asked(books) == [pages[2]]
    await books.reconciles("national", "every night")
    assert asked(books) == [pages[34], pages[4], pages[2]]


async def test_money_that_was_paid_by_the_dossiers_code_is_on_no_statement_and_not_missing(books: Books) -> None:
    bill = await books.filed()
    money = Captured(
        attempt_id=None,
        capture_id=capture_of_reference("national", "GD1"),
        amount=bill.amount,
        currency="VND",
        reference="GD1",
        paid_at=books.clock(),
        gateway="national",
    )
    assert (await books.says(bill.key, money)).state == "paid"
    for days in (0, 2, 4):
        books.clock.ahead = timedelta(days=days)
        assert (await books.reconciles("national"))["found"] == {}
    assert await books.raised() == []


async def test_money_that_the_platform_denies_is_missing_until_it_tells_of_it(books: Books) -> None:
    """Also when the days that are looked at are over."""
    bill = await books.filed()
    line = await books.pays(bill, "national")
    books.providers["national"].lines.clear()
    for days in (2, 5, 9):
        books.clock.ahead = timedelta(days=days)
        told = await books.reconciles("national")
        assert (told["found"], told["unexplained_dong"]) == ({"missing_at_gateway": {"open": 1}}, bill.amount)
    assert await books.raised() == ["missing_at_gateway"]
    books.providers["national"].lines.append(line)
    assert (await books.reconciles("national"))["gone"] == 1


async def test_other_money_on_a_page_is_told_of_too(books: Books) -> None:
    bill = await books.filed()
    attempt_id = await books.page(bill, "national")
    line = books.line("national", 1_999, attempt_id=attempt_id, currency="USD")
    await books.says(bill.key, ring_of("national", line).model_copy(update={"heard_only": False}))
    told = await books.reconciles("national")
    assert (told["lines"], told["found"]) == (1, {})
