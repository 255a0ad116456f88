"""Money back, in single steps: what may go back, by which way, once; and the receipt that follows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.decider import Message
from chassis.errors import Refusal
from chassis.identifiers import new_id
from contracts import dossiers, payments
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.messages import LineRefund, Nudge, PayOut, TakeOver
from services.payments.domain.questions import AskRefund, Refund
from services.payments.domain.refunding import kept
from services.payments.domain.requesting import available
from tests.records import NOON, event, example
from tests.unit.payments.bills import (
    AMOUNT,
    FEE,
    FIRST,
    PHOTO,
    REFUSED,
    SECOND,
    Story,
    after,
    at_the_counter,
    call_of,
    captured,
    created,
    refund,
    started,
    transferred,
)

IN_CHECKOUT = (started(), created())
PAID = (*IN_CHECKOUT, captured())
KEPT = {f"fee:{FEE['beneficiary']}": -115_000}
FEES = {**KEPT, f"fee:{PHOTO['beneficiary']}": -20_000}
PHOTO_BACK = refund(20_000, ("chup-anh", 20_000))


def done(story: Story, number: int = -1, reference: str = "re_1") -> RefundDone:
    assert story.bill is not None
    return RefundDone(refund_id=story.bill.refunds[number].refund_id, reference=reference)


def failed(story: Story, number: int = -1) -> RefundRefused:
    assert story.bill is not None
    return RefundRefused(refund_id=story.bill.refunds[number].refund_id, reason="expired_or_canceled_card")


def paid_out(story: Story, voucher: str = "PC-1", by: str = "treasurer") -> PayOut:
    assert story.bill is not None
    return PayOut(refund_id=story.bill.refunds[-1].refund_id, reference=voucher, by=by)


def taken_over(story: Story) -> TakeOver:
    assert story.bill is not None
    return TakeOver(refund_id=story.bill.refunds[-1].refund_id, by="operator")


def both_back() -> Story:
    """A paid bill whose two lines may both be returned."""
    story = Story()
    lines = [FEE | {"refundable": True}, PHOTO]
    story.on(event(example(dossiers.Submitted, fee_lines=lines, payment_due=NOON + timedelta(days=5))))
    for message in PAID:
        story.on(message)
    return story


# An ending sends back what may be returned


def test_only_what_its_circular_lets_us_return_is_returned() -> None:
    story = after(*PAID)
    call = call_of(story.on(REFUSED))
    assert isinstance(call.request, Refund)
    assert (call.request.amount, call.request.reference) == (20_000, f"pi_{FIRST}")
    assert story.balances() == {"gateway:stripe": AMOUNT, "refunds": -20_000, **KEPT}
    story.on(done(story))
    assert (story.state, story.refunds) == ("paid", [("done", 20_000)])
    assert story.events[-3:] == ["RefundStarted", "Refunded", "ReceiptIssued"]
    assert story.balances() == {"gateway:stripe": 115_000, **KEPT}


def test_nothing_is_returned_of_fees_that_are_kept_or_nought() -> None:
    """A refund of 0 đồng would be refused by the gateway, and an officer called for nothing."""
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=[FEE, PHOTO | {"amount": 0}])))
    for message in (*IN_CHECKOUT, captured(amount=115_000), REFUSED):
        story.on(message)
    assert (story.state, story.refunds, story.events[-1]) == ("paid", [], "ReceiptIssued")


@pytest.mark.parametrize(
    ("until", "accepted", "returned"),
    [
        ("acceptance", False, True),
        ("acceptance", True, False),
        ("result", True, True),
        (None, True, True),
        ("acceptance", None, False),
        ("result", None, True),
        (None, None, True),
    ],
)
def test_what_is_returned_until_acceptance_is_kept_once_the_dossier_was_taken_in(
    until: str | None, accepted: bool | None, returned: bool
) -> None:
    """Where an ending of before does not tell whether it had been, what may not be returned after it is kept: an officer can look."""
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=[PHOTO | {"amount": AMOUNT, "refund_until": until}])))
    for message in PAID:
        story.on(message)
    story.on(event(example(dossiers.Stopped, accepted=accepted), 2))
    assert story.refunds == ([("ready", AMOUNT)] if returned else [])


@pytest.mark.parametrize("ordered", [20_000, 5_000])
def test_an_ending_returns_what_an_officer_has_not_sent_back_before(ordered: int) -> None:
    story = after(*PAID, refund(20_000, ("chup-anh", ordered)), REFUSED)
    assert sum(amount for _, amount in story.refunds) == 20_000


def test_a_second_ending_returns_nothing_more() -> None:
    story = after(*PAID, REFUSED)
    assert story.on(event(example(dossiers.Refused), 3)) is None


# An officer orders


def test_an_officer_sends_a_line_back_and_the_receipt_says_what_stays() -> None:
    story = after(*PAID)
    request = call_of(story.on(PHOTO_BACK)).request
    assert isinstance(request, Refund)
    assert (request.amount, request.reason) == (20_000, "theo quyết định của cán bộ")
    assert story.receipted == AMOUNT
    story.on(done(story))
    assert (story.receipted, [each.kind for each in story.ends]) == (115_000, ["replaced"])
    assert [(each.number, each.amount, each.replaces) for each in story.receipts] == [
        ("2026/00000001", AMOUNT, None),
        ("2026/00000002", 115_000, "2026/00000001"),
    ]


def test_the_same_order_heard_again_is_one_refund() -> None:
    story = after(*PAID, PHOTO_BACK)
    assert story.on(PHOTO_BACK) is None


@pytest.mark.parametrize("believed", [0, 19_999, 20_001, AMOUNT])
def test_whoever_believes_in_another_amount_is_told_what_is_available(believed: int) -> None:
    """Two officers at once: the second one has not seen what the first one sent back."""
    with pytest.raises(Refusal, match="20000 đồng can be refunded"):
        after(*PAID).on(refund(believed, ("chup-anh", 10_000)))
    with pytest.raises(Refusal, match="10000 đồng can be refunded"):
        after(*PAID, refund(20_000, ("chup-anh", 10_000))).on(refund(20_000, ("chup-anh", 10_000), name="another"))


def test_each_line_that_may_not_go_back_is_named() -> None:
    wrong = refund(20_000, ("gplx-doi", 1), ("chup-anh", 20_001), ("khong-co", 5), ("chup-anh", 1))
    with pytest.raises(Refusal) as refused:
        after(*PAID).on(wrong)
    assert [(each["path"], each["code"]) for each in refused.value.errors] == [
        ("lines.0", "more_than_available"),
        ("lines.1", "more_than_available"),
        ("lines.2", "unknown_line"),
        ("lines.3", "twice"),
    ]


def test_nothing_named_is_all_that_can_go_back() -> None:
    story = both_back()
    story.on(refund(AMOUNT))
    assert story.refunds == [("ready", AMOUNT)]
    with pytest.raises(Refusal, match="nothing_left"):
        story.on(refund(0, name="another"))


def test_a_bill_that_is_not_paid_has_nothing_to_send_back() -> None:
    for story in (after(), after(*IN_CHECKOUT), after(REFUSED)):
        with pytest.raises(Refusal, match="not_paid"):
            story.on(PHOTO_BACK)


@pytest.mark.parametrize(
    ("until", "reached", "left"),
    [
        ("acceptance", None, 20_000),
        ("acceptance", "acceptance", 0),
        ("acceptance", "result", 0),
        ("result", "acceptance", 20_000),
        ("result", "result", 0),
        (None, "result", 20_000),
    ],
)
def test_a_line_goes_back_until_its_own_rule_says_no(until: str | None, reached: str | None, left: int) -> None:
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=[FEE, PHOTO | {"refund_until": until}])))
    for message in PAID:
        story.on(message)
    assert story.bill is not None
    assert available(story.bill, reached) == {"gplx-doi": 0, "chup-anh": left}


# Over parts


def test_fees_that_came_in_parts_go_back_by_the_parts_the_newest_first() -> None:
    """Each refund is of one capture, and of no more than is left of it."""
    story = after(transferred(130_000), transferred(5_000, 2), PHOTO_BACK)
    requests = [each for each in story.calls.values() if isinstance(each, Refund)]
    assert [(each.reference, each.amount) for each in requests] == [("line_2", 5_000), ("line_1", 15_000)]
    assert story.refunds == [("ready", 5_000), ("ready", 15_000)]
    assert story.on(PHOTO_BACK) is None
    for number, each in enumerate(requests):
        story.on(RefundDone(refund_id=each.refund_id, reference=f"re_{number}"))
    assert story.balances() == {"gateway:vietqr": 115_000, **KEPT}
    assert story.receipted == 115_000


PARTS = st.lists(st.integers(1, AMOUNT), min_size=1, max_size=6)
ORDERS = st.lists(st.tuples(st.sampled_from(["gplx-doi", "chup-anh"]), st.integers(1, 60_000)), max_size=8)


@given(PARTS, ORDERS, st.booleans())
def test_no_capture_and_no_line_gives_back_more_than_it_has(
    parts: list[int], orders: list[tuple[str, int]], ends: bool
) -> None:
    """However the money came in, and whatever officers order afterwards, rightly and wrongly."""
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=[FEE | {"refundable": True}, PHOTO])))
    for number, amount in enumerate([*parts, AMOUNT]):
        story.on(transferred(amount, number))
    for number, (code, amount) in enumerate(orders):
        assert story.bill is not None
        left = available(story.bill, None)
        order = refund(sum(left.values()), (code, amount), name=f"order {number}")
        if amount > left[code]:
            with pytest.raises(Refusal, match="not_refundable"):
                story.on(order)
        else:
            story.on(order)
    if ends:
        story.on(REFUSED)
    assert_nothing_is_returned_twice(story)
    assert story.bill is not None
    back = sum(line.amount for each in story.bill.refunds for line in each.lines)
    assert back == AMOUNT or not ends
    for each in story.bill.refunds:
        story.on(RefundDone(refund_id=each.refund_id, reference=f"re_{each.refund_id}"))
    assert (story.receipted, kept(story.bill)) == (AMOUNT - back, AMOUNT - back)
    gone = {code: _gone(story, code) for code in ("gplx-doi", "chup-anh")}
    left = {
        "gateway:vietqr": AMOUNT - back,
        f"fee:{FEE['beneficiary']}": gone["gplx-doi"] - 115_000,
        f"fee:{PHOTO['beneficiary']}": gone["chup-anh"] - 20_000,
    }
    assert story.balances() == {account: balance for account, balance in left.items() if balance}


def _gone(story: Story, code: str) -> int:
    assert story.bill is not None
    return sum(line.amount for each in story.bill.refunds for line in each.lines if line.code == code)


def assert_nothing_is_returned_twice(story: Story) -> None:
    """Of each capture at most what came in, of each fee line at most what it is."""
    assert story.bill is not None
    story.assert_balanced()
    for capture in story.bill.captures:
        refunds = [each for each in story.bill.refunds if each.capture_id == capture.capture_id]
        assert sum(each.amount for each in refunds) <= capture.amount
        assert all(each.amount == sum(line.amount for line in each.lines) for each in refunds if each.lines)
    for line in story.bill.fee_lines:
        assert _gone(story, line.code) <= line.amount


# What becomes of it


def test_a_refused_refund_keeps_the_money_owed_and_calls_an_officer() -> None:
    story = after(*PAID, PHOTO_BACK)
    story.on(failed(story))
    assert (story.refunds, story.events[-1], story.receipted) == ([("refused", 20_000)], "RefundFailed", AMOUNT)
    assert story.balances() == {"gateway:stripe": AMOUNT, "refunds": -20_000, **KEPT}


def test_an_officer_pays_out_what_the_gateway_refused() -> None:
    story = after(*PAID, PHOTO_BACK)
    story.on(failed(story))
    story.on(paid_out(story))
    assert (story.refunds, story.receipted) == ([("done", 20_000)], 115_000)
    assert story.balances() == {"gateway:stripe": AMOUNT, "hand:G09.20": -20_000, **KEPT}
    assert story.on(paid_out(story)) is None
    with pytest.raises(Refusal, match="illegal_move"):
        story.on(paid_out(story, "PC-2"))


@pytest.mark.parametrize(
    "paid",
    [
        (at_the_counter(),),
        (started(FIRST, "national"), created(), captured(gateway="national")),
        # VNPAY wants to know which page of ours took it.
        (captured(SECOND, gateway="vnpay"),),
    ],
)
def test_what_no_gateway_sends_back_waits_for_an_officer(paid: tuple[Any, ...]) -> None:
    story = after(*paid)
    decision = story.on(PHOTO_BACK)
    assert decision is not None
    assert not decision.calls
    told = story.told[-1]
    assert isinstance(told, payments.RefundStarted)
    assert (story.refunds, told.by_hand) == ([("by_hand", 20_000)], True)
    assert story.on(done(story)) is None
    assert story.on(failed(story)) is None
    story.on(paid_out(story))
    assert story.refunds == [("done", 20_000)]
    assert story.balances()["hand:G09.20"] == -20_000


def test_after_the_gateways_window_an_officer_pays_out() -> None:
    story = after(*PAID)
    story.on(PHOTO_BACK, NOON + timedelta(days=181))
    assert story.refunds == [("by_hand", 20_000)]


def test_a_refund_under_way_is_paid_out_by_nobody() -> None:
    story = after(*PAID, PHOTO_BACK)
    with pytest.raises(Refusal, match="illegal_move"):
        story.on(paid_out(story))
    with pytest.raises(Refusal, match="no_such_refund"):
        story.on(PayOut(refund_id=new_id(), reference="PC-1", by="treasurer"))


def test_a_refund_that_the_bank_sends_back_is_owed_again_and_its_receipt_holds_again() -> None:
    """Days later, on a webhook; the ledger tells both ways of the money."""
    story = after(*PAID, PHOTO_BACK)
    story.on(done(story))
    question = call_of(story.on(Nudge(call_id=new_id()))).request
    assert isinstance(question, AskRefund)
    assert question.reference == "re_1"
    assert story.on(done(story)) is None
    story.on(failed(story))
    assert story.on(failed(story)) is None
    assert (story.refunds, story.events[-2:]) == ([("refused", 20_000)], ["RefundFailed", "ReceiptIssued"])
    assert (story.receipted, story.balances()) == (
        AMOUNT,
        {"gateway:stripe": AMOUNT, "refunds": -20_000, **KEPT},
    )
    story.on(paid_out(story))
    assert story.balances() == {"gateway:stripe": AMOUNT, "hand:G09.20": -20_000, **KEPT}
    assert story.on(failed(story)) is None
    story.assert_balanced()


def test_both_ways_of_a_refund_that_came_back_carry_the_gateways_reference() -> None:
    story = after(*PAID, PHOTO_BACK)
    story.on(done(story))
    story.on(failed(story))
    clearing = [each for each in story.postings if each.account == "gateway:stripe"]
    assert [(each.reference, each.debit, each.credit) for each in clearing] == [
        (f"pi_{FIRST}", AMOUNT, 0),
        ("re_1", 0, 20_000),
        ("re_1", 20_000, 0),
    ]


def test_a_refund_that_comes_back_before_its_answer_is_taken_in_is_asked_about_once_more() -> None:
    """The gateway's answer waited for our database; the webhook that the bank sent the money back did not."""
    story = after(*PAID, PHOTO_BACK)
    assert story.on(Nudge(call_id=new_id())) is not None
    assert story.on(Nudge(call_id=new_id())) is None
    assert isinstance(call_of(story.on(done(story))).request, AskRefund)
    story.on(failed(story))
    assert story.refunds == [("refused", 20_000)]


