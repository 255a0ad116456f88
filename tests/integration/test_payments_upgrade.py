"""Bills of earlier releases, upgraded in each state they can be in: kept as they were, and able to go on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from opentelemetry.trace import NoOpTracer

from chassis.answering import Answering
from chassis.decider import Message
from chassis.fold import Voice
from chassis.identifiers import derived_id, new_id
from chassis.migrations import Migration, migrations_of
from chassis.postgres import Pool, open_pool
from services.payments import store
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.bill import Bill
from services.payments.domain.messages import Nudge, PayOut, Settle
from tests.database import Database, Server
from tests.integration.payments_counter import AMOUNT, FEE, PHOTO, RETURNED
from tests.records import NOON
from tests.unit.payments.bills import DECIDES

FEES, BOTH = FEE["beneficiary"], [FEE, PHOTO]
PAID = {"gateway:stripe": AMOUNT, f"fee:{FEES}": -AMOUNT}
LATER = "0003_money_back_and_forth.sql"

BILL = """
insert into bill (key, dossier_code, bill_id, version, sequence, person_id, agency, state, amount, currency, fee_lines, due,
                  attempt, captured, taken, refund, receipt_number, void_reason)
values ($1, $1, $2, 3, 2, $3, 'G09.20', $4, $5, 'VND', $6, $7, $8, $9, $10, $11, $12, $13)
"""
ENTRY = "insert into ledger_entry (transaction_id, line, dossier_code, bill_id, account, debit, credit, reason) values "
RECEIPT = """
insert into receipt (receipt_id, year, number, dossier_code, bill_id, amount, issued_at) values ($1, 2026, $2, $3, $4, $5, $6)
"""


@dataclass(frozen=True)
class Yesterday:
    """A bill as the release before wrote it. `moved` are its ledger's transactions: account, debit, credit."""

    name: str
    state: str
    captured: dict[str, Any] | None = None
    attempt: bool | str = False
    refund: dict[str, Any] | None = None
    receipt: int | None = None
    void: str | None = None
    moved: tuple[tuple[str, tuple[tuple[str, int, int], ...]], ...] = ()

    @property
    def code(self) -> str:
        return f"G09.20-20260609-{self.name}"

    @property
    def bill_id(self) -> UUID:
        return derived_id(UUID(int=1), self.name)

    @property
    def page(self) -> UUID:
        return derived_id(self.bill_id, "page")

    @property
    def refund_id(self) -> UUID:
        return derived_id(self.bill_id, "refund")


def took(amount: int = AMOUNT, currency: str = "VND") -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "reference": "pi_1", "paid_at": NOON.isoformat()}


def going(reference: str | None = None, unexpected: bool = False) -> dict[str, Any]:
    what = {"amount": AMOUNT, "lines": []} if unexpected else {"amount": RETURNED, "lines": [PHOTO]}
    return {**what, "reason": "hồ sơ dừng", "unexpected": unexpected, "rung": False, "reference": reference}


CAPTURE = ("page", (("gateway:stripe", AMOUNT, 0), (f"fee:{FEES}", 0, 115_000), (f"fee:{FEES}", 0, RETURNED)))
REFUND = ("refund", ((f"fee:{FEES}", RETURNED, 0), ("gateway:stripe", 0, RETURNED)))
UNDONE = ("undone", ((f"fee:{FEES}", 0, RETURNED), ("gateway:stripe", RETURNED, 0)))
LATE = ("page", (("gateway:stripe", AMOUNT, 0), ("suspense", 0, AMOUNT)))
GONE = ("refund", (("suspense", AMOUNT, 0), ("gateway:stripe", 0, AMOUNT)))
SHORT = ("page", (("gateway:stripe", 13_500, 0), ("suspense", 0, 13_500)))

