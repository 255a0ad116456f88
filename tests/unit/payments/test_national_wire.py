"""How the national platform writes: wrapped answers, times of twelve hours, references, amounts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from services.payments.adapters import national_wire
from services.payments.domain.codes import payment_code

ANSWER = {"MaLoi": "00", "UrlThanhToan": "https://thanhtoan.example/1"}


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        {"error_code": 0, "message": json.dumps(ANSWER)},
        {"error_code": "00", "message": json.dumps(ANSWER)},
        {"error_code": 0, "message": ANSWER},
    ],
    ids=["bare", "as text", "as text, another zero", "as an object"],
)
def test_the_answer_is_found_in_whatever_a_provinces_gateway_made_of_it(body: Any) -> None:
    assert national_wire.unwrapped(json.dumps(body).encode()) == ANSWER


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"{}", b'{"error_code": 0}', b'{"error_code": -1, "message": "down"}', b"[" * 9999],
)  # fmt: skip
def test_what_holds_no_answer_is_no_answer(body: bytes) -> None:
    with pytest.raises(Unanswered):
        national_wire.unwrapped(body)


def test_a_time_is_written_in_vietnam_in_24_hours() -> None:
    assert national_wire.stamp(datetime(2026, 11, 23, 7, 5, 9, tzinfo=UTC)) == "20261123140509"
    assert national_wire.stamp(datetime(2026, 11, 23, 17, 0, tzinfo=UTC)) == "20261124000000"


BEGAN = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC, microsecond=0))  # noqa: DTZ001
SOON = st.timedeltas(timedelta(), timedelta(hours=6)).map(lambda time: timedelta(seconds=time // timedelta(seconds=1)))


@given(BEGAN, SOON, SOON)
def test_a_payment_soon_after_its_page_is_timed_right_in_24_and_in_12_hours(
    began: datetime, until_paid: timedelta, until_heard: timedelta
) -> None:
    """The half of the day is found from when the page began and when it was heard of, up to half a day later."""
    paid = began + until_paid
    heard = paid + until_heard / 2
    local = paid.astimezone(VIETNAM)
    assert national_wire.moment_of(local.strftime("%Y%m%d%H%M%S"), began, heard) == paid
    assert national_wire.moment_of(local.strftime("%Y%m%d%I%M%S"), began, heard) == paid


@pytest.mark.parametrize(
    "text", ["", None, 20261123140509.5, "2026-11-23", "20261323140509", "２０２６１１２３１４０５０９x"]
)
def test_what_is_no_time_is_no_answer(text: Any) -> None:
    with pytest.raises(Unanswered):
        national_wire.moment_of(text, datetime.now(UTC), datetime.now(UTC))


def test_an_attempts_id_is_its_reference_and_tells_when_it_was_drawn() -> None:
    attempt = new_id()
    reference = national_wire.reference_of(attempt)
    assert reference.isalnum()
    assert reference.isascii()
    assert national_wire.attempt_of(reference) == attempt
    assert abs(national_wire.began_of(attempt) - datetime.now(UTC)) < timedelta(seconds=10)


@given(st.uuids())
def test_a_payment_code_is_no_attempt_and_an_attempt_is_no_payment_code(bill: UUID) -> None:
    code = payment_code(bill)
    assert national_wire.attempt_of(code) is None
    assert national_wire.payment_code_of(code) == code
    assert national_wire.payment_code_of(bill.hex) is None


@pytest.mark.parametrize(("told", "amount"), [(135000, 135000), ("135000", 135000), ("0135000", 135000)])
def test_an_amount_is_a_number_or_digits(told: Any, amount: int) -> None:
    assert national_wire.amount_of({"SoTien": told}) == amount


@pytest.mark.parametrize("told", [None, True, 1.5, "135.000", "-1", -1, 0, "0", "١٣٥", "1" * 16, ""])
def test_what_is_no_amount_is_no_answer(told: Any) -> None:
    with pytest.raises(Unanswered):
        national_wire.amount_of({"SoTien": told})