def test_a_refused_refund_that_the_gateway_sent_all_the_same_is_done_and_asked_about_once_more() -> None:
    """Its statement says so, or its answer was late: what it said before was otherwise, so it is asked which holds."""
    story = after(*PAID, PHOTO_BACK)
    story.on(failed(story))
    question = call_of(story.on(done(story))).request
    assert isinstance(question, AskRefund)
    assert (story.refunds, story.receipted) == ([("done", 20_000)], 115_000)
    assert story.balances() == {"gateway:stripe": 115_000, **KEPT}
    assert story.on(done(story)) is None
    with pytest.raises(Refusal, match="illegal_move"):
        story.on(paid_out(story))
    story.on(failed(story))
    story.on(paid_out(story))
    assert story.balances() == {"gateway:stripe": AMOUNT, "hand:G09.20": -20_000, **KEPT}
    story.assert_balanced()


def test_a_refund_that_came_back_or_was_paid_out_is_not_done_by_an_old_answer() -> None:
    came_back = after(*PAID, PHOTO_BACK)
    for answer in (done(came_back), failed(came_back)):
        came_back.on(answer)
    assert came_back.on(done(came_back)) is None
    by_hand = after(*PAID, PHOTO_BACK)
    by_hand.on(failed(by_hand))
    by_hand.on(paid_out(by_hand))
    assert by_hand.on(done(by_hand)) is None
    assert by_hand.balances()["hand:G09.20"] == -20_000