BILLS = (
    Yesterday("open", "open"),
    Yesterday("ready", "checkout_ready", attempt="being made"),
    Yesterday("checkout", "in_checkout", attempt=True),
    Yesterday("expiring", "expiring", attempt=True),
    Yesterday("withdrawing", "withdrawing", attempt=True, void="hồ sơ dừng xử lý"),
    Yesterday("expired", "expired"),
    Yesterday("cancelled", "cancelled", void="hồ sơ dừng xử lý"),
    Yesterday("paid", "paid", took(), receipt=1, moved=(CAPTURE,)),
    Yesterday("unnumbered", "paid", took(), moved=(CAPTURE,)),
    Yesterday("going", "refund_ready", took(), refund=going(), receipt=2, moved=(CAPTURE,)),
    Yesterday("gone", "refunded", took(), refund=going("re_1"), receipt=3, moved=(CAPTURE, REFUND)),
    Yesterday("kept", "refund_failed", took(), refund=going(), receipt=4, moved=(CAPTURE,)),
    Yesterday("back", "refund_failed", took(), refund=going("re_1"), receipt=5, moved=(CAPTURE, REFUND, UNDONE)),
    Yesterday("late", "refund_ready", took(), refund=going(unexpected=True), moved=(LATE,)),
    Yesterday("latevoid", "refunded", took(), refund=going("re_1", True), void="dừng", moved=(LATE, GONE)),
    Yesterday("short", "discrepancy", took(13_500), moved=(SHORT,)),
    Yesterday("dollars", "discrepancy", took(currency="USD")),
)

AFTER = {
    "open": ("open", {}),
    "ready": ("checkout_ready", {}),
    "checkout": ("in_checkout", {}),
    "expiring": ("expiring", {}),
    "withdrawing": ("withdrawing", {}),
    "expired": ("expired", {}),
    "cancelled": ("cancelled", {}),
    "paid": ("paid", PAID),
    "unnumbered": ("paid", PAID),
    "going": ("paid", {"gateway:stripe": AMOUNT, f"fee:{FEES}": -115_000, "refunds": -RETURNED}),
    "gone": ("paid", {"gateway:stripe": 115_000, f"fee:{FEES}": -115_000}),
    "kept": ("paid", {"gateway:stripe": AMOUNT, f"fee:{FEES}": -115_000, "refunds": -RETURNED}),
    "back": ("paid", {"gateway:stripe": AMOUNT, f"fee:{FEES}": -115_000, "refunds": -RETURNED}),
    "late": ("expired", {"gateway:stripe": AMOUNT, "refunds": -AMOUNT}),
    "latevoid": ("cancelled", {}),
    "short": ("discrepancy", {"gateway:stripe": 13_500, "suspense": -13_500}),
    "dollars": ("discrepancy", {}),
}
"""The state of each bill after the upgrade, and what its accounts hold: debit less credit."""


@dataclass(frozen=True)
class Upgraded:
    """The database, and what stood in it before anything more was said: whoever speaks to a bill changes no other test's."""

    pool: Pool
    bills: dict[str, Bill]
    balances: dict[str, dict[str, int]]
    receipts: list[Any]
    entries: list[Any]
    numbers: int


@pytest.fixture(scope="module")
async def upgraded(postgres_server: Server) -> AsyncIterator[Upgraded]:
    """The tables of the release before in a schema of their own, with bills in each state; then the upgrade."""
    database: Database = await postgres_server.fresh("payments")
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("create schema yesterday; set search_path to yesterday")
        for migration in _until_yesterday():
            async with connection.transaction():
                await connection.execute(migration.sql)
        for bill in BILLS:
            await _write(connection, bill)
        await connection.execute("insert into receipt_counter (year, last) values (2026, 5)")
        for migration in _since_yesterday():
            async with connection.transaction():
                await connection.execute(migration.sql)
    finally:
        await connection.close()
    pool = await open_pool(f"{database.owner_url}?search_path=yesterday", "test", 4)
    yield Upgraded(
        pool,
        {was.name: await _bill(pool, was) for was in BILLS},
        {
            was.name: {each["account"]: each["balance"] for each in await store.ledger.balances(pool, was.code)}
            for was in BILLS
        },
        await pool.fetch("select number, ordinal, year, amount, agency, lines from receipt order by ordinal"),
        await pool.fetch(
            "select reference, debit, credit from ledger_entry where account = 'gateway:stripe' and reason <> 'undone'"
        ),
        await _numbers(pool),
    )
    await pool.close()


