"""Whatever notices are lost and whatever strangers pay: every đồng at the gateway is in the ledger, and all is explained
but the strangers' money; and reports name each gateway with what it took. Also when reconciliation is killed in the middle, or goes on twice at the same time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chassis.identifiers import new_id
from services.payments import store
from services.payments.domain.bill import Bill
from services.payments.domain.messages import RequestRefund
from tests.database import Server as Postgres
from tests.integration.payments_books import Books, open_books
from tests.integration.payments_counter import RETURNED

GATEWAYS = ("stripe", "vietqr")
Who = Literal["citizen", "stranger", "refunded", "in parts"]
EACH: tuple[Who, ...] = ("citizen", "stranger", "refunded", "citizen")


@dataclass(frozen=True)
class Happening:
    """A citizen pays and perhaps gets a part back, or pays in parts, or a stranger does; perhaps nobody tells us."""

    who: Who
    gateway: str
    rings: bool
    amount: int
    fee: int


HAPPENINGS = st.lists(
    st.builds(
        Happening,
        st.sampled_from(["citizen", "citizen", "stranger", "refunded", "in parts"]),
        st.sampled_from(GATEWAYS),
        st.booleans(),
        st.integers(1, 10**9),
        st.sampled_from([0, 0, 1_500]),
    ),
    min_size=1,
    max_size=6,
)

# What came in when the fees were there already, or is for none.
_TAKEN_TWICE = """
select count(*) from bill where captures @> '[{"use": "apart"}]' or amount <= (
    select sum((c ->> 'amount')::bigint) - (captures -> -1 ->> 'amount')::bigint from jsonb_array_elements(captures) as c)"""
_CLEARED = """
select substr(account, 9) as gateway, sum(debit - credit)::bigint as moved from ledger_entry
where account like 'gateway:%' and reason not in ('gateway fee', 'payout', 'unexplained') group by account"""


@pytest.fixture(scope="module")
async def shared(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, *GATEWAYS) as opened:
        yield opened


@pytest.fixture
async def books(postgres_server: Postgres) -> AsyncIterator[Books]:
    async with open_books(postgres_server, *GATEWAYS) as opened:
        yield opened


async def happens(books: Books, happenings: Sequence[Happening]) -> int:
    """All of it; the strangers' đồng."""
    strangers = 0
    for each in happenings:
        if each.who == "stranger":
            books.line(each.gateway, each.amount, fee=each.fee)
            strangers += each.amount
            continue
        bill = await books.filed()
        if each.who == "in parts":
            await pays_in_parts(books, bill, each)
            continue
        await books.pays(bill, each.gateway, each.rings or each.who == "refunded", fee=each.fee)
        if each.who == "refunded":
            refund_id = new_id()
            order = RequestRefund(refund_id=refund_id, available=RETURNED, reason="test", by="officer")
            await books.says(bill.key, order)
            books.line(each.gateway, RETURNED, kind="refund", refund_id=refund_id)
    return strangers


async def pays_in_parts(books: Books, bill: Bill, how: Happening) -> None:
    """A part by transfer; the rest by the same way or another, by transfer perhaps too much: that goes back."""
    part = 1 + how.amount % (bill.amount - 1)
    excess = how.amount % 7 if how.gateway == "vietqr" else 0
    await books.pays(bill, "vietqr", amount=part)
    await books.pays(bill, how.gateway, amount=bill.amount - part + excess, fee=how.fee)
    for refund in (await books.bill(bill.key)).refunds:
        books.line(how.gateway, refund.amount, kind="refund", refund_id=refund.refund_id)


async def is_right(books: Books, strangers: int) -> None:
    balances = await books.balances()
    for name in GATEWAYS:
        assert balances.get(f"gateway:{name}", 0) == books.providers[name].holds
    assert -balances.get("suspense", 0) == strangers
    assert sum(each.found for each in await books.differences()) == strangers
    assert await books.pool.fetchval("select count(*) from bill where state <> 'paid'") == 0
    assert await books.pool.fetchval(_TAKEN_TWICE) == 0
    now, net = books.clock(), Counter[str]()
    for row in await store.reports.takings(books.pool, now - timedelta(days=1), now + timedelta(days=1), None):
        net[row["gateway"]] += row["net"]
    assert net == {row["gateway"]: row["moved"] for row in await books.pool.fetch(_CLEARED)}


# Not shrunk: what a wrong example left in the database makes every later one wrong as well.
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(happenings=HAPPENINGS)
async def test_every_dong_is_in_the_ledger(shared: Books, happenings: list[Happening]) -> None:
    """One database takes all examples: what one left must be right in the next as well."""
    before = sum(each.found for each in await shared.differences())
    strangers = before + await happens(shared, happenings)
    for name in GATEWAYS:
        await shared.reconciles(name)
    await is_right(shared, strangers)
    for name in GATEWAYS:
        assert (await shared.reconciles(name))["healed"] == {}
    await is_right(shared, strangers)


async def test_a_run_that_ends_anywhere_is_done_again_with_one_effect(books: Books) -> None:
    """The task is cancelled at its first, second, third … statement, until one run ends by itself."""
    happenings = [
        Happening(who, gateway, False, 7_000 + place, 500) for gateway in GATEWAYS for place, who in enumerate(EACH)
    ]
    strangers = await happens(books, happenings)
    killed = 0
    for name in GATEWAYS:
        for statements in range(1, 200):
            if await killed_after(books, name, statements):
                break
            killed += 1
    assert killed > 20
    await is_right(books, strangers)
    assert await books.raised() == ["unknown_payment"] * 2


async def killed_after(books: Books, gateway: str, statements: int) -> bool:
    """Reconcile, cancelled once so many statements were sent to the database; whether it ended before."""
    left = statements
    task: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def count(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            task.get_loop().call_soon_threadsafe(task.cancel)

    # All of them before the run begins: it holds one while it waits for another.
    connections = [await books.pool.acquire() for _ in range(8)]
    for connection in connections:
        connection.add_query_logger(count)
    for connection in connections:
        await books.pool.release(connection)
    left, task = statements, asyncio.ensure_future(books.reconciles(gateway))
    try:
        await task
    except asyncio.CancelledError:
        await books.pool.execute("update reconciliation_run set finished_at = now(), error = 'killed'")
        await books.pool.execute("update chore_turn set until = now()")  # nobody waits here until it was the dead one's
        return False
    return True


async def test_two_processes_at_once_have_one_effect(books: Books) -> None:
    happenings = [Happening("citizen", "stripe", False, 1, 500), Happening("stranger", "stripe", False, 9_000, 0)]
    strangers = await happens(books, happenings)
    await store.differences.ask(books.pool, books.reconciler.runs(["stripe", "stripe"], "test"))
    while any(await asyncio.gather(*(books.reconciler.work_off(books.pool, books.answering) for _ in range(3)))):
        pass
    await is_right(books, strangers)
    assert await books.raised() == ["unknown_payment"]
