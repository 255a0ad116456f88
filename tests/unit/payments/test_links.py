"""Links and the codes on receipts: made by us only, each in one form, and for what they name only."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.payments.links import Links

LINKS = Links("a key of some length", "https://x.vn/")
BILL = UUID("01a2067c-df0d-7012-9e9e-b5584d053a17")


@given(st.uuids())
def test_a_token_names_its_bill(bill_id: UUID) -> None:
    token = LINKS.to_pay(bill_id)
    assert LINKS.bill_of(token) == bill_id
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) == 43


@given(st.integers(0, 42), st.characters(codec="utf-8"))
def test_a_token_that_differs_in_one_character_is_none(place: int, character: str) -> None:
    token = LINKS.to_pay(BILL)
    changed = token[:place] + character + token[place + 1 :]
    assert changed == token or LINKS.bill_of(changed) is None


@given(st.text(max_size=60))
def test_what_nobody_made_is_no_token(text: str) -> None:
    assert LINKS.bill_of(text) is None


def test_another_key_makes_other_tokens() -> None:
    other = Links("another key of some length", "https://x.vn")
    assert other.bill_of(LINKS.to_pay(BILL)) is None
    assert not other.is_of_receipt("2026/00000017", LINKS.of_receipt("2026/00000017"))


def test_papers_that_an_older_key_has_signed_hold_after_a_new_one() -> None:
    """The first key signs, all are read; what a key has signed ends with it."""
    number, older = "2026/00000017", "a key of some length"
    both = Links(f"a newer key of some length , {older},", "https://x.vn")
    newer = Links("a newer key of some length", "https://x.vn")
    assert both.is_of_receipt(number, LINKS.of_receipt(number))
    assert both.bill_of(LINKS.to_pay(BILL)) == BILL
    assert (both.of_receipt(number), both.to_pay(BILL)) == (newer.of_receipt(number), newer.to_pay(BILL))
    assert not newer.is_of_receipt(number, LINKS.of_receipt(number))
    assert newer.bill_of(LINKS.to_pay(BILL)) is None
    with pytest.raises(ValueError, match="each key"):
        Links(f"{older},short", "https://x.vn")


def test_a_receipts_code_is_for_that_receipt_and_opens_no_bill() -> None:
    code = LINKS.of_receipt("2026/00000017")
    assert LINKS.is_of_receipt("2026/00000017", code)
    assert not LINKS.is_of_receipt("2026/00000018", code)
    assert not LINKS.is_of_receipt("2026/00000017", "é")
    assert LINKS.receipt_page("2026/00000017") == f"https://x.vn/receipts/2026/17?k={code}"


def test_without_a_key_there_are_no_links_and_nothing_is_believed() -> None:
    none = Links("", "https://x.vn")
    with pytest.raises(Refusal) as refused:
        none.to_pay(BILL)
    assert (refused.value.code, refused.value.status) == ("no_links", 503)
    assert none.receipt_page("2026/00000017") is None
    assert none.bill_of(LINKS.to_pay(BILL)) is None
    assert not none.is_of_receipt("2026/00000017", "")


def test_a_short_key_is_none() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Links("short", "https://x.vn")
