"""Double entry: whatever is posted balances, names what it records, and is undone line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.identifiers import new_id
from contracts.money import FeeLine, total
from services.payments.domain import ledger
from services.payments.domain.ledger import Posting
from services.payments.domain.refund import Refund, RefundLine
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


REFERENCES = st.text("pire_0123456789", min_size=1, max_size=12)


def returned(lines: list[FeeLine], amount: int | None = None) -> Refund:
    """A refund of these lines, or of so much unexpected money."""
    back = tuple(
        RefundLine(code=each.code, beneficiary=each.beneficiary, amount=each.amount) for each in lines if each.amount
    )
    return Refund(
        refund_id=new_id(),
        capture_id=new_id(),
        amount=total(tuple(lines)) if amount is None else amount,
        reason="hồ sơ dừng",
        lines=back if amount is None else (),
        unexpected=amount is not None,
        reference="re_1",
    )


@given(LINES, REFERENCES)
def test_a_capture_credits_each_beneficiary_with_its_fees(lines: list[FeeLine], reference: str) -> None:
    postings = ledger.capture(new_id(), "stripe", reference, lines)
    assert_one_transaction(postings)
    owed: dict[str, int] = defaultdict(int)
    for line in lines:
        owed[f"fee:{line.beneficiary}"] -= line.amount
    owed["gateway:stripe"] = total(tuple(lines))
    assert sums(postings) == {account: balance for account, balance in owed.items() if balance}
    assert [each.reference for each in postings if each.reference] == [reference]


@given(LINES, st.lists(AMOUNTS, max_size=4))
def test_parts_that_are_settled_are_as_if_they_had_been_one_capture(lines: list[FeeLine], parts: list[int]) -> None:
    whole = total(tuple(lines))
    kept = [
        posting
        for number, part in enumerate([*parts, whole])
        for posting in ledger.kept_apart(new_id(), "vietqr", f"line {number}", part, "part")
    ]
    settled = ledger.settled(new_id(), lines)
    assert_one_transaction(settled)
    found, direct = sums([*kept, *settled]), sums(ledger.capture(new_id(), "vietqr", "x", lines))
    assert found.pop("suspense", 0) == -sum(parts)
    assert found.pop("gateway:vietqr") == whole + sum(parts)
    assert found == {account: balance for account, balance in direct.items() if account != "gateway:vietqr"}


@given(LINES)
def test_a_refund_of_all_lines_undoes_their_capture(lines: list[FeeLine]) -> None:
    refund = returned(lines)
    decided = ledger.refund_decided(refund)
    gone = ledger.refund_done(refund, "gateway:stripe", "re_1")
    capture = ledger.capture(new_id(), "stripe", "pi_1", lines)
    assert_one_transaction(decided)
    assert_one_transaction(gone)
    assert sums([*capture, *decided]) == {"gateway:stripe": refund.amount, "refunds": -refund.amount}
    assert sums([*capture, *decided, *gone]) == {}


@given(AMOUNTS)
def test_unexpected_money_waits_in_suspense_until_it_goes_back(amount: int) -> None:
    taken, refund = ledger.kept_apart(new_id(), "stripe", "pi_1", amount, "late capture"), returned([], amount)
    assert sums(taken) == {"gateway:stripe": amount, ledger.SUSPENSE: -amount}
    gone = [*ledger.refund_decided(refund), *ledger.refund_done(refund, "gateway:stripe", "re_1")]
    assert sums([*taken, *gone]) == {}


@given(LINES)
def test_what_comes_back_is_owed_again_and_paid_by_hand(lines: list[FeeLine]) -> None:
    """Four transactions, none of the others' ids: entries are added, never changed."""
    refund = returned(lines)
    moves = [
        ledger.refund_decided(refund),
        ledger.refund_done(refund, "gateway:stripe", "re_1"),
        ledger.refund_came_back(refund),
        ledger.refund_done(refund, "hand:G09.20", "PC-1", 1),
    ]
    for postings in moves:
        assert_one_transaction(postings)
    assert len({postings[0].transaction_id for postings in moves}) == 4
    assert sums([posting for postings in moves[:3] for posting in postings])["refunds"] == -refund.amount
    left = sums([posting for postings in moves for posting in postings])
    assert (left.pop("hand:G09.20"), left.get("refunds", 0)) == (-refund.amount, 0)


@given(AMOUNTS)
def test_what_a_gateway_keeps_for_its_service_is_no_fee_of_ours(amount: int) -> None:
    postings = ledger.service_fee(new_id(), "stripe", "txn_1", amount)
    assert_one_transaction(postings)
    assert sums(postings) == {"gateway-fee:stripe": amount, "gateway:stripe": -amount}


@given(st.lists(AMOUNTS, max_size=3), st.lists(AMOUNTS, max_size=3))
def test_sides_that_differ_are_no_transaction(debits: list[int], credited: list[int]) -> None:
    sides = [
        [ledger.Side(account=str(place), amount=amount) for place, amount in enumerate(each)]
        for each in (debits, credited)
    ]
    if sum(debits) == sum(credited):
        assert sum(each.debit for each in ledger.post(new_id(), sides[0], sides[1], "x")) == sum(debits)
    else:
        with pytest.raises(ValueError, match="does not balance"):
            ledger.post(new_id(), sides[0], sides[1], "x")


MOVED = st.lists(st.tuples(st.sampled_from(["capture", "part", "refund", "back", "hand", "fee"]), LINES), max_size=12)


@given(MOVED)
def test_whatever_is_posted_all_accounts_add_up_to_nothing_and_a_gateways_to_what_it_holds(
    moved: list[tuple[str, list[FeeLine]]],
) -> None:
    postings, holds = list[Posting](), 0
    for kind, lines in moved:
        refund, whole = returned(lines), total(tuple(lines))
        match kind:
            case "capture":
                postings += ledger.capture(new_id(), "stripe", "pi", lines)
                holds += whole
            case "part":
                postings += ledger.kept_apart(new_id(), "stripe", "pi", whole, "part")
                holds += whole
            case "refund":
                postings += [*ledger.refund_decided(refund), *ledger.refund_done(refund, "gateway:stripe", "re")]
                holds -= whole
            case "back":
                postings += ledger.refund_came_back(refund)
                holds += whole
            case "hand":
                postings += [*ledger.refund_decided(refund), *ledger.refund_done(refund, ledger.hand("G09.20"), "PC")]
            case "fee":
                postings += ledger.service_fee(new_id(), "stripe", "txn", whole)
                holds -= whole
    found = sums(postings)
    assert (sum(found.values()), found.get("gateway:stripe", 0)) == (0, holds)
