"""Double entry: whatever is posted balances, names what it records, and is undone line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from chassis.identifiers import new_id
from contracts.money import FeeLine, total
from services.payments.domain import ledger
from services.payments.domain.ledger import Posting
from tests.unit.payments.bills import FEE

LINES = st.lists(
    st.builds(
        lambda amount, beneficiary, number: FeeLine.model_validate(
            FEE | {"amount": amount, "beneficiary": beneficiary, "code": f"line-{number}"}
        ),
        st.one_of(st.just(0), st.integers(1, 10**12)),
        st.sampled_from(["3511.0.1054321", "3511.0.9999999", "7111.0.1"]),
        st.integers(0, 9),
    ),
    max_size=8,
).filter(lambda lines: total(tuple(lines)) > 0)
AMOUNTS = st.integers(1, 10**12)


def sums(postings: Sequence[Posting]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for posting in postings:
        found[posting.account] += posting.debit - posting.credit
    return {account: balance for account, balance in found.items() if balance}


def assert_one_transaction(postings: Sequence[Posting]) -> None:
    """One id, each line once and on one side only, and both sides equal: what the database insists on too."""
    assert len({posting.transaction_id for posting in postings}) == 1
    assert len({posting.line for posting in postings}) == len(postings)
    assert all((posting.debit == 0) != (posting.credit == 0) for posting in postings)
    assert all(posting.debit >= 0 and posting.credit >= 0 for posting in postings)
    assert sum(posting.debit for posting in postings) == sum(posting.credit for posting in postings)


@given(LINES)
def test_a_capture_credits_each_beneficiary_with_its_fees(lines: list[FeeLine]) -> None:
    postings = ledger.capture(new_id(), "stripe", lines)
    assert_one_transaction(postings)
    owed: dict[str, int] = defaultdict(int)
    for line in lines:
        owed[f"fee:{line.beneficiary}"] -= line.amount
    owed["gateway:stripe"] = total(tuple(lines))
    assert sums(postings) == {account: balance for account, balance in owed.items() if balance}


@given(LINES)
def test_a_refund_of_all_lines_undoes_their_capture(lines: list[FeeLine]) -> None:
    refund = ledger.refund(new_id(), "stripe", lines, "withdrawn")
    assert_one_transaction(refund)
    assert sums([*ledger.capture(new_id(), "stripe", lines), *refund]) == {}


@given(AMOUNTS)
def test_unexpected_money_waits_in_suspense_until_it_goes_back(amount: int) -> None:
    taken = ledger.unexpected(new_id(), "stripe", amount, "late capture")
    back = ledger.refund_unexpected(new_id(), "stripe", amount, "late capture")
    assert_one_transaction(taken)
    assert_one_transaction(back)
    assert sums(taken) == {"gateway:stripe": amount, ledger.SUSPENSE: -amount}
    assert sums([*taken, *back]) == {}


@given(LINES)
def test_what_is_undone_stands_beside_what_it_undoes(lines: list[FeeLine]) -> None:
    refund = ledger.refund(new_id(), "stripe", lines, "withdrawn")
    back = ledger.undone(new_id(), refund, "refund came back")
    assert_one_transaction(back)
    assert {posting.transaction_id for posting in refund}.isdisjoint(posting.transaction_id for posting in back)
    assert sums([*refund, *back]) == {}
