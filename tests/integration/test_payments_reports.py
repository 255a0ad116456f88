"""Reports of agencies: takings from the ledger and the journal of receipts, as JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter as Counted
from collections import defaultdict
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from chassis.clock import VIETNAM
from services.payments import store
from tests.integration.payments_counter import AGENCY, AMOUNT, FEE, PHOTO, RETURNED, Counter, Dossier
from tests.integration.payments_people import OTHER_AGENCY, People

PARTS = "G09.21"
"""The agency whose fees were paid in parts."""
EVIL = FEE | {"code": "la", "beneficiary": "=cmd|'/c calc'!A0", "amount": 1_000}


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


def period(people: People) -> dict[str, str]:
    """Today, and yesterday: the day may have begun since it was paid."""
    today = people.counter.clock().astimezone(VIETNAM).date()
    return {"from": (today - timedelta(days=1)).isoformat(), "until": today.isoformat()}


async def report(
    people: People, name: str, form: str = "json", agency: str | None = AGENCY, **more: str
) -> httpx.Response:
    """What an operator gets, of one agency or of all."""
    of = {} if agency is None else {"agency": agency}
    return await people.operator("GET", path(name, {**period(people), "format": form, **of, **more}))


def path(name: str, query: dict[str, str]) -> str:
    return f"/reports/{name}?{urlencode(query)}"


def added_up(told: list[dict[str, Any]], *of: str) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """What was collected, refunded and stays, whatever the days."""
    sums = defaultdict[tuple[str, ...], Counted[str]](Counted)
    for row in told:
        sums[tuple(row[name] for name in of)].update({name: row[name] for name in ("collected", "refunded", "net")})
    return {key: (sum_["collected"], sum_["refunded"], sum_["net"]) for key, sum_ in sums.items()}


def rows_of(content: bytes) -> list[list[str]]:
    assert content.startswith("\ufeff".encode()), "Excel would take it for an old code page"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


async def test_takings_are_told_by_day_gateway_account_and_kind(people: People, paid: list[Dossier]) -> None:
    told = (await report(people, "takings")).json()
    assert added_up(told, "gateway", "beneficiary", "kind") == {
        ("stripe", "3511.0.1054321", "lệ phí"): (115_000, 0, 115_000),
        ("stripe", "3511.0.1054321", "phí"): (RETURNED, RETURNED, 0),
        ("counter", "3511.0.1054321", "lệ phí"): (115_000, 0, 115_000),
        ("counter", "3511.0.1054321", "phí"): (2 * RETURNED, 0, 2 * RETURNED),
        ("counter", EVIL["beneficiary"], "lệ phí"): (1_000, 0, 1_000),
    }
    days = await people.counter.pool.fetch(
        """select distinct (posted_at at time zone 'Asia/Ho_Chi_Minh')::date as day from ledger_entry
        where account like 'fee:%' and dossier_code = any($1)""",
        [dossier.code for dossier in paid],
    )
    assert {(row["agency"], row["day"]) for row in told} == {(AGENCY, row["day"].isoformat()) for row in days}


async def test_takings_are_what_the_ledger_says(people: People, paid: list[Dossier]) -> None:
    told = (await report(people, "takings", agency=None)).json()
    booked = await people.counter.pool.fetchval(
        "select sum(credit - debit)::bigint from ledger_entry where account like 'fee:%'"
    )
    assert sum(row["net"] for row in told) == booked


async def test_an_officer_gets_his_agencys_report_whatever_he_asks_for(people: People, paid: list[Dossier]) -> None:
    asked = period(people)
    for name in ("takings", "receipts"):
        ours = await people.asks("officer", "GET", path(name, asked), None, {"agency": AGENCY})
        assert ours.json() == (await report(people, name)).json() != []
        theirs = path(name, asked | {"agency": AGENCY})
        assert (await people.asks("officer", "GET", theirs, None, {"agency": OTHER_AGENCY})).json() == []
        citizen = await people.asks("citizen", "GET", f"/reports/{name}?from=2026-01-01&until=2026-01-01", None, {})
        assert citizen.status_code == 403
        assert (await people.counter.http.get(f"/reports/{name}")).status_code == 401


async def test_csv_opens_in_a_vietnamese_excel_and_runs_no_formula(people: People, paid: list[Dossier]) -> None:
    answer = await report(people, "takings", "csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    head, *rows = rows_of(answer.content)
    assert head[:3] == ["Mã cơ quan", "Cơ quan", "Ngày"]
    assert len({(row[3], row[4], row[5]) for row in rows}) == 5
    assert len(rows) == len((await report(people, "takings")).json())
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
    every = [row["number"] for row in (await report(people, "receipts", agency=None)).json()]
    years = Counted(number.partition("/")[0] for number in every)
    numbers = [f"{year}/{ordinal:08}" for year in sorted(years) for ordinal in range(1, years[year] + 1)]
    assert every == numbers, "no gap, no duplicate"
    told = (await report(people, "receipts")).json()
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
    numbers, last = list[str](), ""
    while page := await store.reports.journal(pool, now - timedelta(days=1), now + timedelta(days=1), AGENCY, last, 1):
        numbers += [row["number"] for row in page]
        last = numbers[-1]
    assert numbers == [row["number"] for row in (await report(people, "receipts")).json()]


async def test_a_day_without_anything_is_an_empty_report(people: People, paid: list[Dossier]) -> None:
    nothing = {"from": "2024-02-29", "until": "2024-03-01"}
    for name in ("takings", "receipts"):
        assert (await report(people, name, **nothing)).json() == []
        assert len(rows_of((await report(people, name, "csv", **nothing)).content)) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"from": "2026-02-01", "until": "2026-01-31"}, {"from": "2024-01-01", "until": "2026-01-01"}],
)
async def test_a_period_that_is_none_is_told(people: People, wrong: dict[str, Any]) -> None:
    answer = await report(people, "takings", **wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_period")
    streamed = await report(people, "receipts", "csv", **wrong)
    assert streamed.status_code == 422


@pytest.mark.parametrize("day", ["2026-02-30", "0001-01-01", "9999-12-31", "x"])
async def test_a_day_that_is_none_is_told(people: People, day: str) -> None:
    answer = await report(people, "takings", **{"from": day})
    assert answer.status_code == 422


async def test_what_was_paid_in_parts_stands_under_each_gateway_as_in_its_clearing_account(
    people: People, parts: Counter
) -> None:
    # Of the fees of one, 15,000 by transfer, the rest by card and a line sent back; of the other all by transfer.
    assert added_up((await report(people, "takings", agency=PARTS)).json(), "gateway", "kind") == {
        ("vietqr", "lệ phí"): (15_000 + 115_000, 0, 15_000 + 115_000),
        ("vietqr", "phí"): (RETURNED, 0, RETURNED),
        ("stripe", "lệ phí"): (100_000, 0, 100_000),
        ("stripe", "phí"): (RETURNED, RETURNED, 0),
    }
    moved = await parts.pool.fetch(
        """select substr(account, 9) as gateway, sum(debit - credit)::bigint as amount from ledger_entry
        where account like 'gateway:%' and reason not in ('gateway fee', 'payout') group by account"""
    )
    told = (await report(people, "takings", agency=None)).json()
    net = {gateway: net for (gateway,), (_, _, net) in added_up(told, "gateway").items()}
    assert net == {row["gateway"]: row["amount"] for row in moved}


@pytest.fixture
async def parts(people: People) -> Counter:
    """A bill whose first part came by transfer and whose rest by card; and one with two transfers, which were too much."""
    counter = people.counter
    mixed, much = await counter.filed(agency=PARTS), await counter.filed(agency=PARTS)
    await transferred(people, mixed, 15_000)
    await counter.comes_to(mixed, "open")
    await counter.pays(await counter.page(mixed))
    await counter.comes_to(mixed, "paid")
    await people.officer(mixed, "POST", "/refunds", {"available": RETURNED, "reason": "nộp nhầm"}, agency=PARTS)
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