@pytest.mark.parametrize("was", BILLS, ids=lambda bill: bill.name)
def test_each_bill_is_kept_and_its_accounts_say_what_is_owed(upgraded: Upgraded, was: Yesterday) -> None:
    bill = upgraded.bills[was.name]
    state, balances = AFTER[was.name]
    assert (bill.key, bill.state, bill.version, bill.sequence) == (was.code, state, 3, 2)
    assert upgraded.balances[was.name] == {**dict.fromkeys(_accounts(was), 0), **balances}
    assert [each.amount for each in bill.captures] == ([was.captured["amount"]] if was.captured else [])
    assert (bill.attempt is not None, bill.void_reason) == (bool(was.attempt), was.void)
    if bill.attempt:
        assert (bill.attempt.gateway, bill.attempt.amount) == ("stripe", AMOUNT)


def test_receipts_keep_their_numbers_and_say_what_they_were_for(upgraded: Upgraded) -> None:
    rows = upgraded.receipts
    assert upgraded.numbers == 5
    assert [row["number"] for row in rows] == [f"2026/{number:08}" for number in range(1, 6)]
    assert all((row["amount"], row["year"], row["agency"]) == (AMOUNT, 2026, "G09.20") for row in rows)
    assert all([line["code"] for line in row["lines"]] == ["gplx-doi", "chup-anh"] for row in rows)
    for was in BILLS:
        assert upgraded.bills[was.name].receipt_number == (f"2026/{was.receipt:08}" if was.receipt else None)


def test_money_at_the_gateway_is_found_in_the_ledger_by_the_gateways_reference(upgraded: Upgraded) -> None:
    rows = upgraded.entries
    assert Counter((row["reference"], row["debit"] > 0) for row in rows)["pi_1", True] == 9
    assert Counter((row["reference"], row["debit"] > 0) for row in rows)["re_1", False] == 3
    assert all(row["reference"] for row in rows)


async def test_no_entry_of_before_was_changed_and_every_transaction_balances(upgraded: Upgraded) -> None:
    wrong = "select transaction_id from ledger_entry group by transaction_id having sum(debit) <> sum(credit)"
    assert await upgraded.pool.fetch(wrong) == []
    assert await upgraded.pool.fetchval("select sum(debit) - sum(credit) from ledger_entry") == 0


async def test_a_refund_that_was_under_way_is_done_once_its_answer_comes(upgraded: Upgraded) -> None:
    """And the series of receipts goes on from its last number: this one replaces another."""
    was, last = _named("going"), await _numbers(upgraded.pool)
    bill = await _tell(upgraded.pool, was, RefundDone(refund_id=was.refund_id, reference="re_9"))
    assert [each.state for each in bill.refunds] == ["done"]
    assert bill.receipt_number == f"2026/{last + 1:08}"
    assert await _balances(upgraded.pool, was) == {"gateway:stripe": 115_000, f"fee:{FEES}": -115_000}


async def test_a_refund_that_was_done_may_still_come_back(upgraded: Upgraded) -> None:
    was = _named("gone")
    bill = await _tell(upgraded.pool, was, RefundRefused(refund_id=was.refund_id, reason="expired_card"))
    assert [each.state for each in bill.refunds] == ["refused"]
    owed = {"gateway:stripe": AMOUNT, f"fee:{FEES}": -115_000, "refunds": -RETURNED}
    assert await _balances(upgraded.pool, was) == owed


@pytest.mark.parametrize("name", ["kept", "back"])
async def test_a_refund_that_had_failed_can_be_paid_out(upgraded: Upgraded, name: str) -> None:
    was = _named(name)
    bill = await _tell(upgraded.pool, was, PayOut(refund_id=was.refund_id, reference="PC-1", by="officer"))
    assert [each.state for each in bill.refunds] == ["done"]
    left = {"gateway:stripe": AMOUNT, f"fee:{FEES}": -115_000, "hand:G09.20": -RETURNED}
    assert await _balances(upgraded.pool, was) == left


async def test_late_money_that_was_on_its_way_back_is_gone(upgraded: Upgraded) -> None:
    was = _named("late")
    bill = await _tell(upgraded.pool, was, RefundDone(refund_id=was.refund_id, reference="re_8"))
    assert (bill.state, [each.state for each in bill.refunds]) == ("expired", ["done"])
    assert await _balances(upgraded.pool, was) == {}