def test_a_refund_whose_gateway_is_silent_for_days_is_taken_over_and_paid_out_by_hand() -> None:
    """It is asked no more, or it might send the money when an officer has paid it out."""
    story, later = after(*PAID, PHOTO_BACK), NOON + timedelta(days=3)
    with pytest.raises(Refusal, match="not_silent_yet"):
        story.on(taken_over(story), later - timedelta(minutes=1))
    assert story.asked == ["CreateCheckout", "Refund"]
    story.on(taken_over(story), later)
    assert (story.refunds, story.asked) == ([("refused", 20_000)], ["CreateCheckout"])
    told = story.told[-1]
    assert isinstance(told, payments.RefundFailed)
    assert (told.reason, told.amount) == ("gateway_silent", 20_000)
    assert story.on(taken_over(story), later) is None
    story.on(paid_out(story))
    assert story.balances() == {"gateway:stripe": AMOUNT, "hand:G09.20": -20_000, **KEPT}
    assert story.on(done(story)) is None
    with pytest.raises(Refusal, match="illegal_move"):
        story.on(taken_over(story), later)


def test_a_refund_that_was_taken_over_and_is_sent_all_the_same_is_done() -> None:
    story = after(*PAID, PHOTO_BACK)
    story.on(taken_over(story), NOON + timedelta(days=4))
    story.on(done(story))
    assert (story.refunds, story.balances()) == ([("done", 20_000)], {"gateway:stripe": 115_000, **KEPT})


