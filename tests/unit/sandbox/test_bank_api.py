"""The bank's API for the account's owner: statement, search, returns, and how it fails when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.bank_client import DAY, OWNER, Bank, bank_in
from tests.unit.sandbox.client import arm, fired

REFERENCE = "0197fd00-0000-7000-8000-000000000001"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with bank_in(tmp_path) as bank:
        yield bank


def a_return(of: dict[str, Any], **changes: Any) -> dict[str, Any]:
    told = {"reference": REFERENCE, "line": of["id"], "amount": "35000"}
    return told | {"remark": "Hoan phi ho so", "client_data": "ours"} | changes


async def test_a_statement_is_read_on_from_its_cursor_each_line_once(bank: Bank) -> None:
    for number in range(5):
        await bank.transfer(amount=str(number + 1))
    after, seen, pages = "0", [], 0
    while True:
        page = await bank.get("/v1/statement", after=after, limit=2)
        seen += [line["amount"] for line in page["lines"]]
        after, pages = page["next"], pages + 1
        if not page["more"]:
            break
    assert (seen, pages) == (["1", "2", "3", "4", "5"], 3)
    assert await bank.get("/v1/statement", after=after) == {"lines": [], "next": after, "more": False}
    await bank.transfer(amount="6")
    assert [line["amount"] for line in (await bank.get("/v1/statement", after=after))["lines"]] == ["6"]


async def test_since_and_until_take_in_the_first_moment_and_not_the_last(bank: Bank) -> None:
    moments = [datetime(2026, 11, 1, 0, 0, tzinfo=UTC) + timedelta(hours=hour) for hour in range(3)]
    await bank.books(lines=[{"amount": number, "at": at.isoformat()} for number, at in enumerate(moments, 1)])
    asked = {"since": moments[0].isoformat(), "until": moments[2].isoformat()}
    assert [line["amount"] for line in (await bank.get("/v1/statement", **asked))["lines"]] == ["1", "2"]


async def test_every_wrong_parameter_is_named_at_once(bank: Bank) -> None:
    query = {"after": "-1", "limit": "1001", "since": "yesterday", "until": "2026-11-01T00:00:00"}
    answer = await bank.http.get("/v1/statement", params=query, headers=OWNER)
    assert answer.status_code == 400
    assert {each["field"] for each in answer.json()["error"]["errors"]} == {"after", "limit", "since", "until"}


async def test_a_search_finds_letters_and_digits_whatever_stands_between_the_newest_first(bank: Bank) -> None:
    for purpose in ("MC0A1 B2C3D4E5F6", "mc0a1b2c3d4e5f6!", "another purpose"):
        await bank.transfer(purpose=purpose)
    found = (await bank.get("/v1/transactions", purpose="MC0A1B2C3D4E5F6"))["lines"]
    assert [line["cursor"] for line in found] == ["2", "1"]
    assert (await bank.get("/v1/transactions", purpose="NOTHING"))["lines"] == []
    for short in ("", "AB-C"):
        assert (await bank.http.get("/v1/transactions", params={"purpose": short}, headers=OWNER)).status_code == 400


@pytest.mark.parametrize("path", ["/v1/statement", "/v1/transactions?purpose=ABCDEF", "/v1/returns/x"])
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic bank-key"])
async def test_without_the_key_nothing_is_told(bank: Bank, path: str, header: str) -> None:
    answer = await bank.http.get(path, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


async def test_a_return_is_pending_then_done_with_a_debit_of_its_own(bank: Bank) -> None:
    line = await bank.transferred()
    taken = await bank.send_back(**a_return(line))
    assert (taken.status_code, taken.json()["status"]) == (201, "pending")
    assert len(await bank.lines()) == 1
    bank.pass_time(2)
    done = await bank.get(f"/v1/returns/{REFERENCE}")
    debit = (await bank.lines())[-1]
    assert (done["status"], done["debit_line"], done["client_data"]) == ("done", debit["id"], "ours")
    assert (debit["direction"], debit["amount"], debit["original"]) == ("debit", "35000", line["id"])
    assert debit["return_reference"] == REFERENCE
    (notice,) = bank.notices("return.")
    assert (notice["type"], notice["body"]["data"]["return"]) == ("return.done", done)


async def test_the_same_reference_and_body_is_one_return_and_another_body_a_conflict(bank: Bank) -> None:
    line = await bank.transferred()
    answers = [await bank.send_back(**a_return(line)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    for change in ({"amount": "35001"}, {"remark": "x"}, {"client_data": "x"}, {"line": "FT0"}):
        other = await bank.send_back(**a_return(line, **change))
        assert (other.status_code, other.json()["error"]["code"]) == (409, "reference_reused")
    bank.pass_time(5)
    assert [each["amount"] for each in await bank.lines()] == ["135000", "35000"]


async def test_no_more_goes_back_than_came_in(bank: Bank) -> None:
    line = await bank.transferred()
    await bank.send_back(**a_return(line, amount="100000"))
    assert (await bank.send_back(**a_return(line, reference="reference-2"))).status_code == 201
    more = await bank.send_back(**a_return(line, reference="reference-3", amount="1"))
    assert (more.status_code, more.json()["error"]["code"]) == (422, "more_than_left")


async def test_a_refused_return_leaves_its_money_to_be_sent_back(bank: Bank) -> None:
    line = await bank.transferred()
    await arm(bank.http, "refund_refused")
    await bank.send_back(**a_return(line, amount="135000"))
    bank.pass_time(2)
    refused = await bank.get(f"/v1/returns/{REFERENCE}")
    assert (refused["status"], refused["reason"], refused["debit_line"]) == ("refused", "account_closed", None)
    assert (await bank.send_back(**a_return(line, reference="reference-2", amount="135000"))).status_code == 201
    assert [notice["type"] for notice in bank.notices("return.")] == ["return.refused"]


async def test_a_return_that_comes_back_is_credited_again_and_no_payment(bank: Bank) -> None:
    line = await bank.transferred()
    await arm(bank.http, "refund_returned", delay_seconds=60)
    await bank.send_back(**a_return(line))
    bank.pass_time(2)
    assert (await bank.get(f"/v1/returns/{REFERENCE}"))["status"] == "done"
    bank.pass_time(60)
    told = await bank.get(f"/v1/returns/{REFERENCE}")
    _, debit, credit = await bank.lines()
    assert (told["status"], told["credit_line"]) == ("returned", credit["id"])
    assert (credit["direction"], credit["original"], credit["return_reference"]) == ("credit", debit["id"], REFERENCE)
    assert [notice["type"] for notice in bank.notices()] == ["line.credited", "return.done", "return.returned"]
    again = await bank.send_back(**a_return(credit, reference="reference-2"))
    assert (again.status_code, again.json()["error"]["code"]) == (422, "not_returnable")


async def test_what_cannot_go_back_is_refused_by_its_reason(bank: Bank) -> None:
    old = (datetime.fromtimestamp(bank.clock.now, UTC) - timedelta(days=90, seconds=1)).isoformat()
    ids = await bank.books(
        lines=[
            {"amount": 50_000, "at": old},
            {"amount": 50_000, "direction": "debit"},
            {"amount": 540, "currency": "USD"},
        ]
    )
    codes = []
    for number, identifier in enumerate([*ids, "FT0"]):
        answer = await bank.send_back(**a_return({"id": identifier}, reference=f"reference-{number}", amount="1"))
        codes.append((answer.status_code, answer.json()["error"]["code"]))
    assert codes == [
        (422, "window_over"),
        (422, "not_returnable"),
        (422, "currency_not_returned"),
        (404, "line_unknown"),
    ]


async def test_the_window_is_open_for_ninety_days(bank: Bank) -> None:
    line = await bank.transferred()
    bank.pass_time(90 * DAY)
    assert (await bank.send_back(**a_return(line))).status_code == 201
    bank.pass_time(1)
    late = await bank.send_back(**a_return(line, reference="reference-2"))
    assert late.json()["error"]["code"] == "window_over"


async def test_a_bad_body_is_refused_with_all_its_mistakes(bank: Bank) -> None:
    answer = await bank.send_back(reference="x", line="?", amount=35000, remark="lệ", colour="red")
    assert answer.status_code == 400
    fields = {each["field"] for each in answer.json()["error"]["errors"]}
    assert fields == {"reference", "line", "amount", "remark", "colour"}
    for body in (b"[]", b"{", b"\xff"):
        assert (await bank.http.post("/v1/returns", content=body, headers=OWNER)).status_code == 400
    large = await bank.http.post("/v1/returns", content=b"x" * 9000, headers=OWNER)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_entity_too_large")


@pytest.mark.parametrize(
    ("fault", "status", "taken"),
    [
        ("timeout_before", 504, 0),
        ("timeout_after_charge", 504, 1),
        ("storm_500", 500, 0),
        ("rate_limited_429", 429, 0),
        ("not_an_answer", 200, 0),
        ("slow", 201, 1),
    ],
)
async def test_a_fault_befalls_a_request_once_and_the_repetition_is_one_return(
    bank: Bank, fault: str, status: int, taken: int
) -> None:
    line = await bank.transferred()
    await arm(bank.http, fault, delay_seconds=0.01)
    assert (await bank.send_back(**a_return(line))).status_code == status
    assert len(bank.office.store.all_of("returns")) == taken
    assert (await bank.send_back(**a_return(line))).status_code in (200, 201)
    assert (await fired(bank.http, fault), len(bank.office.store.all_of("returns"))) == (1, 1)


async def test_a_return_may_stay_pending_and_be_told_with_a_status_that_nobody_knows(bank: Bank) -> None:
    line = await bank.transferred()
    await arm(bank.http, "refund_pending", delay_seconds=3600)
    await arm(bank.http, "unknown_code")
    assert (await bank.send_back(**a_return(line))).json()["status"] == "under_clearing_review"
    bank.pass_time(3600)
    assert (await bank.get(f"/v1/returns/{REFERENCE}"))["status"] == "pending"
    bank.pass_time(2)
    assert (await bank.get(f"/v1/returns/{REFERENCE}"))["status"] == "done"


async def test_many_lines_are_booked_at_once_each_as_its_payers_bank_writes(bank: Bank) -> None:
    ids = await bank.books(
        count=3000, amount=135_000, purpose="MC0A1B2C3D4E5F6", at="2026-11-01T00:00:00+07:00", seconds=86_400
    )
    page = await bank.get("/v1/statement", limit=1000, after=2000)
    assert [line["id"] for line in page["lines"]] == ids[2000:]
    assert page["lines"][-1]["booked_at"] == "2026-11-01T23:59:31.200+07:00"
    assert len({line["purpose"].split(" ")[0][:4] for line in page["lines"]}) > 3
    assert bank.notices() == []
    (total,) = (await bank.http.get("/_control/lines")).json()["totals"]
    assert (total["lines"], total["amount"]) == (3000, 3000 * 135_000)


@pytest.mark.parametrize(
    "asked",
    [{}, [], {"lines": [{}]}, {"lines": [{"amount": -1}]}, {"lines": [{"amount": 1, "at": "x"}]}, {"count": "x"}],
)
async def test_what_are_no_lines_books_none(bank: Bank, asked: Any) -> None:
    answer = await bank.http.post("/_control/lines", json=asked)
    assert answer.status_code == 400
    assert await bank.lines() == []
