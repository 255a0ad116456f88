"""Reports of agencies: takings from the ledger and the journal of receipts, as JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter as Counted
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from services.payments import store
from tests.database import Server as Postgres
from tests.integration.payments_counter import AGENCY, AMOUNT, FEE, PHOTO, RETURNED, Counter, Dossier
from tests.integration.payments_people import OTHER_AGENCY, People, open_people

EVIL = FEE | {"code": "la", "beneficiary": "=cmd|'/c calc'!A0", "amount": 1_000}


@pytest.fixture(scope="module")
async def people(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[People]:
    async with open_people(postgres_server, tmp_path_factory.mktemp("gateway")) as people:
        yield people


@pytest.fixture(scope="module")
async def paid(people: People) -> list[Dossier]:
    """One by card, of which a line went back; one at the counter; one in parts by transfer and by card."""
    counter = people.counter
    card, hand, odd = (
        await counter.filed(),
        await counter.filed(lines=(FEE, PHOTO, EVIL)),
        await counter.filed(lines=(PHOTO,)),
    )
    await counter.pays(await counter.page(card))
    await counter.comes_to(card, "paid")
    await people.officer(card, "POST", "/refunds", {"available": RETURNED, "reason": "=không chụp"})
    await counter.refunds_come_to(card, "done")
    await people.paid(hand)
    await people.paid(odd)
    return [card, hand, odd]


def today(counter: People) -> date:
    return (counter.counter.clock() + timedelta(hours=7)).date()


async def report(
    people: People, name: str, form: str = "json", agency: str | None = None, **more: str
) -> httpx.Response:
    day = today(people).isoformat()
    path = f"/reports/{name}?" + "&".join(
        f"{key}={value}" for key, value in {"from": day, "until": day, "format": form, **more}.items()
    )
    if agency is None:
        return await people.operator("GET", path)
    return await people.asks("officer", "GET", path, None, {"agency": agency})


def rows_of(content: bytes) -> list[list[str]]:
    assert content.startswith("\ufeff".encode()), "Excel would take it for an old code page"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


async def test_takings_are_told_by_day_gateway_account_and_kind(people: People, paid: list[Dossier]) -> None:
    told = (await report(people, "takings")).json()
    rows = {
        (row["gateway"], row["beneficiary"], row["kind"]): (row["collected"], row["refunded"], row["net"])
        for row in told
    }
    assert rows == {
        ("stripe", "3511.0.1054321", "lệ phí"): (115_000, 0, 115_000),
        ("stripe", "3511.0.1054321", "phí"): (RETURNED, RETURNED, 0),
        ("counter", "3511.0.1054321", "lệ phí"): (115_000, 0, 115_000),
        ("counter", "3511.0.1054321", "phí"): (2 * RETURNED, 0, 2 * RETURNED),
        ("counter", EVIL["beneficiary"], "lệ phí"): (1_000, 0, 1_000),
    }
    assert {(row["agency"], row["day"]) for row in told} == {(AGENCY, today(people).isoformat())}


async def test_takings_are_what_the_ledger_says(people: People, paid: list[Dossier]) -> None:
    told = (await report(people, "takings")).json()
    booked = await people.counter.pool.fetchval(
        "select sum(credit - debit)::bigint from ledger_entry where account like 'fee:%'"
    )
    assert sum(row["net"] for row in told) == booked


async def test_an_officer_gets_his_agencys_report_whatever_he_asks_for(people: People, paid: list[Dossier]) -> None:
    ours = await report(people, "takings", agency=AGENCY)
    assert ours.json() == (await report(people, "takings")).json()
    for name in ("takings", "receipts"):
        other = await people.asks(
            "officer", "GET", f"/reports/{name}?from={today(people)}&until={today(people)}&agency={AGENCY}", None,
            {"agency": OTHER_AGENCY},
        )  # fmt: skip
        assert other.json() == []
        citizen = await people.asks("citizen", "GET", f"/reports/{name}?from=2026-01-01&until=2026-01-01", None, {})
        assert citizen.status_code == 403
        assert (await people.counter.http.get(f"/reports/{name}")).status_code == 401


async def test_csv_opens_in_a_vietnamese_excel_and_runs_no_formula(people: People, paid: list[Dossier]) -> None:
    answer = await report(people, "takings", "csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    head, *rows = rows_of(answer.content)
    assert head[:3] == ["Mã cơ quan", "Cơ quan", "Ngày"]
    assert len(rows) == 5
    assert all(re.fullmatch(r"\d\d/\d\d/\d{4}", row[2]) for row in rows)
    assert any(row[4] == f"'{EVIL['beneficiary']}" for row in rows)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


async def test_xlsx_holds_numbers_as_numbers_and_no_formula(people: People, paid: list[Dossier]) -> None:
    for name in ("takings", "receipts"):
        answer = await report(people, name, "xlsx")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            words = book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in sheet
        assert f"<v>{AMOUNT if name == 'receipts' else 115_000}</v>" in sheet
        assert "Cơ quan" in words


async def test_the_journal_has_every_number_and_what_became_of_it(people: People, paid: list[Dossier]) -> None:
    told = (await report(people, "receipts")).json()
    assert [int(row["number"][5:]) for row in told] == list(range(1, len(told) + 1)), "no gap, no duplicate"
    first, second = told[:2]
    assert (first["ended"], first["ended_because"], second["replaces"]) == (
        "replaced",
        "hoàn trả: theo quyết định của cán bộ",
        first["number"],
    )
    head, *rows = rows_of((await report(people, "receipts", "csv")).content)
    assert [row[0] for row in rows] == [row["number"] for row in told]
    assert [row[head.index("Tình trạng")] for row in rows] == ["đã thay thế", *["có giá trị"] * (len(told) - 1)]


async def test_receipts_are_read_in_pages_that_hold_each_once(people: People, paid: list[Dossier]) -> None:
    pool, now = people.counter.pool, people.counter.clock()
    period = (now - timedelta(days=1), now + timedelta(days=1), AGENCY)
    numbers, last = list[str](), ""
    while page := await store.reports.journal(pool, *period, last, 1):
        numbers += [row["number"] for row in page]
        last = numbers[-1]
    assert numbers == [row["number"] for row in (await report(people, "receipts")).json()]


async def test_a_day_without_anything_is_an_empty_report(people: People, paid: list[Dossier]) -> None:
    period = {"from": "2024-02-29", "until": "2024-03-01"}
    for name in ("takings", "receipts"):
        assert (await report(people, name, **period)).json() == []
        assert len(rows_of((await report(people, name, "csv", **period)).content)) == 1


@pytest.mark.parametrize(
    "period",
    [{"from": "2026-02-01", "until": "2026-01-31"}, {"from": "2024-01-01", "until": "2026-01-01"}],
)
async def test_a_period_that_is_none_is_told(people: People, period: dict[str, Any]) -> None:
    answer = await report(people, "takings", **period)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_period")
    streamed = await report(people, "receipts", "csv", **period)
    assert streamed.status_code == 422


@pytest.mark.parametrize("day", ["2026-02-30", "0001-01-01", "9999-12-31", "x"])
async def test_a_day_that_is_none_is_told(people: People, day: str) -> None:
    answer = await report(people, "takings", **{"from": day})
    assert answer.status_code == 422


async def test_what_was_paid_in_parts_stands_under_each_gateway_as_in_its_clearing_account(
    people: People, paid: list[Dossier], parts: Counter
) -> None:
    told = (await report(people, "takings")).json()
    rows = {(row["gateway"], row["kind"]): (row["collected"], row["refunded"]) for row in told}
    # Of the fees of one, 15,000 by transfer, the rest by card and a line sent back; of the other all by transfer; one before.
    assert rows["vietqr", "lệ phí"] == (15_000 + 115_000, 0)
    assert rows["vietqr", "phí"] == (RETURNED, 0)
    assert rows["stripe", "lệ phí"] == (100_000 + 115_000, 0)
    assert rows["stripe", "phí"] == (2 * RETURNED, 2 * RETURNED)
    moved = await parts.pool.fetch(
        """select substr(account, 9) as gateway, sum(debit - credit)::bigint as amount from ledger_entry
        where account like 'gateway:%' and reason not in ('gateway fee', 'payout') group by account"""
    )
    net = Counted[str]()
    for row in told:
        net[row["gateway"]] += row["net"]
    assert net == {row["gateway"]: row["amount"] for row in moved}


@pytest.fixture
async def parts(people: People) -> Counter:
    """A bill whose first part came by transfer and whose rest by card; and one with two transfers, which were too much."""
    counter = people.counter
    mixed, much = await counter.filed(), await counter.filed()
    await transferred(people, mixed, 15_000)
    await counter.comes_to(mixed, "open")
    await counter.pays(await counter.page(mixed))
    await counter.comes_to(mixed, "paid")
    await people.officer(mixed, "POST", "/refunds", {"available": RETURNED, "reason": "nộp nhầm"})
    await transferred(people, much, 30_000)
    await counter.comes_to(much, "open")
    await transferred(people, much, 120_000)
    await counter.refunds_come_to(mixed, "done")
    await counter.refunds_come_to(much, "done")
    return counter


async def transferred(people: People, dossier: Dossier, amount: int) -> None:
    """A transfer of any amount, and the bank is asked for it."""
    shown = (await people.citizen(dossier, "POST", "/checkout", {"gateway": "vietqr"})).json()
    await people.transfers(shown["picture_text"], amount)
    await people.operator("POST", await people.at(dossier, "/ask"))
