"""Money in and money back, in single steps: posted once, kept once, returned where it must."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.decider import Message
from chassis.envelope import Event
from chassis.identifiers import new_id
from contracts import dossiers, payments
from services.payments.domain.bill import BillExpiry, IssueReceipt, Nudge, ReceiptNumbered
from services.payments.domain.gateway import (
    AskRefund,
    Refund,
    RefundDone,
    RefundRefused,
)
from tests.records import event, example
from tests.unit.payments.bills import (
    AMOUNT,
    FEE,
    FIRST,
    PHOTO,
    REFUSED,
    SECOND,
    Story,
    after,
    call_of,
    captured,
    closed,
    created,
    started,
)

IN_CHECKOUT = (started(), created())
PAID = (*IN_CHECKOUT, captured())
Said = Message | Event[Any]


def test_paying_posts_each_fee_to_its_beneficiary_and_asks_for_a_receipt() -> None:
    story = after(*PAID)
    assert story.balances() == {
        "gateway:stripe": AMOUNT, f"fee:{FEE['beneficiary']}": -115_000, f"fee:{PHOTO['beneficiary']}": -20_000,
    }  # fmt: skip
    assert story.asked[-1] == "IssueReceipt"
    assert story.timers == {}


def test_the_receipts_year_is_that_of_the_payment_in_vietnam() -> None:
    """At 17:00 UTC on New Year's Eve it is the new year in Hà Nội already."""
    for at, year in (
        (datetime(2026, 12, 31, 16, 59, tzinfo=UTC), 2026),
        (datetime(2026, 12, 31, 17, tzinfo=UTC), 2027),
    ):
        decision = after(*IN_CHECKOUT).on(captured(at=at))
        request = call_of(decision).request
        assert isinstance(request, IssueReceipt)
        assert request.year == year


def test_a_receipts_number_is_told_once_even_when_the_money_is_on_its_way_back() -> None:
    story = after(*PAID, REFUSED)
    story.on(ReceiptNumbered(number="2026/00000001"))
    assert story.on(ReceiptNumbered(number="2026/00000001")) is None
    assert story.events[-2:] == ["RefundStarted", "ReceiptIssued"]
    assert after().on(ReceiptNumbered(number="2026/00000001")) is None


def test_the_same_money_seen_twice_is_taken_in_once() -> None:
    story = after(*PAID)
    assert story.on(captured()) is None
    assert story.balances()["gateway:stripe"] == AMOUNT


def test_money_that_comes_before_the_page_is_closed_pays_an_expiring_bill() -> None:
    story = after(*IN_CHECKOUT, BillExpiry(), captured())
    assert (story.state, story.events[-1]) == ("paid", "Succeeded")


def test_only_what_its_circular_lets_us_return_is_returned() -> None:
    story = after(*PAID)
    call = call_of(story.on(REFUSED))
    assert isinstance(call.request, Refund)
    assert (call.request.amount, call.request.reference) == (20_000, f"pi_{FIRST}")
    story.on(RefundDone(refund_id=call.id, reference="re_1"))
    assert (story.state, story.events[-2:]) == ("refunded", ["RefundStarted", "Refunded"])
    assert story.balances() == {"gateway:stripe": 115_000, f"fee:{FEE['beneficiary']}": -115_000}


def test_nothing_is_returned_of_fees_that_are_kept_or_nought() -> None:
    """A refund of 0 đồng would be refused by the gateway, and an officer called for nothing."""
    lines = [FEE, PHOTO | {"amount": 0}]
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=lines)))
    for message in (*IN_CHECKOUT, captured(amount=115_000)):
        story.on(message)
    assert story.on(REFUSED) is None
    assert story.state == "paid"


@pytest.mark.parametrize(
    ("until", "accepted", "returned"),
    [
        ("acceptance", False, True),
        ("acceptance", True, False),
        ("result", True, True),
        (None, True, True),
        ("acceptance", None, True),
    ],
)
def test_what_is_returned_until_acceptance_is_kept_once_the_dossier_was_taken_in(
    until: str | None, accepted: bool | None, returned: bool
) -> None:
    """An ending from before it was told whether the dossier had been taken in counts as it did then."""
    story = Story()
    story.on(event(example(dossiers.Submitted, fee_lines=[PHOTO | {"amount": AMOUNT, "refund_until": until}])))
    for message in (*IN_CHECKOUT, captured()):
        story.on(message)
    story.on(event(example(dossiers.Stopped, accepted=accepted), 2))
    assert story.state == ("refund_ready" if returned else "paid")


@pytest.mark.parametrize("ending", [BillExpiry(), REFUSED])
def test_a_capture_after_the_end_is_adopted_and_returned_whole(ending: Said) -> None:
    """Failed is not final: the gateway closed the page and took the money all the same."""
    story = after(*IN_CHECKOUT, ending, closed())
    call = call_of(story.on(captured()))
    assert isinstance(call.request, Refund)
    assert (story.state, call.request.amount) == ("refund_ready", AMOUNT)
    assert story.balances() == {"gateway:stripe": AMOUNT, "suspense": -AMOUNT}
    story.on(RefundDone(refund_id=call.id, reference="re_1"))
    assert (story.state, story.balances()) == ("refunded", {})


