"""What the database refuses whoever asks, receipts without gap or double, and who may see a bill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

import asyncpg
import pytest

from chassis.answering import Answering
from chassis.calls import Calling
from chassis.identifiers import new_id
from chassis.postgres import Pool
from services.payments.domain.bill import IssueReceipt
from services.payments.store import issue_receipt
from tests.database import Server as Postgres
from tests.integration.payments_counter import AGENCY, AMOUNT, Counter, Dossier, eventually, open_counter

ENTRY = """
insert into ledger_entry (transaction_id, line, dossier_code, bill_id, account, debit, credit, reason)
values ($1, $2, 'G09.20-20260609-9000001', $3, $4, $5, $6, 'test')
"""


@pytest.fixture(scope="module")
async def counter(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(postgres_server, tmp_path_factory.mktemp("gateway")) as counter:
        yield counter


@pytest.fixture(scope="module")
async def paid(counter: Counter) -> Dossier:
    dossier = await counter.filed()
    await counter.pays(await counter.page(dossier))
    await counter.tells(dossier, "receipt-issued")
    return dossier


async def post(pool: Pool, *lines: tuple[str, int, int]) -> None:
    """One ledger transaction of (account, debit, credit) lines, by the service's own role."""
    transaction = new_id()
    async with pool.acquire() as connection, connection.transaction():
        for number, (account, debit, credit) in enumerate(lines):
            await connection.execute(ENTRY, transaction, number, new_id(), account, debit, credit)


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


async def test_a_line_added_later_must_leave_its_transaction_balanced(counter: Counter, paid: Dossier) -> None:
    transaction = await counter.pool.fetchval(
        "select transaction_id from ledger_entry where dossier_code = $1 limit 1", paid.code
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await counter.pool.execute(ENTRY, transaction, 9, new_id(), "a", 5, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_entry set debit = 0",
        "update ledger_entry set reason = 'other'",
        "delete from ledger_entry",
        "truncate ledger_entry",
        "update receipt set number = 1",
        "delete from receipt",
        "truncate receipt",
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


async def issued(pool: Pool, receipt_id: UUID, year: int) -> int:
    """The number of a receipt, issued now or before."""
    request = IssueReceipt(receipt_id=receipt_id, bill_id=new_id(), dossier_code="x", amount=AMOUNT, year=year)
    answer = await issue_receipt(request, Calling(receipt_id, 0, pool, cast("Answering", None)))
    told_year, number = answer.number.split("/")
    assert (int(told_year), len(number)) == (year, 8)
    return int(number)


async def test_receipts_issued_at_once_are_numbered_without_gap_or_double(counter: Counter) -> None:
    numbers = await asyncio.gather(*(issued(counter.pool, new_id(), 2031) for _ in range(50)))
    assert sorted(numbers) == list(range(1, 51))


async def test_a_receipt_that_is_issued_many_times_at_once_has_one_number(counter: Counter) -> None:
    """A call is made again when its answer is lost, and by two processes when a lease ran out."""
    same, others = new_id(), [new_id() for _ in range(10)]
    ids = [each for other in others for each in (same, other)]
    numbers = await asyncio.gather(*(issued(counter.pool, each, 2032) for each in ids))
    assert len(set(numbers[0::2])) == 1
    assert sorted({*numbers}) == list(range(1, 12))
    assert await issued(counter.pool, same, 2032) == numbers[0]
    assert await issued(counter.pool, new_id(), 2032) == 12


async def test_whoever_numbers_the_same_receipt_meanwhile_is_seen(counter: Counter) -> None:
    """All of them have begun when the first number is given: each looks for the receipt when it is its turn."""
    pool, same = counter.pool, new_id()
    assert await issued(pool, new_id(), 2035) == 1

    async def all_wait() -> bool:
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%receipt_counter%'"
        )
        return bool(await pool.fetchval(waiting) == 5)

    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("update receipt_counter set last = last where year = 2035")
            tasks = [asyncio.create_task(issued(pool, same, 2035)) for _ in range(5)]
            await eventually(all_wait)
        assert set(await asyncio.gather(*tasks)) == {2}
    assert await issued(pool, new_id(), 2035) == 3


async def test_each_year_counts_from_one(counter: Counter) -> None:
    assert [await issued(counter.pool, new_id(), year) for year in (2033, 2034, 2033)] == [1, 1, 2]


async def test_a_citizen_sees_her_own_bill_by_id_by_code_and_its_receipt(counter: Counter, paid: Dossier) -> None:
    person = str(paid.person)
    bill = await counter.bill(paid)
    by_code = await counter.asked("GET", f"/dossiers/{paid.code}/bill", "citizen", person_id=person)
    by_id = await counter.asked("GET", f"/payments/{bill['bill_id']}", "citizen", person_id=person)
    assert by_code.status_code == by_id.status_code == 200
    assert by_code.json() == by_id.json()
    assert (by_id.json()["state"], by_id.json()["receipt_number"]) == ("paid", bill["receipt_number"])


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
