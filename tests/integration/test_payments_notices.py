"""A gateway that gives no statement: its pages are asked about, and what it tells of in notices only is never lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from chassis.clock import utc_now
from chassis.identifiers import new_id
from services.payments.adapters.national import National
from services.payments.domain.answers import Captured
from services.payments.domain.hearing import capture_of_reference
from services.payments.ring_metrics import RingMetrics
from services.payments.store import rings
from services.payments.working_off import WorkingOff
from tests.database import Server as Postgres
from tests.integration.gateways.national_merchant import PARTNER, adapter, signed
from tests.integration.payments_books import Asked, Books, open_books, ring_of


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, "stripe", "national") as opened:
        yield opened


@dataclass
class Platform:
    """Its notices, heard and worked off."""

    books: Books
    working_off: WorkingOff
    gateway: National

    async def rings(self, *notices: tuple[str, str, int]) -> list[str | None]:
        """CONFIRMs of (reference, the platform's own number, amount) come at once: what became of each."""
        heard = [rings.Heard("national", self.gateway.hear(confirm(*each), {}, utc_now()), None) for each in notices]
        await rings.keep(self.books.pool, heard)
        await self.works()
        found = await self.books.pool.fetch("select event_id, outcome from ring")
        outcomes = {row["event_id"]: row["outcome"] for row in found}
        return [outcomes[each.ring.event_id] for each in heard]

    async def works(self) -> None:
        while await self.working_off.work_off(self.books.pool, self.books.answering):
            pass


def confirm(reference: str, number: str, amount: int) -> bytes:
    stamp = f"{utc_now() + timedelta(hours=7):%Y%m%d%H%M%S}"
    told = {
        "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": PARTNER, "MaThamChieu": reference, "SoTien": amount,
        "MaTienTe": "VND", "MaGiaoDich": number, "ThoiGianGD": stamp, "MaNganHang": "VCB", "ThongTinGiaoDich": "Lệ phí",
    }  # fmt: skip
    return signed(told)


@pytest.fixture
async def platform(books: Books) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient() as http:
        gateway = adapter(http)
        yield Platform(books, WorkingOff({"national": gateway}, RingMetrics()), gateway)


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


async def stays(books: Books, unexplained: int) -> None:
    """Every đồng that was told of is in the ledger, so much of it unexplained, also after the days that are looked at."""
    before = await books.balances()
    assert -before.get("suspense", 0) == unexplained
    for days in (0, 2, 5):
        books.clock.ahead = timedelta(days=days)
        assert (await books.reconciles("national"))["unexplained_dong"] == unexplained
    assert await books.balances() == before
    books.clock.ahead = timedelta()


async def test_a_notice_of_money_by_the_dossiers_code_pays_the_bill_and_a_second_one_goes_back(
    platform: Platform,
) -> None:
    books = platform.books
    bill = await books.filed()
    assert await platform.rings((bill.code, "GD1", bill.amount)) == ["done"]
    assert await platform.rings((bill.code, "GD2", bill.amount), (bill.code, "GD1", bill.amount)) == ["done", "done"]
    paid = await books.bill(bill.key)
    assert (paid.state, len(paid.captures), [each.amount for each in paid.refunds]) == ("paid", 2, [bill.amount])
    await stays(books, 0)


async def test_a_notice_of_money_for_nobody_is_raised_and_stands_in_suspense(platform: Platform) -> None:
    books = platform.books
    notices = ((new_id().hex, "GD1", 70_000), ("LA0123456789ABCDEF", "GD2", 5_000))
    assert await platform.rings(*notices) == ["raised", "raised"]
    assert await books.balances() == {"gateway:national": 75_000, "suspense": -75_000}
    assert await books.raised() == ["unknown_payment"] * 2
    await stays(books, 75_000)
    await books.pool.execute("update ring set done_at = null, outcome = null")
    await platform.works()
    assert await books.raised() == ["unknown_payment"] * 2, "worked off again it has no further effect"
    await stays(books, 75_000)


async def test_a_second_payment_on_one_page_is_raised_also_when_both_notices_come_at_once(platform: Platform) -> None:
    books = platform.books
    bill = await books.filed()
    page = (await books.page(bill, "national")).hex
    notices = ((page, "GD1", bill.amount), (page, "GD2", bill.amount))
    assert sorted(filter(None, await platform.rings(*notices))) == ["done", "raised"]
    (taken,) = (await books.bill(bill.key)).captures
    books.line("national", bill.amount, reference=taken.reference, attempt_id=UUID(page))
    assert [(each.kind, each.dossier_code) for each in await books.differences()] == [("capture_unheard", bill.key)]
    await stays(books, bill.amount)


async def test_an_amount_that_the_page_did_not_ask_for_makes_us_ask_and_is_not_raised(platform: Platform) -> None:
    books = platform.books
    bill = await books.filed()
    page = (await books.page(bill, "national")).hex
    assert await platform.rings((page, "GD1", bill.amount - 1)) == ["done"]
    assert await books.pool.fetchval("select count(*) from call where kind = 'AskCheckout'") == 1
    await stays(books, 0)


async def test_another_amount_of_money_that_was_taken_is_shown_and_not_believed(platform: Platform) -> None:
    books = platform.books
    bill = await books.filed()
    page = (await books.page(bill, "national")).hex
    assert await platform.rings((page, "GD1", bill.amount)) == ["done"]
    assert await platform.rings((page, "GD1", bill.amount - 1)) == ["not_taken"]
    books.line("national", bill.amount, reference="GD1", attempt_id=UUID(page))
    await stays(books, 0)


async def test_a_notice_of_more_than_a_bill_can_take_is_raised(platform: Platform) -> None:
    books = platform.books
    bill, much = await books.filed(), 10**12 + 1
    assert await platform.rings((bill.code, "GD1", much)) == ["raised"]
    assert (await books.bill(bill.key)).state == "open"
    (difference,) = await books.differences()
    assert (difference.found, difference.reason) == (much, "more than 10^12 đồng")
    await stays(books, much)
