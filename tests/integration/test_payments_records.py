"""What the database refuses whoever asks, receipts without gap or double, and who may see a bill."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from opentelemetry.trace import NoOpTracer

from chassis import series
from chassis.answering import Answering
from chassis.clock import utc_now
from chassis.fold import Voice
from chassis.identifiers import new_id
from chassis.postgres import Pool
from services.payments import store
from services.payments.domain.answers import Captured
from tests.integration.payments_counter import AGENCY, AMOUNT, Counter, Dossier
from tests.waiting import until_waiting

ENTRIES = """
insert into ledger_entry (transaction_id, line, account, debit, credit, reason)
select $1, number - 1, account, debit, credit, 'test'
from unnest($2::text[], $3::bigint[], $4::bigint[]) with ordinality as n(account, debit, credit, number)
"""
LINE = "insert into ledger_entry (transaction_id, line, account, debit, credit, reason) values "


@pytest.fixture(scope="module")
async def paid(shared_counter: Counter) -> Dossier:
    dossier = await shared_counter.filed()
    await shared_counter.pays(await shared_counter.page(dossier))
    await shared_counter.tells(dossier, "receipt-issued")
    return dossier


async def post(pool: Pool, *lines: tuple[str, int, int]) -> None:
    """One ledger transaction of (account, debit, credit) lines, by the service's own role, in one statement."""
    accounts, debits, credited = ([line[place] for line in lines] for place in range(3))
    await pool.execute(ENTRIES, new_id(), accounts, debits, credited)


async def test_the_database_takes_a_balanced_transaction_and_no_other(counter: Counter) -> None:
    await post(counter.pool, ("a", 5, 0), ("b", 0, 3), ("c", 0, 2))
    for lines in (
        [("a", 5, 0)],
        [("a", 5, 0), ("b", 0, 4)],
        [("a", 5, 0), ("b", 5, 0)],
        [("a", 0, 0), ("b", 0, 0)],
        [("a", 5, 5)],
        [("a", -5, 0), ("b", 0, -5)],
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await post(counter.pool, *lines)


async def test_an_unbalanced_transaction_fails_at_its_statement(counter: Counter) -> None:
    """Not at the commit, when it would be too late to say which statement was wrong."""
    async with counter.pool.acquire() as connection, connection.transaction():
        with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
            async with connection.transaction():
                await connection.execute(f"{LINE} ($1, 0, 'a', 5, 0, 'test')", new_id())
        assert await connection.fetchval("select 1") == 1


@pytest.mark.parametrize(
    "lines", ["($1, 9, 'a', 5, 0, 'test')", "($1, 9, 'a', 5, 0, 'test'), ($1, 8, 'b', 0, 5, 'test')"]
)
async def test_nothing_is_added_to_a_transaction_later_even_if_it_balances(
    counter: Counter, paid: Dossier, lines: str
) -> None:
    transaction = await counter.pool.fetchval(
        "select transaction_id from ledger_entry where dossier_code = $1 limit 1", paid.code
    )
    with pytest.raises(asyncpg.CheckViolationError, match="was closed before"):
        await counter.pool.execute(LINE + lines, transaction)


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_entry set debit = 0",
        "update ledger_entry set reason = 'other'",
        "delete from ledger_entry",
        "truncate ledger_entry",
        "update receipt set number = '2026/00000009'",
        "delete from receipt",
        "truncate receipt cascade",
        "update receipt_end set reason = ''",
        "delete from receipt_end",
        "truncate receipt_end",
        "update bank_notice set result = 'accepted'",
        "delete from bank_notice",
        "truncate bank_notice",
        "update counter_voucher set bill_id = null",
        "delete from counter_voucher",
        "truncate counter_voucher",
        "create or replace function ledger_balances() returns trigger language plpgsql as 'begin return null; end'",
        "alter table receipt owner to payments",
        "alter table ledger_entry disable trigger all",
        "drop table ledger_entry",
    ],
)
async def test_the_service_itself_can_change_or_remove_no_entry_and_no_receipt(
    counter: Counter, paid: Dossier, statement: str
) -> None:
    assert await counter.balances(paid)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await counter.pool.execute(statement)


