"""VNPAY's pages in our words: a link that nobody need open, and what silence about it means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from chassis.errors import Unanswered
from deploy.sandbox.vnpay import codes as theirs
from services.payments.adapters.vnpay_codes import (
    DECLINES,
    NOT_FOUND,
    PAID,
    REFUSALS,
    RESPONSES,
    SILENCES,
    STATUSES,
    Heard,
    ipn_answer,
)
from services.payments.adapters.vnpay_reading import plain
from services.payments.adapters.vnpay_signature import HASH, QUERY_ANSWERED, joined, mac
from services.payments.domain.answers import Captured, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import AskCheckout
from tests.records import CODE
from tests.unit.payments.till import CALLING
from tests.unit.payments.vnpay_till import AMOUNT, Till, about, port_saying, till_at
from tests.unit.sandbox.vnpay_shop import SECRET, SHORT_OF_FUNDS, TERMINAL, shop_in

LONG = 20 * 60


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with shop_in(tmp_path) as shop:
        yield till_at(shop)


async def test_a_page_is_a_link_of_the_attempt_that_comes_back_to_the_dossier(till: Till) -> None:
    request = till.request()
    page = await till.page(request)
    told = dict(parse_qsl(urlsplit(page.url).query))
    assert page.session_id == told["vnp_TxnRef"] == request.attempt_id.hex
    assert (told["vnp_Amount"], told["vnp_Version"], told["vnp_CurrCode"]) == ("13500000", "2.1.0", "VND")
    assert told["vnp_ReturnUrl"] == request.return_url
    assert told["vnp_OrderInfo"] == f"Le phi cap doi giay phep lai xe hang A B {CODE}"
    assert await till.page(request) == page
    assert (await till.opened(request)).status_code == 200


async def test_what_does_not_fit_on_the_wire_is_refused_before_anybody_can_pay(till: Till) -> None:
    for changes, reason in (
        ({"amount": 10_000_000_000}, "amount_too_large"),
        ({"return_url": f"http://portal/{'x' * 255}"}, "return_url_too_long"),
    ):
        request = till.request(**changes)
        answer = await till.port.create_checkout(request, CALLING)
        assert answer == CheckoutRefused(attempt_id=request.attempt_id, reason=reason)
    assert (await till.opened(till.request(amount=9_999_999_999))).status_code == 200


async def test_a_paid_page_tells_what_was_taken(till: Till) -> None:
    request, money = await till.paid()
    assert money == Captured(
        gateway="vnpay",
        attempt_id=request.attempt_id,
        amount=AMOUNT,
        currency="VND",
        reference=money.reference,
        paid_at=till.now(),
    )
    assert await till.close(request) == money


async def test_a_link_that_nobody_opened_is_open_until_five_minutes_after_its_time(till: Till) -> None:
    request = till.request()
    for passed in (0, 15 * 60, 299):
        till.shop.passes(passed)
        assert await till.truth(request) == StillOpen(attempt_id=request.attempt_id)
        with pytest.raises(Unanswered):
            await till.close(request)
    till.shop.passes(1)
    assert await till.truth(request) == await till.close(request) == SessionClosed(attempt_id=request.attempt_id)


async def test_an_opened_page_closes_when_vnpay_says_so(till: Till) -> None:
    request = till.request()
    await till.opened(request)
    assert await till.truth(request) == StillOpen(attempt_id=request.attempt_id)
    till.shop.passes(15 * 60)
    assert await till.truth(request) == SessionClosed(attempt_id=request.attempt_id)


async def test_a_payment_that_its_bank_never_ends_stays_open_for_ever(till: Till) -> None:
    """Unknown is not failed, also when its time is long over."""
    await till.shop.arm("pending_forever")
    request = till.request()
    await till.pays(request)
    till.shop.passes(LONG)
    assert await till.truth(request) == StillOpen(attempt_id=request.attempt_id)
    with pytest.raises(Unanswered):
        await till.close(request)


@pytest.mark.parametrize(
    ("card", "word"),
    [
        (SHORT_OF_FUNDS, "insufficient_funds"),
        ("9704192181368742", "declined"),
        ("9704193370791314", "card_blocked"),
        ("9704194841945513", "declined"),
    ],
)
async def test_a_declined_card_ends_the_page_and_is_told_in_our_words(till: Till, card: str, word: str) -> None:
    request = till.request()
    await till.pays(request, card)
    truth = await till.truth(request)
    assert isinstance(truth, SessionClosed)
    assert (truth.decline, bool(truth.decline_reference)) == (word, True)
    assert await till.close(request) == truth


async def test_who_leaves_or_comes_too_late_was_not_declined(till: Till) -> None:
    left, late = till.request(), till.request()
    await till.shop.http.post(f"{(await till.opened(left)).url}/cancel")
    await till.opened(late)
    till.shop.passes(LONG)
    for request in (left, late):
        assert await till.truth(request) == SessionClosed(attempt_id=request.attempt_id)


async def test_a_decline_whose_reason_is_not_to_be_had_is_told_as_declined(till: Till) -> None:
    request = till.request()
    await till.pays(request, SHORT_OF_FUNDS)
    await till.shop.arm("storm_500", match="reconcile")
    truth = await till.truth(request)
    assert isinstance(truth, SessionClosed)
    assert truth.decline == "declined"


async def test_a_failure_that_was_captured_after_all_is_told_as_captured(till: Till) -> None:
    await till.shop.arm("failed_then_captured", delay_seconds=60)
    request = till.request()
    await till.pays(request)
    assert isinstance(await till.truth(request), SessionClosed)
    till.shop.passes(60)
    assert isinstance(await till.truth(request), Captured)


async def test_without_the_beginning_of_an_attempt_it_follows_from_its_end(till: Till) -> None:
    request, money = await till.paid()
    question = AskCheckout(**about(request) | {"began": None})
    assert await till.port.ask_checkout(question, CALLING) == money
    with pytest.raises(Unanswered):
        await till.port.ask_checkout(question.model_copy(update={"closes_at": None}), CALLING)


def answers(secret: str = SECRET, **changes: str) -> httpx.Response:
    told = {
        "vnp_ResponseId": "1", "vnp_Command": "querydr", "vnp_ResponseCode": "00", "vnp_TmnCode": TERMINAL,
        "vnp_TxnRef": "order", "vnp_Amount": "13500000", "vnp_PayDate": "20260609120000", "vnp_TransactionNo": "7",
        "vnp_TransactionType": "01", "vnp_TransactionStatus": "00", **changes,
    }  # fmt: skip
    return httpx.Response(200, json=told | {HASH: mac(secret, joined(QUERY_ANSWERED, told))})


async def asked(till: Till, answer: httpx.Response) -> object:
    question = AskCheckout(**about(till.request()) | {"session_id": "order"})
    return await port_saying(lambda _: answer).ask_checkout(question, CALLING)


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "another"}, {"vnp_TmnCode": "OTHER123"}, {"vnp_TxnRef": "another"}, {"vnp_TransactionType": "02"},
        {"vnp_TransactionStatus": "04"}, {"vnp_TransactionStatus": "07"}, {"vnp_TransactionStatus": "05"},
        *({"vnp_ResponseCode": code} for code in SILENCES),
    ],
)  # fmt: skip
async def test_what_is_not_said_definitely_or_not_signed_is_no_answer(till: Till, changes: dict[str, str]) -> None:
    assert isinstance(await asked(till, answers()), Captured)
    with pytest.raises(Unanswered) as error:
        await asked(till, answers(**changes))
    assert not isinstance(error.value, UnknownCode)


@pytest.mark.parametrize(
    "changes",
    [
        {"vnp_ResponseCode": "77"}, {"vnp_TransactionStatus": "77"}, {"vnp_TransactionStatus": ""},
        {"vnp_Amount": "13500001"}, {"vnp_Amount": "-100"}, {"vnp_Amount": "many"}, {"vnp_PayDate": ""},
    ],
)  # fmt: skip
async def test_what_nobody_has_documented_is_said_aloud(till: Till, changes: dict[str, str]) -> None:
    with pytest.raises(UnknownCode):
        await asked(till, answers(**changes))


def test_every_code_of_the_sandbox_has_a_meaning_here() -> None:
    assert set(theirs.RESPONSES) == RESPONSES
    assert set(theirs.STATUSES) == STATUSES
    assert set(theirs.QUERY) | set(theirs.REFUND) == {PAID, NOT_FOUND, *REFUSALS, *SILENCES}


def test_declines_are_told_in_the_words_that_all_gateways_share() -> None:
    words = {"insufficient_funds", "card_blocked", "authentication_failed", "processing_error", "declined", None}
    assert set(DECLINES.values()) == words


def test_only_what_was_heard_before_or_now_ends_an_ipn() -> None:
    answers = {heard: ipn_answer(heard)["RspCode"] for heard in get_args(Heard)}
    assert sorted(answers.values()) == ["00", "01", "02", "04", "97", "99"]
    assert {heard for heard, code in answers.items() if code in theirs.ENDED} == {"ok", "done_before"}


def test_order_info_has_no_marks_and_no_special_characters() -> None:
    assert plain("Đổi giấy phép: 50% <b>“được”</b> 🚗 đ/Đ") == "Doi giay phep 50 b duoc b d D"
    assert len(plain("ế" * 1000)) == 255
