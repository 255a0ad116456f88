"""What reconciliation could leave out for ever: days on which nobody read a statement, lines that are booked for long ago or
taken back, money that claims to be old; and runs that never end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.clock import VIETNAM
from chassis.errors import Unanswered
from services.payments import store
from services.payments.domain.reading import NIGHTLY, closed_at, last_whole_day
from services.payments.domain.tidings import Known, Movement
from services.payments.reconciling_work import Reconciler
from tests.alerts import by_label
from tests.database import Server as Postgres
from tests.integration.payments_books import Books, Provider, open_books, ring_of

TRIES = 5


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, "stripe", "vietqr") as opened:
        yield opened


async def the_clock_strikes(books: Books) -> None:
    """What is asked for by the clock, and done as often as it can be tried."""
    await books.reconciler.ask_for_recent(books.pool)
    await books.reconciler.ask_for_days(books.pool)
    while await books.reconciler.work_off(books.pool, books.answering):
        await books.pool.execute("update reconciliation_run set due_at = now() where finished_at is null")
    await books.pool.execute("update reconciliation_run set asked_at = asked_at - interval '11 minutes'")


async def nightly(books: Books, gateway: str) -> list[dict[str, Any]]:
    """The runs of whole days, in the order in which they were asked for."""
    query = "select * from reconciliation_run where gateway = $1 and asked_by = $2 order by asked_at, run_id"
    return [dict(row) for row in await books.pool.fetch(query, gateway, NIGHTLY)]


async def late(books: Books) -> dict[str, float]:
    return by_label(await books.shows(), "motcua_reconciled_seconds")


async def test_days_on_which_all_stood_still_are_read_when_it_goes_on(books: Books) -> None:
    await the_clock_strikes(books)
    paid = await books.filed()
    attempt_id = await books.page(paid)
    then = books.clock() + timedelta(hours=5)
    books.line("stripe", paid.amount, at=then, attempt_id=attempt_id)
    books.line("vietqr", 50_000, at=then)
    first = books.clock().astimezone(VIETNAM).date()
    books.clock.ahead = timedelta(days=6, hours=3)
    assert (await late(books))["vietqr"] >= timedelta(days=4).total_seconds()
    await the_clock_strikes(books)
    assert (await books.bill(paid.key)).state == "paid"
    assert [(each.kind, each.found) for each in await books.differences()] == [("unknown_payment", 50_000)]
    since = (last_whole_day(books.clock()) - first).days
    for name in ("stripe", "vietqr", "dossiers"):
        days = [run["day"] for run in await nightly(books, name)]
        assert days == sorted(set(days)), "the oldest first, each once"
        assert {first + timedelta(days=number) for number in range(since + 1)} <= set(days)
    assert (await late(books))["vietqr"] < 3_600


async def test_days_whose_statement_could_not_be_read_are_read_when_it_can_be(books: Books) -> None:
    """Meanwhile the oldest of them is tried once an hour."""
    await the_clock_strikes(books)
    bank = books.providers["vietqr"]
    bank.trouble = Unanswered("away")
    for days in range(1, 6):
        books.line("vietqr", 10_000, at=books.clock() + timedelta(hours=2))
        books.clock.ahead = timedelta(days=days, hours=3)
        await the_clock_strikes(books)
    assert (await late(books))["vietqr"] >= timedelta(days=3).total_seconds()
    assert (await late(books))["stripe"] < 3_600
    failed = [run for run in await nightly(books, "vietqr") if run["error"]]
    assert len(failed) <= 6
    assert {run["tries"] for run in failed} == {TRIES}
    bank.trouble = None
    await the_clock_strikes(books)
    await the_clock_strikes(books)
    assert [(each.kind, each.found) for each in await books.differences()] == [("unknown_payment", 10_000)] * 5
    assert (await late(books))["vietqr"] < 3_600


async def test_a_day_that_an_operator_had_read_before_it_was_over_is_read_as_a_whole(books: Books) -> None:
    books.clock.ahead += timedelta(minutes=21)  # the day may have begun just now
    today = books.clock().astimezone(VIETNAM).date()
    await store.differences.ask(books.pool, books.reconciler.runs(["stripe"], "operator", today))
    assert await books.reconciler.work_off(books.pool, books.answering) == 1
    books.clock.ahead = closed_at(today) - books.clock() + books.clock.ahead + timedelta(minutes=1)
    await the_clock_strikes(books)
    assert today in [run["day"] for run in await nightly(books, "stripe")]


async def test_a_run_that_ends_its_process_each_time_is_given_up(books: Books) -> None:
    """Its tries are counted when it is begun: nobody is left to count them when it has failed."""

    class Killed(BaseException):
        pass

    stripe = books.providers["stripe"]
    stripe.trouble = Killed()  # type: ignore[assignment]
    books.line("stripe", 1_000)
    await store.differences.ask(books.pool, books.reconciler.runs(["stripe", "vietqr"], "test"))
    for _ in range(TRIES):
        with pytest.raises(Killed):
            await books.reconciler.work_off(books.pool, books.answering)
    while await books.reconciler.work_off(books.pool, books.answering):
        pass
    bad, good = sorted(await store.differences.runs(books.pool, None, 9), key=lambda run: str(run["gateway"]))
    assert (bad["tries"], bad["error"], bad["report"]) == (TRIES, "whoever did it came to no end", None)
    assert bad["finished_at"] is not None
    assert good["report"] is not None


async def test_what_is_recent_is_not_asked_for_while_it_waits(books: Books) -> None:
    for hours in range(3):
        books.clock.ahead = timedelta(hours=hours)
        await books.reconciler.ask_for_recent(books.pool)
    runs = [run["gateway"] for run in await store.differences.runs(books.pool, None, 50)]
    assert sorted(runs) == ["dossiers", "stripe", "vietqr"]


async def test_a_line_that_the_bank_books_for_long_ago_is_raised_as_soon_as_it_is_read(books: Books) -> None:
    """No run looks at that day again. What is young is left to the next run: its notice may be under way."""
    old, known = books.clock() - timedelta(days=4), await books.filed()
    books.line("vietqr", 50_000, at=old)
    books.line("vietqr", known.amount, at=old, payment_code=known.code)
    books.line("vietqr", 60_000, at=books.clock())
    assert await books.reconciler.read_on(books.pool, books.answering) == 3
    assert (await books.bill(known.key)).state == "paid"
    assert [(each.kind, each.found) for each in await books.differences()] == [("unknown_payment", 50_000)]
    assert await books.raised() == ["unknown_payment"]
    await books.reconciles("vietqr")
    assert len(await books.differences()) == 2
    assert await books.reconciler.read_on(books.pool, books.answering) == 0


async def test_money_that_was_heard_of_and_claims_to_be_old_is_missed_like_any(books: Books) -> None:
    """A stolen secret signs what moment it likes; what claims to be of another time is asked about, and not believed."""
    bill = await books.filed()
    attempt_id = await books.page(bill)
    forged = Movement("line", "capture", "forged", bill.amount, "VND", books.clock() - timedelta(days=4), 0, attempt_id)
    assert (await books.says(bill.key, ring_of("stripe", forged))).state == "in_checkout"
    assert await books.pool.fetchval("select count(*) from call where kind = 'AskCheckout'") == 1
    forged = replace(forged, at=books.clock() - timedelta(days=2, hours=12))
    assert (await books.says(bill.key, ring_of("stripe", forged))).state == "paid"
    assert (await books.reconciles())["found"] == {}
    books.clock.ahead = timedelta(hours=25)
    assert (await books.reconciles())["found"] == {"missing_at_gateway": {"open": 1}}


async def test_a_line_that_the_gateway_takes_back_counts_no_more(books: Books) -> None:
    bill, stripe = await books.filed(), books.providers["stripe"]
    line = await books.pays(bill, fee=1_000)
    twice = books.line("stripe", bill.amount, reference=line.reference, attempt_id=line.attempt_id, fee=500)
    stranger = books.line("stripe", 33_000, fee=300)
    assert set((await books.reconciles())["found"]) == {"duplicate_line", "unknown_payment"}
    for gone, left in ((twice, 33_000), (stranger, 0)):
        stripe.lines.remove(gone)
        told = await books.reconciles()
        assert (told["by_rule"]["taken_back"], told["gone"], told["unexplained_dong"]) == (1, 1, left)
        assert (await books.balances())["gateway:stripe"] == stripe.holds
    assert (await books.reconciles())["by_rule"] == {"gateway fee": 1_000}
    stripe.lines.append(stranger)
    assert (await books.reconciles())["unexplained_dong"] == 33_000
    assert (await books.balances())["gateway:stripe"] == stripe.holds
    stripe.lines.clear()
    books.clock.ahead = timedelta(hours=25)
    told = await books.reconciles()
    assert (told["found"], told["unexplained_dong"]) == ({"missing_at_gateway": {"open": 1}}, bill.amount)
    assert (await books.balances()).get("gateway-fee:stripe", 0) == 0
    stripe.lines.append(line)
    assert (await books.reconciles())["unexplained_dong"] == 0
    assert (await books.balances())["gateway:stripe"] == stripe.holds
    assert (await books.bill(bill.key)).state == "paid"


async def test_a_line_that_is_written_while_the_statement_is_read_is_not_taken_for_gone(books: Books) -> None:
    class Goes(Provider):
        """Its bank writes one more line when all was told, and that one is read on."""

        async def movements(
            self, since: datetime, until: datetime, known: Sequence[Known]
        ) -> AsyncIterator[Sequence[Movement]]:
            async for page in super().movements(since, until, known):
                yield page
            if not self.lines:
                books.line("vietqr", 7_000)
                await books.reconciler.read_on(books.pool, books.answering)

    books.providers["vietqr"] = bank = Goes("vietqr")
    books.reconciler = Reconciler({"vietqr": bank}, 0.0, books.clock)  # type: ignore[dict-item]
    told = await books.reconciles("vietqr")
    assert (told["by_rule"], told["found"]) == ({}, {"unknown_payment": {"open": 1}})