def test_an_answer_about_another_refund_changes_nothing() -> None:
    story = after(*PAID, PHOTO_BACK)
    assert story.on(RefundDone(refund_id=new_id(), reference="re_2")) is None
    assert story.on(RefundRefused(refund_id=new_id(), reason="expired_card")) is None


# The receipt


def test_a_receipt_of_which_nothing_stays_is_cancelled_and_a_new_one_comes_with_money_that_comes_back() -> None:
    story = both_back()
    story.on(refund(AMOUNT))
    story.on(done(story))
    assert (story.events[-2:], story.receipted) == (["Refunded", "ReceiptCancelled"], 0)
    assert [(each.number, each.kind) for each in story.ends] == [("2026/00000001", "cancelled")]
    story.on(failed(story))
    assert (story.receipted, story.receipts[-1].replaces) == (AMOUNT, None)


def test_a_receipt_that_is_missing_is_made_up_for_when_anybody_asks() -> None:
    story = after(*PAID)
    assert story.bill is not None
    story.bill = story.bill.model_copy(update={"receipts": ()})
    story.on(Nudge(call_id=new_id()))
    assert story.receipted == AMOUNT


@given(st.lists(st.sampled_from(["order", "ending", "done", "failed", "out"]), max_size=12))
def test_receipts_are_numbered_on_and_the_one_that_holds_says_what_stays_paid(steps: list[str]) -> None:
    story = both_back()
    for number, step in enumerate(steps):
        assert story.bill is not None
        left = sum(available(story.bill, None).values())
        try:
            if step == "order":
                story.on(refund(left, ("chup-anh", 5_000), name=f"{number}"))
            elif step == "ending":
                story.on(REFUSED)
            elif story.bill.refunds:
                answers: dict[str, Callable[[Story], Message]] = {"done": done, "failed": failed, "out": paid_out}
                story.on(answers[step](story))
        except Refusal:
            continue
        assert story.bill is not None
        assert story.receipted == kept(story.bill)
        held = [each for each in story.bill.receipts if each.ended is None]
        assert len(held) == (1 if kept(story.bill) else 0)
    assert [each.ordinal for each in story.receipts] == list(range(1, len(story.receipts) + 1))
    assert all(later.replaces in (None, earlier.number) for earlier, later in pairwise(story.receipts))
    assert all(each.amount == sum(line.amount for line in each.lines) for each in story.receipts)


def test_the_names_of_lines_stay_apart() -> None:
    """Refunds name a line by its code: a second one of the same code has one of its own, whatever stands there already."""
    lines = [FEE | {"code": code} for code in ("a", "a#2", "a", "a", "a#2")]
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=lines)))
    assert story.bill is not None
    assert [each.code for each in story.bill.fee_lines] == ["a", "a#2", "a#3", "a#4", "a#2#2"]


def test_an_order_names_a_positive_amount() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        LineRefund(code="chup-anh", amount=0)


def test_money_that_is_no_fee_is_not_counted_among_what_an_officer_may_send_back() -> None:
    """A second page's money goes back by itself, under a refund of its own."""
    story = after(*PAID, captured(SECOND), PHOTO_BACK)
    assert story.refunds == [("ready", AMOUNT), ("ready", 20_000)]
    assert story.bill is not None
    assert [(each.unexpected, each.capture_id) for each in story.bill.refunds] == [(True, SECOND), (False, FIRST)]
