"""Test cards, what is wrong with a typed card, and how money is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.gateway import cards, money


def test_every_test_card_passes_the_check_that_typed_numbers_must_pass() -> None:
    assert [card.number for card in cards.CARDS if cards.number_is_wrong(card.number)] == []
    assert len(cards.BY_NUMBER) == len(cards.CARDS)


@given(st.text("0123456789", min_size=12, max_size=19), st.data())
def test_one_wrong_digit_is_always_noticed(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert not (cards.luhn(number) and cards.luhn(number[:place] + other + number[place + 1 :]))


@pytest.mark.parametrize(
    "number", ["", "4242", "4242424242424241", "４２４２４２４２４２４２４２４２", "4242a24242424242", "4" * 30]
)
def test_what_is_no_card_number_is_wrong(number: str) -> None:
    assert cards.number_is_wrong(number)


def test_a_card_is_good_to_the_end_of_its_month() -> None:
    assert cards.expiry_is_wrong(11, 2026, (2026, 11)) is None
    assert cards.expiry_is_wrong(10, 2026, (2026, 11)) == "invalid_expiry_year"
    assert cards.expiry_is_wrong(13, 2030, (2026, 11)) == "invalid_expiry_month"
    assert cards.expiry_is_wrong(1, 2099, (2026, 11)) == "invalid_expiry_year"


def test_the_security_code_has_three_digits_and_four_on_american_express() -> None:
    assert not cards.code_is_wrong("123", "4242424242424242")
    assert cards.code_is_wrong("1234", "4242424242424242")
    assert not cards.code_is_wrong("1234", "378282246310005")


def test_numbers_are_grouped_as_on_the_card() -> None:
    assert cards.grouped("4242424242424242") == "4242 4242 4242 4242"
    assert cards.grouped("378282246310005") == "3782 822463 10005"


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (135_000, "vnd", "135.000 ₫"),
        (0, "vnd", "0 ₫"),
        (1_234_567_890, "vnd", "1.234.567.890 ₫"),
        (-135_000, "vnd", "−135.000 ₫"),
        (123_456, "usd", "1.234,56 US$"),
        (5, "thb", "0,05 THB"),
    ],
)
def test_amounts_are_written_as_in_vietnam(amount: int, currency: str, written: str) -> None:
    assert money.written(amount, currency) == written
