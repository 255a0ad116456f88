"""Payment codes: what a payer writes is found again in what banks make of it, and what only looks like one is not."""

from __future__ import annotations

import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.payments.domain.codes import payment_code, payment_codes_in

BILLS = st.uuids()
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# What banks put around a purpose, and what payers write: words, numbers, Vietnamese with its accents.
AROUND = st.one_of(
    st.sampled_from(["", "MBVCB.123456789.", "CT DEN:", "IBFT ", "-CHUYEN TIEN", " nộp lệ phí "]), st.text(max_size=20)
)
BETWEEN = st.sampled_from(["", " ", ".", "-", "_", " . "])


@given(BILLS)
def test_a_code_is_short_and_of_letters_that_are_not_taken_for_others(bill: UUID) -> None:
    assert re.fullmatch(rf"MC[{ALPHABET}]{{12}}", payment_code(bill))
    assert payment_code(bill) == payment_code(bill)


@given(BILLS, AROUND, AROUND, st.lists(BETWEEN, min_size=13, max_size=13), st.booleans())
def test_a_code_is_found_whatever_banks_make_of_its_purpose(
    bill: UUID, before: str, behind: str, between: list[str], small: bool
) -> None:
    """Words before and behind, other case, blanks and dots within."""
    code = payment_code(bill)
    written = code[0] + "".join(gap + letter for gap, letter in zip(between, code[1:], strict=True))
    purpose = before + (written.lower() if small else written) + behind
    assert code in payment_codes_in(purpose)


@given(BILLS, BILLS)
def test_two_codes_in_one_purpose_are_both_found_once(first: UUID, second: UUID) -> None:
    """What lies across the two may look like a third: it is no bill's."""
    codes = [payment_code(first), payment_code(second)]
    found = payment_codes_in(f"{codes[0]} {codes[1]} {codes[0]}")
    assert [each for each in found if each in codes] == list(dict.fromkeys(codes))


@given(BILLS, st.integers(2, 12), st.integers(1, 31))
def test_one_wrong_character_before_the_check_is_noticed_always(bill: UUID, place: int, other: int) -> None:
    code = payment_code(bill)
    wrong = ALPHABET[(ALPHABET.index(code[place]) + other) % 32]
    assert code[:place] + wrong + code[place + 1 :] not in payment_codes_in(code[:place] + wrong + code[place + 1 :])


@given(BILLS, st.integers(1, 31))
def test_a_wrong_check_character_is_noticed_always(bill: UUID, other: int) -> None:
    code = payment_code(bill)
    assert payment_codes_in(code[:-1] + ALPHABET[(ALPHABET.index(code[-1]) + other) % 32]) == []


@given(BILLS, st.integers(2, 11))
def test_two_neighbours_swapped_are_noticed_unless_they_differ_by_half_the_alphabet(bill: UUID, place: int) -> None:
    code = payment_code(bill)
    apart = ALPHABET.index(code[place]) - ALPHABET.index(code[place + 1])
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (swapped in payment_codes_in(swapped)) == (apart % 16 == 0)


@given(st.text(max_size=80))
def test_whatever_is_found_is_a_code(purpose: str) -> None:
    for code in payment_codes_in(purpose):
        assert payment_codes_in(code) == [code]


@given(st.sets(BILLS, min_size=2, max_size=50))
def test_bills_have_codes_of_their_own(bills: set[UUID]) -> None:
    assert len({payment_code(bill) for bill in bills}) == len(bills)