async def drawn(pool: Pool, series_name: str) -> int:
    """The next number of a series, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return next(await series.draw(connection, [series_name]))


async def test_numbers_drawn_at_once_are_without_gap_or_double(counter: Counter) -> None:
    numbers = await asyncio.gather(*(drawn(counter.pool, "receipt 2031") for _ in range(50)))
    assert sorted(numbers) == list(range(1, 51))


async def test_a_transaction_that_is_rolled_back_leaves_no_gap(counter: Counter) -> None:
    """Whoever draws meanwhile waits for it, and gets the number that it gave back."""
    async with counter.pool.acquire() as connection:
        rolled_back = connection.transaction()
        await rolled_back.start()
        assert next(await series.draw(connection, ["receipt 2032"])) == 1
        waiting = asyncio.create_task(drawn(counter.pool, "receipt 2032"))
        await until_waiting(counter.pool, 1, "%series%")
        await rolled_back.rollback()
    assert await waiting == 1
    assert await drawn(counter.pool, "receipt 2032") == 2


async def test_each_year_counts_from_one(counter: Counter) -> None:
    assert [await drawn(counter.pool, f"receipt {year}") for year in (2033, 2034, 2033)] == [1, 1, 2]


async def test_money_that_is_not_taken_in_uses_no_receipt_number(counter: Counter) -> None:
    """The number is drawn in the transaction of the money, which a broken ledger rolls back whole."""
    before = {row["name"]: row["last"] for row in await counter.pool.fetch("select name, last from series")}
    dossier = await counter.filed()
    bill = await store.bills.find(counter.pool, (await counter.bill(dossier))["bill_id"])
    assert bill is not None
    money = Captured(
        attempt_id=None, capture_id=new_id(), amount=AMOUNT, currency="VND", reference="x", paid_at=utc_now()
    )
    async with counter.pool.acquire() as connection:
        await connection.execute(
            "insert into ledger_entry (transaction_id, line, account, debit, credit, reason) "
            "values ($1, 0, 'a', 1, 0, 'x'), ($1, 1, 'b', 0, 1, 'x')",
            money.capture_id,
        )
    answering = Answering(counter.pool, Voice("/motcua/payments", NoOpTracer(), counter.clock), counter.service.decides)
    with pytest.raises(asyncpg.UniqueViolationError):
        await answering.many(store.bills.aggregate, [(bill.key, money)])
    assert (await counter.bill(dossier))["state"] == "open"
    again = money.model_copy(update={"capture_id": new_id()})
    await answering.many(store.bills.aggregate, [(bill.key, again)])
    number = await counter.receipt_number(dossier)
    assert number is not None
    year, _, ordinal = number.partition("/")
    assert int(ordinal) == before.get(f"receipt {year}", 0) + 1


async def test_a_citizen_sees_her_own_bill_by_id_by_code_and_its_receipt(counter: Counter, paid: Dossier) -> None:
    person = str(paid.person)
    bill = await counter.bill(paid)
    by_code = await counter.asked("GET", f"/dossiers/{paid.code}/bill", "citizen", person_id=person)
    by_id = await counter.asked("GET", f"/payments/{bill['bill_id']}", "citizen", person_id=person)
    assert by_code.status_code == by_id.status_code == 200
    assert by_code.json() == by_id.json()
    assert (by_id.json()["state"], by_id.json()["receipt_number"]) == ("paid", await counter.receipt_number(paid))


STRANGERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("citizen", {"person_id": str(new_id())}),
    ("citizen", {}),
    ("officer", {"agency": "H55.31"}),
    ("officer", {}),
    ("agency-system", {"agency": AGENCY}),
)


@pytest.mark.parametrize(("role", "claims"), STRANGERS)
async def test_whom_a_bill_does_not_concern_is_told_what_is_told_of_none(
    counter: Counter, paid: Dossier, role: str, claims: dict[str, str]
) -> None:
    """404, and word for word the answer about a bill that does not exist."""
    bill_id = (await counter.bill(paid))["bill_id"]
    for theirs, nothing in (
        (f"/payments/{bill_id}", f"/payments/{new_id()}"),
        (f"/payments/{bill_id}/receipt", f"/payments/{new_id()}/receipt"),
        (f"/dossiers/{paid.code}/bill", "/dossiers/G09.20-20260609-9999999/bill"),
    ):
        answer = await counter.asked("GET", theirs, role, **claims)
        none = await counter.asked("GET", nothing, role, **claims)
        assert answer.status_code == none.status_code == 404
        assert answer.json() == none.json()


async def test_nobody_begins_or_asks_about_the_payment_of_another(counter: Counter) -> None:
    dossier = await counter.filed()
    bill_id = (await counter.bill(dossier))["bill_id"]
    for command in ("checkout", "refresh"):
        path = f"/payments/{bill_id}/{command}"
        assert (await counter.asked("POST", path, "citizen", person_id=str(new_id()))).status_code == 404
        assert (await counter.asked("POST", path, "officer", agency=AGENCY)).status_code == 403
        assert (await counter.http.post(path)).status_code == 401
    assert (await counter.bill(dossier))["state"] == "open"


async def test_officers_of_its_agency_and_operators_see_a_bill(counter: Counter, paid: Dossier) -> None:
    assert (await counter.asked("GET", f"/dossiers/{paid.code}/bill", "officer", agency=AGENCY)).status_code == 200
    assert (await counter.asked("GET", f"/dossiers/{paid.code}/bill", "operator")).status_code == 200


async def test_only_operators_look_into_the_ledger(counter: Counter, paid: Dossier) -> None:
    answer = await counter.asked("GET", f"/ledger/{paid.code}", "operator")
    assert sum(each["balance"] for each in answer.json()) == 0
    assert {each["account"] for each in answer.json()} == {"gateway:stripe", "fee:3511.0.1054321"}
    for role in ("citizen", "officer", "agency-system"):
        assert (await counter.asked("GET", f"/ledger/{paid.code}", role)).status_code == 403


@pytest.mark.parametrize("code", ["%00", "a%00b", "%20", "💸", "a" * 65])
async def test_what_can_be_no_code_is_not_found(counter: Counter, code: str) -> None:
    """A null byte, too: PostgreSQL takes none, and a 500 would call somebody out of bed."""
    answer = await counter.asked("GET", f"/dossiers/{code}/bill", "operator")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await counter.asked("GET", f"/ledger/{code}", "operator")).status_code in (200, 404)