async def test_a_difference_can_be_settled_as_today(upgraded: Upgraded) -> None:
    was = _named("short")
    bill = await _tell(upgraded.pool, was, Settle(action="return", by="operator", reason="sai số tiền"))
    assert (bill.state, [each.state for each in bill.refunds]) == ("open", ["ready"])
    assert await _balances(upgraded.pool, was) == {"gateway:stripe": 13_500, "refunds": -13_500}


async def test_a_bill_whose_receipt_had_no_number_yet_gets_one(upgraded: Upgraded) -> None:
    """The call that was to number it is known to nobody any more: whoever asks about the bill makes up for it."""
    was = _named("unnumbered")
    assert await upgraded.pool.fetch("select from call where kind = 'IssueReceipt'") == []
    bill = await _tell(upgraded.pool, was, Nudge(call_id=new_id()))
    assert bill.receipt_number is not None
    assert await upgraded.pool.fetchval("select count(*) from receipt where bill_id = $1", was.bill_id) == 1


def _until_yesterday() -> Iterator[Migration]:
    return (each for each in migrations_of("services.payments") if not _is_new(each))


def _since_yesterday() -> Iterator[Migration]:
    return (each for each in migrations_of("services.payments") if _is_new(each))


def _is_new(migration: Migration) -> bool:
    return migration.module != "chassis" and migration.name >= LATER


async def _write(connection: asyncpg.Connection[Any], was: Yesterday) -> None:
    captured = {"attempt_id": str(was.page), **was.captured} if was.captured else None
    refund = {"refund_id": str(was.refund_id), **was.refund} if was.refund else None
    page = {"session_id": "cs_1", "url": "https://gateway/1"} if was.attempt is True else {}
    attempt = {"attempt_id": str(was.page), "closes_at": NOON.isoformat(), "declines": [], **page}
    number = f"2026/{was.receipt:08}" if was.receipt else None
    await connection.execute(
        BILL,
        was.code,
        was.bill_id,
        new_id(),
        was.state,
        AMOUNT,
        json.dumps(BOTH),
        NOON + timedelta(days=3_650),
        json.dumps(attempt) if was.attempt else None,
        json.dumps(captured) if captured else None,
        json.dumps([str(was.page)] if captured else []),
        json.dumps(refund) if refund else None,
        number,
        was.void,
    )
    ids = {"page": was.page, "refund": was.refund_id, "undone": derived_id(was.refund_id, "undone")}
    async with connection.transaction():
        for name, lines in was.moved:
            for number_of_line, (account, debit, credit) in enumerate(lines):
                values = (ids[name], number_of_line, was.code, was.bill_id, account, debit, credit, name)
                await connection.execute(ENTRY + "($1, $2, $3, $4, $5, $6, $7, $8)", *values)
    if was.receipt:
        await connection.execute(RECEIPT, new_id(), was.receipt, was.code, was.bill_id, AMOUNT, NOON)
    if was.name == "unnumbered":
        call = "insert into call (kind, id, aggregate, key, body) values ('IssueReceipt', $1, 'bill', $2, '{}')"
        await connection.execute(call, new_id(), was.code)


def _named(name: str) -> Yesterday:
    return next(each for each in BILLS if each.name == name)


def _accounts(was: Yesterday) -> set[str]:
    return {account for _, lines in was.moved for account, _, _ in lines} | (
        {"refunds"} if was.state in ("refund_ready", "refund_failed") else set()
    )


async def _bill(pool: Pool, was: Yesterday) -> Bill:
    bill = await store.bills.find(pool, was.bill_id)
    assert bill is not None
    return bill


async def _tell(pool: Pool, was: Yesterday, message: Message) -> Bill:
    """Say this to a bill, as the service would."""
    answering = Answering(pool, Voice("/motcua/payments", NoOpTracer(), lambda: NOON), [DECIDES])
    (after,) = await answering.many(store.bills.aggregate, [(was.code, message)])
    assert isinstance(after, Bill), after
    return await _bill(pool, was)


async def _numbers(pool: Pool) -> int:
    """The last number of the year's receipts."""
    return int(await pool.fetchval("select last from series where name = 'receipt 2026'"))


async def _balances(pool: Pool, was: Yesterday) -> dict[str, int]:
    return {each["account"]: each["balance"] for each in await store.ledger.balances(pool, was.code) if each["balance"]}
