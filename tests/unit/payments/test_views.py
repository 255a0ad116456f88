"""What a bill is called to people, while its money goes back and after it."""

from __future__ import annotations

from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.views import shown_state
from tests.unit.payments.bills import AMOUNT, REFUSED, Story, after, captured, created, refund, started, transferred

PAID = (started(), created(), captured())


def called(story: Story) -> str:
    assert story.bill is not None
    return shown_state(story.bill)


def done(story: Story) -> Story:
    assert story.bill is not None
    for each in story.bill.refunds:
        story.on(RefundDone(refund_id=each.refund_id, reference=f"re_{each.refund_id}"))
    return story


def test_fees_of_which_some_went_back_are_partly_refunded() -> None:
    story = after(*PAID, refund(20_000, ("chup-anh", 20_000)))
    assert called(story) == "refund_ready"
    assert called(done(story)) == "partly_refunded"


def test_what_was_too_much_went_back_and_the_fees_are_paid() -> None:
    story = after(started(gateway="vietqr"), created(), transferred(AMOUNT + 5_000))
    assert called(story) == "refund_ready"
    assert called(done(story)) == "paid"


def test_all_that_came_in_for_a_bill_that_is_over_went_back() -> None:
    story = after(started(), created(), REFUSED, captured())
    assert (story.state, called(done(story))) == ("cancelled", "refunded")


def test_a_refund_that_an_officer_must_pay_out_is_said_first() -> None:
    story = after(*PAID, refund(20_000, ("chup-anh", 10_000)), refund(10_000, ("chup-anh", 10_000), name="second"))
    assert story.bill is not None
    first, second = story.bill.refunds
    story.on(RefundDone(refund_id=first.refund_id, reference="re_1"))
    story.on(RefundRefused(refund_id=second.refund_id, reason="expired_or_canceled_card"))
    assert called(story) == "refund_failed"
