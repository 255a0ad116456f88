"""VietQR at the bank: pictures, money found by its purpose, the statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from deploy.sandbox.bank.purposes import WAYS, mangled, mangled_by_all
from services.payments.adapters import vietqr
from services.payments.adapters.vietqr import VietQr
from services.payments.adapters.vietqr_api import Line
from services.payments.adapters.vietqr_lines import code_of
from services.payments.domain.answers import Captured, CheckoutCreated, CheckoutRefused, StillOpen
from services.payments.domain.codes import payment_code, payment_codes_in
from services.payments.domain.questions import CloseCheckout
from services.payments.domain.vietqr import LARGEST_AMOUNT, Transfer, capture_of_line, decode
from tests.records import NOON
from tests.unit.payments.bank_till import Till, bank_till_in
from tests.unit.payments.till import CALLING
from tests.unit.sandbox.bank_client import ACCOUNT, BIN, SECRET
from tests.unit.sandbox.client import arm, fired

patient = settings(deadline=None)  # other work on the machine must not fail a claim


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with bank_till_in(tmp_path) as till:
        yield till


async def test_a_picture_says_account_amount_and_code_without_a_question_and_always_the_same(till: Till) -> None:
    request = till.request()
    await arm(till.bank.http, "storm_500", times=9)
    pages = [await till.port.create_checkout(request, CALLING) for _ in range(2)]
    assert pages[0] == pages[1]
    assert isinstance(pages[0], CheckoutCreated)
    assert (pages[0].session_id, pages[0].url) == (request.payment_code, "")
    assert decode(pages[0].picture_text or "") == Transfer(BIN, ACCOUNT, 135_000, request.payment_code)


@pytest.mark.parametrize(
    "changes", [{"amount": LARGEST_AMOUNT + 1}, {"amount": 0}, {"payment_code": ""}], ids=["large", "none", "nameless"]
)
async def test_what_no_picture_can_say_is_refused(till: Till, changes: dict[str, object]) -> None:
    assert isinstance(await till.port.create_checkout(till.request(**changes), CALLING), CheckoutRefused)


@pytest.mark.parametrize(("bank_bin", "account"), [("97040", ACCOUNT), (BIN, ""), (BIN, "1" * 20)])
def test_an_account_that_no_picture_can_name_is_refused_at_once(bank_bin: str, account: str) -> None:
    with pytest.raises(ValueError):
        VietQr(vietqr.client("http://bank", "key"), [SECRET], bank_bin, account)


async def test_money_is_found_by_its_code_and_named_by_its_line(till: Till) -> None:
    page = await till.page()
    assert await till.truth(page) == StillOpen(attempt_id=page.attempt_id)
    line = await till.pays(page)
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    assert (truth.attempt_id, truth.reference, truth.money_id) == (
        page.attempt_id,
        line["id"],
        capture_of_line(line["id"]),
    )
    assert (truth.amount, truth.currency, truth.gateway) == (135_000, "VND", "vietqr")
    assert abs((truth.paid_at - till.now).total_seconds()) < 0.01
    assert not truth.heard_only


async def test_of_several_moneys_the_newest_is_told(till: Till) -> None:
    page = await till.page()
    for amount in ("50000", "85000"):
        await till.pays(page, amount=amount)
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    assert truth.amount == 85_000


async def test_a_transfer_with_two_codes_belongs_to_nobody_until_a_person_decides(till: Till) -> None:
    page, other = await till.page(), payment_code(new_id())
    await till.pays(page, purpose=f"{page.session_id} {other}")
    assert await till.truth(page) == StillOpen(attempt_id=page.attempt_id)
    assert [each.payment_code for each in await till.movements()] == [None]
    assert [each.payment_code for each in till.told()] == [None]


def a_line(purpose: str) -> Line:
    told = {"id": "FT1", "booked_at": NOON.isoformat(), "direction": "credit", "amount": "1", "currency": "VND"}
    return Line.model_validate(told | {"purpose": purpose})


@patient
@given(st.uuids().map(payment_code), st.sampled_from([*WAYS, "all"]), st.integers(0, 10**10 - 1))
def test_the_purpose_of_a_picture_names_its_bill_whatever_banks_make_of_it(code: str, way: str, number: int) -> None:
    arrived = mangled_by_all(code, number) if way == "all" else mangled(code, way, number)
    assert code_of(a_line(arrived)) == code


def test_a_code_that_looks_like_two_with_the_banks_words_behind_it_is_one() -> None:
    codes = (payment_code(UUID(int=number)) for number in count())
    code, arrived = next(
        (code, arrived)
        for code in codes
        if "MC" in code[2:] and len(payment_codes_in(arrived := mangled(code, "acb", 123_456))) > 1
    )
    assert code_of(a_line(arrived)) == code
    assert code_of(a_line(f"{arrived} {payment_code(UUID(int=7))}")) is None
    assert code_of(a_line(f"{arrived} {code}")) == code


async def test_money_that_went_back_or_came_back_is_no_second_payment(till: Till) -> None:
    page = await till.page()
    line = await till.pays(page)
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    await arm(till.bank.http, "refund_returned")
    refund = till.refund(truth, dossier_code=page.session_id)  # a remark that holds the code
    with pytest.raises(Unanswered):
        await till.port.refund(refund, CALLING)
    till.bank.pass_time(2)
    till.bank.pass_time(2)
    assert len(await till.bank.lines()) == 3
    again = await till.truth(page)
    assert isinstance(again, Captured)
    assert again.reference == line["id"]


async def test_a_picture_cannot_be_closed(till: Till) -> None:
    page = await till.page()
    closing = CloseCheckout(gateway="vietqr", attempt_id=page.attempt_id, session_id=page.session_id)
    with pytest.raises(Unanswered):
        await till.port.close_checkout(closing, CALLING)
    await till.pays(page)
    assert isinstance(await till.port.close_checkout(closing, CALLING), Captured)


@pytest.mark.parametrize("fault", ["storm_500", "rate_limited_429", "not_an_answer", "timeout_before"])
async def test_no_answer_is_no_truth(till: Till, fault: str) -> None:
    page, money = await till.page(), await till.paid()
    await arm(till.bank.http, fault, times=4, delay_seconds=0.01)
    with pytest.raises(Unanswered):
        await till.truth(page)
    with pytest.raises(Unanswered):
        await till.port.refund(till.refund(money), CALLING)
    with pytest.raises(Unanswered):
        await till.movements()
    with pytest.raises(Unanswered):
        await till.port.lines_after("0")
    assert await fired(till.bank.http, fault) == 4


async def test_heard_asked_and_listed_are_the_same_money(till: Till) -> None:
    page = await till.page()
    await arm(till.bank.http, "purpose_mangled")
    await till.pays(page, payer="giang")
    truth, (heard,), (listed,) = await till.truth(page), till.told(), await till.movements()
    assert isinstance(truth, Captured)
    assert heard.captured == truth.model_copy(update={"attempt_id": None, "heard_only": True})
    assert (heard.payment_code, listed.payment_code) == (page.session_id, page.session_id)
    assert (listed.kind, listed.reference, listed.amount, listed.currency, listed.at) == (
        "capture", truth.reference, truth.amount, truth.currency, truth.paid_at,
    )  # fmt: skip


async def test_money_without_a_readable_purpose_is_told_without_a_name(till: Till) -> None:
    await arm(till.bank.http, "purpose_lost")
    await till.pays(await till.page())
    (tiding,) = till.told()
    assert (tiding.payment_code, tiding.attempt_id, tiding.bill_id, tiding.dossier_code) == (None, None, None, None)
    assert tiding.captured is not None
    (listed,) = await till.movements()
    assert (listed.payment_code, listed.purpose) == (None, "")


async def test_foreign_money_is_told_in_hundredths(till: Till) -> None:
    page = await till.page()
    await arm(till.bank.http, "foreign_currency")
    await till.pays(page)
    truth = await till.truth(page)
    assert isinstance(truth, Captured)
    assert (truth.amount, truth.currency) == (540, "USD")


async def test_the_statement_lists_every_line_once_with_our_refunds_over_page_borders(tmp_path: Path) -> None:
    async with bank_till_in(tmp_path, page_lines=2) as till:
        money = await till.paid()
        await arm(till.bank.http, "refund_returned")
        refund = till.refund(money)
        with pytest.raises(Unanswered):
            await till.port.refund(refund, CALLING)
        till.bank.pass_time(2)
        till.bank.pass_time(2)
        await till.bank.books(lines=[{"amount": 11_000, "direction": "debit", "purpose": "Phí dịch vụ"}])
        other = await till.paid()
        listed = await till.movements()
        assert [each.kind for each in listed] == ["capture", "refund", "refund_returned", "other", "capture"]
        _, back, returned, _, _ = listed
        assert (back.refund_id, returned.refund_id) == (refund.refund_id, refund.refund_id)
        assert returned.reference == back.reference == back.line != returned.line
        assert (listed[0].reference, listed[4].reference) == (money.reference, other.reference)
        assert len({each.line for each in listed}) == 5


async def test_the_statement_of_a_day_has_its_first_moment_and_not_the_next_days(till: Till) -> None:
    day = datetime(2026, 11, 20, tzinfo=timezone(timedelta(hours=7)))
    moments = [day - timedelta(milliseconds=1), day, day + timedelta(days=1)]
    _, first, _ = await till.bank.books(lines=[{"amount": 1, "at": moment.isoformat()} for moment in moments])
    pages = [page async for page in till.port.movements(day.astimezone(UTC), day + timedelta(days=1), ())]
    assert [each.line for page in pages for each in page] == [first]


async def test_what_was_written_since_a_cursor_is_found_though_every_notice_was_lost(till: Till) -> None:
    await arm(till.bank.http, "notice_lost", times=9)
    first = await till.paid()
    found, cursor = await till.port.lines_after("0")
    assert [each.reference for each in found] == [first.reference]
    assert await till.port.lines_after(cursor) == ([], cursor)
    long_ago = (till.now - timedelta(days=300)).isoformat()
    (late,) = await till.bank.books(lines=[{"amount": 5, "at": long_ago}])
    found, further = await till.port.lines_after(cursor)
    assert ([each.line for each in found], further != cursor) == ([late], True)
