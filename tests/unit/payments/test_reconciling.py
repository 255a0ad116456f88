"""What heals a line of a statement, and which difference it is where nothing does: row by row, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.identifiers import new_id
from services.payments.domain import by_rule, ledger, reconciling
from services.payments.domain.answers import Captured, RefundDone, RefundRefused
from services.payments.domain.sides import FeeToMend, Healing, Noticed, Posted, Stated
from services.payments.domain.tidings import Movement
from services.payments.domain.vietqr import capture_of_line

NOW = datetime(2026, 6, 9, 5, tzinfo=UTC)
ATTEMPT, REFUND, BILL = new_id(), new_id(), new_id()
LINE = Stated("stripe", "pi_1", True, "capture", "txn_1", 1, 135_000, 135_000, "VND", NOW)
OURS = replace(LINE, attempt_id=ATTEMPT, bill_key="G09", bill_id=BILL, dossier_code="G09")
GONE = replace(LINE, incoming=False, kind="refund", reference="re_1", refund_id=REFUND, bill_key="G09")
BACK = replace(GONE, incoming=True, kind="refund_returned")


def test_money_of_our_attempt_is_said_to_its_bill_as_the_truth() -> None:
    healing = reconciling.healing(OURS)
    assert healing is not None
    assert (healing.to, healing.key) == ("bill", "G09")
    message = healing.message
    assert isinstance(message, Captured)
    assert (message.money_id, message.amount, message.reference, message.heard_only) == (
        ATTEMPT,
        135_000,
        "pi_1",
        False,
    )


def test_a_transfer_is_named_by_its_line_as_its_notice_names_it() -> None:
    healing = reconciling.healing(replace(OURS, gateway="vietqr", attempt_id=None))
    assert healing is not None
    assert isinstance(healing.message, Captured)
    assert healing.message.money_id == capture_of_line("txn_1")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (LINE, "unknown_payment"),
        (replace(OURS, posted=135_000 - 1), "amount_differs"),
        (replace(OURS, posted=135_000, lines=2, amount=270_000), "duplicate_line"),
        (replace(OURS, posted=1, lines=2, amount=270_000), "amount_differs"),
        (replace(LINE, currency="USD"), "foreign_currency"),
        (replace(LINE, kind="other"), "unknown_movement"),
        (replace(GONE, bill_key=None), "unknown_refund"),
        (replace(GONE, refund_state="done"), "refund_unheard"),
        (replace(GONE, refund_state="done", by_hand=True), "paid_back_twice"),
        (replace(GONE, refund_state="done", by_hand=True, currency="USD"), "paid_back_twice"),
        (replace(OURS, each=10**12 + 1, amount=10**12 + 1), "capture_unheard"),
        (replace(BACK, bill_key=None), "unknown_return"),
        (replace(BACK, refund_state="refused"), "refund_returned_unheard"),
    ],
)
def test_what_nothing_heals_is_a_difference_of_its_kind(row: Stated, kind: str) -> None:
    assert reconciling.healing(row) is None
    finding = reconciling.finding(row)
    assert finding is not None
    assert (finding.kind, finding.expected, finding.found) == (kind, row.posted or 0, row.amount)
    assert finding.posts


def test_a_refund_and_its_return_are_said_to_whoever_ordered_it() -> None:
    done, back = RefundDone(refund_id=REFUND, reference="re_1"), "returned_by_bank"
    assert reconciling.healing(replace(GONE, refund_state="ready")) == Healing("bill", "G09", done, "refund_unheard")
    of_difference = replace(GONE, bill_key=None, difference_key="stripe/unknown_payment/pi_9")
    assert reconciling.healing(of_difference) == Healing(
        "difference", "stripe/unknown_payment/pi_9", done, "refund_unheard"
    )
    healing = reconciling.healing(replace(BACK, refund_state="done"))
    assert healing is not None
    assert healing.message == RefundRefused(refund_id=REFUND, reason=back)


def test_other_money_that_its_bill_knows_of_is_no_difference() -> None:
    for row in (
        replace(OURS, currency="USD", capture_known=True),
        replace(GONE, currency="USD", refund_state="done"),
        replace(BACK, currency="USD", refund_state="refused"),
    ):
        assert reconciling.healing(row) is None
        assert reconciling.finding(row) is None
    assert reconciling.healing(replace(OURS, currency="USD")) is not None


def test_money_that_its_bill_did_not_take_under_its_name_gets_another_name() -> None:
    finding = reconciling.finding(OURS)
    assert finding is not None
    assert finding.money_id not in (None, ATTEMPT)


def test_what_is_on_no_statement_counts_from_when_we_posted_it_whatever_moment_was_claimed() -> None:
    row = Posted("stripe", "pi_1", True, 135_000, NOW - timedelta(days=400), NOW, BILL, "G09")
    finding = reconciling.missing(row, NOW + timedelta(seconds=1))
    assert finding is not None
    assert (finding.kind, finding.expected, finding.found, finding.posts) == ("missing_at_gateway", 135_000, 0, False)
    assert reconciling.missing(row, NOW) is None, "its line may be under way"
    assert reconciling.missing(row, NOW, [finding.key]) is not None, "it is not told of yet"


def test_an_officer_has_five_days_to_pay_out() -> None:
    row = Noticed("by_hand_waiting", "refund", 20_000, 0, NOW)
    assert reconciling.between(row, NOW + timedelta(days=5) - timedelta(seconds=1)) is None
    assert reconciling.between(row, NOW + timedelta(days=5)) is not None


@given(
    amount=st.integers(-(10**9), 10**9),
    fee=st.integers(-(10**6), 10**6),
    note=st.sampled_from(["payout", "adjustment"]),
)
def test_fees_and_payouts_are_posted_balanced_and_change_what_the_gateway_holds_by_as_much(
    amount: int, fee: int, note: str
) -> None:
    movement = Movement("txn_1", "other", "po_1", amount, "VND", NOW, fee=fee, note=note)
    postings = by_rule.explained("stripe", movement)
    assert sum(each.debit - each.credit for each in postings) == 0
    held = sum(each.debit - each.credit for each in postings if each.account == "gateway:stripe")
    assert held == (amount if note == "payout" else 0) - fee
    assert all(each.debit >= 0 and each.credit >= 0 for each in postings)


@given(fees=st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=6))
def test_a_fee_is_mended_by_one_entry_more_each_time_its_line_goes_or_comes_back(fees: list[int]) -> None:
    """Each time another transaction: entries are never changed."""
    entries = list[ledger.Posting]()
    for fee in fees:
        ours = [each for each in entries if each.account == "gateway:stripe"]
        more = fee - sum(each.credit - each.debit for each in ours)
        entries += by_rule.mended(FeeToMend("stripe", "txn_1", more, len(ours)))
        assert sum(each.credit - each.debit for each in entries if each.account == "gateway:stripe") == fee
    assert len({(each.transaction_id, each.line) for each in entries}) == len(entries)
    assert {each.reference for each in entries if each.account == "gateway:stripe"} <= {"fee txn_1"}


@given(
    keys=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["capture", "refund", "refund_returned"]))
    )
)
def test_waves_say_everything_once_and_to_nobody_two_things_at_a_time(keys: list[tuple[str, str]]) -> None:
    said = [
        Healing("bill", key, RefundDone(refund_id=new_id(), reference=str(place)), f"{kind}_unheard")
        for place, (key, kind) in enumerate(keys)
    ]
    waves = list(reconciling.waves(said))
    assert sorted(map(id, said)) == sorted(id(each) for wave in waves for each in wave)
    order: dict[str, list[str]] = {}
    for wave in waves:
        assert len({each.key for each in wave}) == len(wave)
        for each in wave:
            order.setdefault(each.key, []).append(each.kind)
    assert all(kinds == sorted(kinds, key=KINDS.index) for kinds in order.values())


KINDS: list[Any] = ["capture_unheard", "refund_unheard", "refund_returned_unheard"]
