"""VNPAY's IPN: whom we believe, what a notice is called, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.errors import Refusal
from services.payments.adapters.vnpay_reading import hear, tell
from services.payments.adapters.vnpay_signature import mac, signed_query
from services.payments.domain.answers import Captured
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.tidings import Ring, Tiding
from tests.records import NOON
from tests.unit.payments.vnpay_till import AMOUNT, Till, till_at
from tests.unit.sandbox.vnpay_shop import SECRET, SHORT_OF_FUNDS, TERMINAL, shop_in

ATTEMPT = "018f3c2e7b1a7c3d9e4f5a6b7c8d9e0f"
TOLD = {
    "vnp_TmnCode": TERMINAL, "vnp_TxnRef": ATTEMPT, "vnp_Amount": "13500000", "vnp_TransactionNo": "14000001",
    "vnp_ResponseCode": "00", "vnp_TransactionStatus": "00", "vnp_PayDate": "20260609120000", "vnp_OrderInfo": "Nộp lệ phí",
}  # fmt: skip


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with shop_in(tmp_path) as shop:
        yield till_at(shop)


def rung(**changes: str) -> Ring:
    return hear(SECRET, TERMINAL, signed_query(SECRET, TOLD | changes).encode())


def heard(till: Till) -> list[Ring]:
    rows = till.shop.office.store.notices(100)
    return [till.port.hear(row["query"].encode(), {}, NOON) for row in rows]


async def test_a_success_says_what_was_taken_as_the_gateway_does_when_it_is_asked(till: Till) -> None:
    request, money = await till.paid()
    (ring,) = heard(till)
    captured = money.model_copy(update={"heard_only": True})
    assert till.port.tell(ring) == (
        Tiding(attempt_id=request.attempt_id, session_id=request.attempt_id.hex, captured=captured),
    )


async def test_a_failure_makes_us_ask(till: Till) -> None:
    request = till.request()
    await till.pays(request, SHORT_OF_FUNDS)
    (ring,) = heard(till)
    assert till.port.tell(ring) == (Tiding(attempt_id=request.attempt_id, session_id=request.attempt_id.hex),)


async def test_copies_have_one_id_and_a_late_capture_has_another(till: Till) -> None:
    await till.shop.arm("notice_duplicated", times=2)
    await till.shop.arm("failed_then_captured", delay_seconds=5)
    await till.pays(till.request())
    till.shop.passes(5)
    failed, failed_copy, captured, captured_copy = [ring.event_id for ring in heard(till)]
    assert failed == failed_copy != captured == captured_copy


def test_the_same_payment_of_another_amount_is_no_copy() -> None:
    assert rung().event_id == rung(vnp_OrderInfo="Nop le phi").event_id != rung(vnp_Amount="1350000").event_id


def test_a_notice_is_never_too_old_for_vnpay_signs_no_time_of_sending() -> None:
    (tiding,) = tell(rung(vnp_PayDate="20200101000000"))
    assert isinstance(tiding.captured, Captured)
    assert tiding.captured.paid_at.year == 2019  # in UTC


def test_what_was_heard_is_read_without_its_secret_which_may_have_been_changed_since() -> None:
    (tiding,) = tell(Ring("1", "pay", signed_query("an older one", TOLD).encode()))
    assert tiding.captured is not None
    assert tiding.captured.amount == AMOUNT


@pytest.mark.parametrize("name", [name for name in TOLD if name != "vnp_OrderInfo"])
def test_a_signed_query_that_is_no_notice_of_ours_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        rung(**{name: ""})
    assert (refusal.value.code, refusal.value.status) == ("bad_event", 400)


@pytest.mark.parametrize("query", [b"vnp_Amount", b"vnp_Amount=\xff", b"vnp_Amount=%ff"])
def test_a_signed_query_that_is_none_is_refused(query: bytes) -> None:
    with pytest.raises(Refusal):
        hear(SECRET, TERMINAL, query + b"&vnp_SecureHash=" + mac(SECRET, query).encode())


def test_another_terminals_notice_is_refused_and_anothers_order_tells_nothing() -> None:
    with pytest.raises(Refusal):
        rung(vnp_TmnCode="OTHER123")
    assert list(tell(rung(vnp_TxnRef="order1"))) == []
    assert list(tell(rung(vnp_TxnRef=ATTEMPT.upper()))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"vnp_ResponseCode": "07"}, {"vnp_ResponseCode": "07", "vnp_TransactionStatus": "07"},
        {"vnp_TransactionStatus": "01"}, {"vnp_TransactionStatus": "02"}, {"vnp_ResponseCode": "24"},
    ],
)  # fmt: skip
def test_only_a_success_in_both_codes_says_what_was_taken(changes: dict[str, str]) -> None:
    (tiding,) = tell(rung(**changes))
    assert tiding.attempt_id is not None
    assert tiding.captured is None


@pytest.mark.parametrize(
    "changes",
    [
        {"vnp_ResponseCode": "77"}, {"vnp_TransactionStatus": "77"}, {"vnp_Amount": "13500001"}, {"vnp_Amount": "x"},
        {"vnp_PayDate": "today"},
    ],
)  # fmt: skip
def test_what_nobody_has_documented_is_said_aloud(changes: dict[str, str]) -> None:
    with pytest.raises(UnknownCode):
        tell(rung(**changes))