def test_money_taken_while_a_dossier_is_withdrawn_goes_back() -> None:
    story = after(*IN_CHECKOUT, REFUSED, captured())
    assert (story.state, story.events[-1], story.asked[-1]) == ("refund_ready", "RefundStarted", "Refund")


def test_a_refused_refund_leaves_the_money_where_it_is_and_calls_a_person() -> None:
    story = after(*PAID)
    call = call_of(story.on(REFUSED))
    story.on(RefundRefused(refund_id=call.id, reason="charge_disputed"))
    assert (story.state, story.events[-1]) == ("refund_failed", "RefundFailed")
    assert story.balances()["gateway:stripe"] == AMOUNT
    assert story.on(RefundDone(refund_id=call.id, reference="re_1")) is None


def test_a_refund_that_the_bank_sends_back_is_ours_again_and_calls_a_person() -> None:
    """Days later, on a webhook; the ledger tells both ways of the money."""
    story = after(*PAID)
    call = call_of(story.on(REFUSED))
    story.on(RefundDone(refund_id=call.id, reference="re_1"))
    question = call_of(story.on(Nudge(call_id=new_id()))).request
    assert question == AskRefund(refund_id=call.id, reference="re_1")
    assert story.on(RefundDone(refund_id=call.id, reference="re_1")) is None
    story.on(RefundRefused(refund_id=call.id, reason="expired_or_canceled_card"))
    assert story.on(RefundRefused(refund_id=call.id, reason="expired_or_canceled_card")) is None
    assert (story.state, story.events[-2:]) == ("refund_failed", ["Refunded", "RefundFailed"])
    assert story.balances() == after(*PAID).balances()
    story.assert_balanced()


def test_a_refund_that_comes_back_before_its_answer_is_taken_in_is_asked_about_once_more() -> None:
    """The gateway's answer waited for our database; the webhook that the bank sent the money back did not."""
    story = after(*PAID)
    call = call_of(story.on(REFUSED))
    assert story.on(Nudge(call_id=new_id())) is not None
    assert story.on(Nudge(call_id=new_id())) is None
    question = call_of(story.on(RefundDone(refund_id=call.id, reference="re_1"))).request
    assert question == AskRefund(refund_id=call.id, reference="re_1")
    story.on(RefundRefused(refund_id=call.id, reason="expired_or_canceled_card"))
    assert (story.state, story.events[-2:]) == ("refund_failed", ["Refunded", "RefundFailed"])


def test_an_answer_about_another_refund_changes_nothing() -> None:
    story = after(*PAID, REFUSED)
    assert story.on(RefundDone(refund_id=new_id(), reference="re_2")) is None
    assert story.on(RefundRefused(refund_id=new_id(), reason="expired_card")) is None
    assert story.state == "refund_ready"


@pytest.mark.parametrize(("amount", "currency", "apart"), [(13_500, "VND", 13_500), (AMOUNT, "USD", 0)])
def test_money_that_is_not_the_bills_settles_nothing(amount: int, currency: str, apart: int) -> None:
    """Other currencies are told in the event alone: the ledger knows đồng only."""
    story = after(*IN_CHECKOUT, captured(amount=amount, currency=currency))
    found = story.told[-1]
    assert isinstance(found, payments.DiscrepancyFound)
    assert (found.expected, found.found, found.found_currency) == (AMOUNT, amount, currency)
    assert (story.state, story.balances().get("suspense", 0), story.timers) == ("discrepancy", -apart, {})
    assert "IssueReceipt" not in story.asked


def test_money_of_a_closed_page_does_not_touch_the_page_that_is_open_now() -> None:
    """Else that page could be paid with nobody watching it: it is paid, and the other money waits for a person."""
    story = after(*IN_CHECKOUT, closed(), started(SECOND), created(SECOND), captured(FIRST))
    assert (story.state, story.events[-1]) == ("in_checkout", "DiscrepancyFound")
    story.on(captured(SECOND))
    assert (story.state, story.balances()["suspense"]) == ("paid", -AMOUNT)
    assert story.events.count("Succeeded") == 1


def test_money_of_a_closed_page_pays_a_bill_that_waits_for_nothing_else() -> None:
    story = after(*IN_CHECKOUT, closed(), captured())
    assert (story.state, story.events[-1]) == ("paid", "Succeeded")


def test_a_second_capture_does_not_lose_the_refund_that_is_under_way() -> None:
    story = after(*IN_CHECKOUT, closed(), started(SECOND), created(SECOND), captured(SECOND), REFUSED)
    story.on(captured(FIRST))
    assert (story.state, story.events[-1]) == ("refund_ready", "DiscrepancyFound")
    assert story.bill is not None
    assert story.bill.refund is not None
    story.on(RefundDone(refund_id=story.bill.refund.refund_id, reference="re_1"))
    assert (story.state, story.balances()["gateway:stripe"]) == ("refunded", 2 * AMOUNT - 20_000)
