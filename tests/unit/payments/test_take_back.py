"""The agency takes back the request that a bill is for: nobody owes it, and every đồng that came in for it goes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import dossiers, payments
from services.payments.domain.answers import RefundDone
from services.payments.domain.messages import BillExpiry, Settle
from tests.records import event, example
from tests.unit.payments.bills import (
    AMOUNT,
    FIRST,
    LATER,
    REFUSED,
    SECOND,
    STOPPED,
    SUBMITTED,
    TAKEN_BACK,
    Story,
    at_the_counter,
    captured,
    closed,
    created,
    refund,
    started,
    transferred,
)

REASON = "cơ quan đã rút yêu cầu nộp phí"
IN_CHECKOUT = (started(), created())
PICTURE = (started(FIRST, "vietqr"), created())
ANOTHER = event(example(dossiers.FeesWithdrawn, amount=AMOUNT), 5)
OTHER_BILLS = {"of another request": LATER, "of the form": SUBMITTED}


def asked(*messages: Any) -> Story:
    """A bill for later fees that met these messages."""
    story = Story()
    for message in (LATER, *messages):
        story.on(message)
    return story


def repaid(story: Story) -> Story:
    """Its gateways have sent back what they were told to."""
    assert story.bill is not None
    for each in story.bill.refunds:
        if each.state == "ready":
            story.on(RefundDone(refund_id=each.refund_id, reference=f"re_{each.refund_id}"))
    return story


def test_an_open_bill_is_cancelled_and_nothing_more_is_waited_for() -> None:
    story = asked(TAKEN_BACK)
    assert (story.state, story.events, story.timers) == ("cancelled", ["Opened", "Cancelled"], {})
    (told,) = (each for each in story.told if isinstance(each, payments.Cancelled))
    assert (told.reason, told.request_id) == (REASON, LATER.data.request_id)
    assert story.on(BillExpiry()) is None


def test_a_page_is_closed_first_and_money_on_it_meanwhile_goes_back() -> None:
    story = asked(*IN_CHECKOUT, TAKEN_BACK)
    assert (story.state, story.asked[-1], story.timers) == ("withdrawing", "CloseCheckout", {})
    paid = asked(*IN_CHECKOUT, TAKEN_BACK, captured())
    story.on(closed())
    assert (story.state, story.refunds) == ("cancelled", [])
    assert (paid.state, paid.refunds, paid.events.count("Succeeded")) == ("cancelled", [("ready", AMOUNT)], 0)


def test_parts_that_came_in_go_back() -> None:
    story = asked(*PICTURE, transferred(35_000), transferred(100, 2), TAKEN_BACK)
    assert (story.state, story.refunds) == ("cancelled", [("ready", 35_000), ("ready", 100)])
    assert repaid(story).balances() == {}


def test_money_that_comes_after_it_was_cancelled_goes_back() -> None:
    story = asked(*PICTURE, TAKEN_BACK, transferred(AMOUNT))
    assert (story.state, story.refunds) == ("cancelled", [("ready", AMOUNT)])
    assert repaid(story).balances() == {}


@pytest.mark.parametrize("way", [(*IN_CHECKOUT, captured()), (*PICTURE, transferred(35_000), transferred(100_000, 2))])
def test_what_was_paid_meanwhile_goes_back_whole_though_its_circular_returns_only_a_part(way: Sequence[Any]) -> None:
    story = asked(*way, TAKEN_BACK)
    assert story.state == "paid"
    assert sum(amount for _, amount in story.refunds) == AMOUNT
    started = [each for each in story.told if isinstance(each, payments.RefundStarted)]
    assert {(each.reason, each.unexpected) for each in started} == {(REASON, False)}
    repaid(story)
    assert (story.balances(), story.receipted) == ({}, 0)
    assert story.events[-1] == "ReceiptCancelled"
    story.assert_balanced()


def test_what_was_taken_at_the_counter_is_paid_out_by_an_officer() -> None:
    assert asked(at_the_counter(), TAKEN_BACK).refunds == [("by_hand", AMOUNT)]


def test_what_an_officer_had_refunded_before_is_not_sent_back_again() -> None:
    story = asked(*IN_CHECKOUT, captured(), refund(20_000, ("chup-anh", 20_000)), TAKEN_BACK)
    assert story.refunds == [("ready", 20_000), ("ready", AMOUNT - 20_000)]
    assert repaid(story).balances() == {}


def test_a_difference_can_then_only_be_returned_and_the_bill_is_cancelled() -> None:
    story = asked(*IN_CHECKOUT, captured(amount=13_500), TAKEN_BACK)
    assert story.state == "discrepancy"
    story.on(Settle(action="return", by="operator", reason="x"))
    assert (story.state, story.refunds, story.told[-1].model_dump()["reason"]) == (
        "cancelled", [("ready", 13_500)], REASON
    )  # fmt: skip


def test_a_bill_that_ran_out_meanwhile_stays_expired() -> None:
    story = asked(BillExpiry())
    assert story.on(TAKEN_BACK) is None
    assert story.state == "expired"


@pytest.mark.parametrize("opening", OTHER_BILLS.values(), ids=OTHER_BILLS)
@pytest.mark.parametrize("before", [(), IN_CHECKOUT, (*IN_CHECKOUT, captured())])
def test_other_bills_of_the_dossier_are_left_alone(opening: Any, before: Sequence[Any]) -> None:
    story = Story()
    for message in (opening, *before):
        story.on(message)
    assert story.on(ANOTHER) is None


@given(st.permutations([TAKEN_BACK, TAKEN_BACK, STOPPED, REFUSED, captured()]))
def test_taken_back_and_ended_in_any_order_every_dong_goes_back_once_at_most(order: Sequence[Any]) -> None:
    story = asked(*IN_CHECKOUT, *order)
    first = next(each for each in order if each in (TAKEN_BACK, STOPPED, REFUSED))
    back = sum(amount for _, amount in story.refunds)
    assert back <= AMOUNT
    if first is TAKEN_BACK:
        assert back == AMOUNT
        assert repaid(story).balances() == {}
    story.assert_balanced()


def test_what_is_told_of_a_bill_names_its_request_and_of_the_forms_none() -> None:
    for opening, request in ((LATER, LATER.data.request_id), (SUBMITTED, None)):
        story, out = Story(), Story()
        for message in (opening, *IN_CHECKOUT, captured()):
            story.on(message)
        out.on(opening)
        out.on(BillExpiry())
        told = [*story.told, *out.told]
        kinds = (payments.Opened, payments.Succeeded, payments.Expired)
        named = [each.request_id for each in told if isinstance(each, kinds)]
        assert named == [request] * 4


def test_reopened_after_a_difference_it_still_names_its_request() -> None:
    story = asked(*IN_CHECKOUT, captured(amount=1), Settle(action="return", by="operator", reason="x"))
    opened = [each.request_id for each in story.told if isinstance(each, payments.Opened)]
    assert opened == [LATER.data.request_id] * 2
    story.on(started(SECOND))
    assert story.state == "checkout_ready"
