"""A bill's way to the gateway's page and to its end, in single steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import NotFound, Refusal
from chassis.identifiers import derived_id, new_id
from contracts import dossiers
from services.payments.domain.checkout import SILENCE
from services.payments.domain.messages import AttemptSilence, BillExpiry, BillReminder, CancelCheckout, Nudge, Settle
from services.payments.domain.questions import AskCheckout, CloseCheckout, CreateCheckout
from tests.records import NOON, event, example
from tests.unit.payments.bills import (
    AMOUNT,
    FEE,
    FIRST,
    REFUSED,
    SECOND,
    STOPPED,
    SUBMITTED,
    Story,
    after,
    at_the_counter,
    call_of,
    captured,
    closed,
    created,
    refused,
    started,
    still_open,
    transferred,
)

IN_CHECKOUT = (started(), created())
PAID = (*IN_CHECKOUT, captured())
Said = Message | Event[Any]
ASKED = AskCheckout(
    attempt_id=FIRST, session_id=f"cs_{FIRST}", began=NOON, closes_at=NOON + timedelta(hours=1), amount=AMOUNT
)


def test_a_dossier_with_fees_gets_a_bill_once() -> None:
    story = after(SUBMITTED)
    assert story.events == ["Opened"]
    assert story.bill is not None
    timers = {BillExpiry: NOON + timedelta(days=5), BillReminder: NOON + timedelta(days=2)}
    assert (story.state, story.bill.amount, story.timers) == ("open", AMOUNT, timers)


def test_a_dossier_without_fees_gets_no_bill() -> None:
    story = Story()
    for lines in ([], [FEE | {"amount": 0}]):
        assert story.on(event(example(dossiers.Submitted, fee_lines=lines, payment_due=None))) is None


def test_fees_without_a_day_to_pay_them_are_refused_and_not_forgotten() -> None:
    with pytest.raises(Refusal, match="incomplete_fees"):
        Story().on(event(example(dossiers.Submitted, payment_due=None)))


def test_nothing_is_known_of_a_bill_that_was_never_opened() -> None:
    for message in (started(), captured(), closed(), BillExpiry(), Nudge(call_id=new_id())):
        with pytest.raises(NotFound):
            Story().on(message)
    assert Story().on(REFUSED) is None


def test_a_checkout_is_written_down_before_the_gateway_is_asked_and_its_id_is_the_key() -> None:
    story = after()
    call = call_of(story.on(started()))
    assert call.id == FIRST
    assert isinstance(call.request, CreateCheckout)
    assert (call.request.amount, call.request.attempt_id) == (AMOUNT, FIRST)
    assert (story.state, story.events) == ("checkout_ready", ["Opened"])


@pytest.mark.parametrize("before", [(started(),), IN_CHECKOUT])
def test_a_second_tab_begins_no_second_attempt(before: tuple[Message, ...]) -> None:
    story = after(*before)
    assert story.on(started(SECOND)) is None
    assert story.bill is not None
    assert story.bill.attempt is not None
    assert story.bill.attempt.attempt_id == FIRST


def test_a_refused_page_leaves_the_bill_open_for_another() -> None:
    story = after(started(), refused())
    assert (story.state, story.events) == ("open", ["Opened"])
    assert call_of(story.on(started(SECOND))).id == SECOND


def test_a_decline_is_told_once_and_the_page_stays_payable() -> None:
    story = after(*IN_CHECKOUT, still_open(decline="ch_1"), still_open(decline="ch_1"))
    assert (story.state, story.events) == ("in_checkout", ["Opened", "Started", "Failed"])
    story.on(captured())
    assert story.state == "paid"


def test_two_declines_are_two_whatever_the_order_of_their_answers() -> None:
    """An old answer that comes late tells its own decline, and does not make the newer one new again."""
    story = after(*IN_CHECKOUT)
    for decline in ("ch_2", "ch_1", "ch_2", "ch_1"):
        story.on(still_open(decline=decline))
    assert story.events.count("Failed") == 2


def test_a_decline_that_only_the_closing_page_tells_is_told() -> None:
    story = after(*IN_CHECKOUT, closed(decline="ch_1"))
    assert (story.state, story.events) == ("open", ["Opened", "Started", "Failed"])


def test_a_closed_page_gives_way_to_another() -> None:
    story = after(*IN_CHECKOUT, closed(), started(SECOND), created(SECOND), captured(SECOND))
    assert (story.state, story.events.count("Started")) == ("paid", 2)


def test_an_open_bill_expires_at_once() -> None:
    story = after(BillExpiry())
    assert (story.state, story.events) == ("expired", ["Opened", "Expired"])


def test_a_page_is_closed_before_its_bill_expires() -> None:
    story = after(*IN_CHECKOUT)
    call = call_of(story.on(BillExpiry()))
    assert isinstance(call.request, CloseCheckout)
    assert (story.state, "Expired" in story.events, story.timers) == ("expiring", False, {})
    story.on(closed())
    assert (story.state, story.events[-1]) == ("expired", "Expired")


def test_a_bill_whose_page_is_still_being_made_waits_for_the_gateways_word() -> None:
    """The creating call is never answered: the bill does not expire. It is answered: the page is closed at once."""
    story = after(started(), BillExpiry())
    assert (story.state, story.asked) == ("expiring", ["CreateCheckout"])
    assert isinstance(call_of(story.on(created())).request, CloseCheckout)
    assert "Started" not in story.events
    story.on(closed())
    assert story.state == "expired"


def test_a_bill_whose_page_was_never_made_expires_when_the_gateway_says_so() -> None:
    assert after(started(), BillExpiry(), refused()).events == ["Opened", "Expired"]
    assert after(started(), REFUSED, refused()).events == ["Opened", "Cancelled"]


def test_a_bill_on_its_way_out_takes_no_new_attempt() -> None:
    for ending in (BillExpiry(), REFUSED):
        story = after(*IN_CHECKOUT, ending)
        with pytest.raises(Refusal, match="not_payable"):
            story.on(started(SECOND))
    with pytest.raises(Refusal, match="already_paid"):
        after(*PAID).on(started(SECOND))


def test_a_decline_on_a_page_that_is_being_closed_is_not_news() -> None:
    story = after(*IN_CHECKOUT, BillExpiry())
    assert story.on(still_open(decline="ch_1")) is None


def test_a_page_is_closed_by_one_call_however_many_want_it_closed() -> None:
    """The citizen, the last day and the dossier's end: one question, and its answer ends the bill as the last one said."""
    story = after(*IN_CHECKOUT)
    calls = [call_of(story.on(message)) for message in (CancelCheckout(), BillExpiry(), STOPPED)]
    assert len({call.id for call in calls}) == 1
    assert len({call.request.model_dump_json() for call in calls}) == 1
    story.on(closed())
    assert (story.state, story.events[-1]) == ("cancelled", "Cancelled")
    assert story.on(closed()) is None


def test_a_dossier_that_is_stopped_because_its_bill_expired_changes_nothing() -> None:
    """intake stops the dossier on payments.Expired; that must not come back as a move here, or the two would loop."""
    for expired in (after(BillExpiry()), after(*IN_CHECKOUT, BillExpiry(), closed())):
        assert expired.on(STOPPED) is None
        assert expired.state == "expired"


@pytest.mark.parametrize("ending", [REFUSED, STOPPED])
def test_a_withdrawn_bill_that_nobody_pays_is_cancelled(ending: Said) -> None:
    story = after(ending)
    assert (story.state, story.events, story.timers) == ("cancelled", ["Opened", "Cancelled"], {})


def test_silence_is_asked_about_again_and_again_but_by_one_call() -> None:
    """While the gateway does not answer, a second question would only be a heap for its return."""
    story = after(*IN_CHECKOUT)
    assert story.timers[AttemptSilence] == NOON + SILENCE
    first = call_of(story.on(AttemptSilence(), NOON + SILENCE))
    second = call_of(story.on(AttemptSilence(), NOON + 2 * SILENCE))
    assert isinstance(first.request, AskCheckout)
    assert (first.id, story.timers[AttemptSilence]) == (second.id, NOON + 3 * SILENCE)


def test_silence_about_a_page_that_is_gone_is_no_matter() -> None:
    for story in (after(started()), after(*PAID), after(*IN_CHECKOUT, BillExpiry())):
        assert story.on(AttemptSilence()) is None


def test_each_nudge_asks_in_its_own_right() -> None:
    """An answer that is on its way may be older than what the nudge is about."""
    story = after(*IN_CHECKOUT)
    calls = [call_of(story.on(Nudge(call_id=new_id()))) for _ in range(2)]
    assert calls[0].id != calls[1].id
    assert calls[0].request == ASKED


def test_a_nudge_about_a_closed_page_asks_about_that_page() -> None:
    story = after(*IN_CHECKOUT, closed(), started(SECOND), created(SECOND))
    call = call_of(story.on(Nudge(call_id=new_id(), attempt_id=FIRST, session_id=f"cs_{FIRST}")))
    assert call.request == ASKED


def test_a_nudge_about_a_page_from_before_pages_were_remembered_asks_about_it_all_the_same() -> None:
    stranger = derived_id(FIRST, "of an older release")
    call = call_of(after().on(Nudge(call_id=new_id(), attempt_id=stranger, session_id="cs_1")))
    assert call.request == AskCheckout(attempt_id=stranger, session_id="cs_1")


def test_a_nudge_about_nothing_that_can_be_asked_asks_nothing() -> None:
    assert after().on(Nudge(call_id=new_id())) is None
    assert after(started()).on(Nudge(call_id=new_id())) is None
    assert after(started()).on(Nudge(call_id=new_id(), attempt_id=FIRST)) is None
    assert after(*PAID).on(Nudge(call_id=new_id())) is None
    assert after().on(Nudge(call_id=new_id(), attempt_id=FIRST)) is None


# Another gateway, and another place


def test_the_citizen_may_choose_another_gateway_once_the_page_is_closed() -> None:
    story = after(*IN_CHECKOUT)
    assert isinstance(call_of(story.on(CancelCheckout())).request, CloseCheckout)
    assert story.state == "closing"
    assert story.on(CancelCheckout()) is None
    with pytest.raises(Refusal, match="page_closing"):
        story.on(started(SECOND, "vnpay"))
    story.on(closed())
    assert (story.state, story.events) == ("open", ["Opened", "Started"])
    request = call_of(story.on(started(SECOND, "vnpay"))).request
    assert isinstance(request, CreateCheckout)
    assert (request.gateway, request.closes_at) == ("vnpay", NOON + timedelta(minutes=15))


def test_money_that_comes_while_a_page_is_being_closed_pays_the_bill() -> None:
    assert after(*IN_CHECKOUT, CancelCheckout(), captured()).state == "paid"


def test_a_page_that_never_closes_is_left_alone_at_once() -> None:
    """Nothing is asked of the gateway, and money that comes on it later is known as that page's."""
    story = after(started(FIRST, "vietqr"), created())
    decision = story.on(CancelCheckout())
    assert decision is not None
    assert not decision.calls
    assert (story.state, story.timers.get(AttemptSilence)) == ("open", None)
    assert story.bill is not None
    assert [(each.attempt_id, each.closed) for each in story.bill.past] == [(FIRST, False)]


@pytest.mark.parametrize(
    ("ending", "state"),
    [(CancelCheckout(), "open"), (BillExpiry(), "expired"), (STOPPED, "cancelled"), (at_the_counter(), "paid")],
)
def test_a_page_that_never_closes_is_not_waited_for_while_it_is_only_being_made(ending: Said, state: str) -> None:
    """Its gateway may be silent for days; when it answers after all, the page is known, should money come on it."""
    story = after(started(FIRST, "national"), ending)
    assert (story.state, story.asked) == (state, ["CreateCheckout"])
    story.on(created())
    assert story.bill is not None
    assert [(each.session_id, each.closed) for each in story.bill.past] == [(f"cs_{FIRST}", False)]
    assert (story.state, story.asked) == (state, ["CreateCheckout"])


def test_after_its_time_a_page_that_never_closes_gives_way_to_another() -> None:
    story = after(started(FIRST, "vietqr"), created())
    assert story.on(started(SECOND, "vietqr"), NOON + timedelta(minutes=59)) is None
    call = call_of(story.on(started(SECOND, "stripe"), NOON + timedelta(minutes=61)))
    assert (story.state, call.id) == ("checkout_ready", SECOND)


@pytest.mark.parametrize(
    ("way", "state", "events"),
    [
        (AttemptSilence(), "open", []),
        (CancelCheckout(), "open", []),
        (BillExpiry(), "expired", ["Expired", "RefundStarted"]),
        (STOPPED, "cancelled", ["Cancelled", "RefundStarted"]),
    ],
)
@pytest.mark.parametrize("page", [(started(),), IN_CHECKOUT])
def test_a_page_of_a_silent_gateway_is_given_up_three_days_after_its_time_and_the_bill_goes_on(
    page: tuple[Message, ...], way: Said, state: str, events: list[str]
) -> None:
    """A part that came in goes back with the bill's end; of the page nobody asks any more, and it is not called closed."""
    story, over = after(*page, transferred(35_000), AttemptSilence(), way), NOON + timedelta(hours=1)
    told = len(story.events)
    with pytest.raises(Refusal, match="not_silent_yet"):
        story.on(story.given_up(), over + timedelta(days=3, seconds=-1))
    story.on(story.given_up(), over + timedelta(days=3))
    assert (story.state, story.events[told:]) == (state, events)
    assert story.asked == (["Refund"] if events else [])
    assert set(story.timers) == (set() if events else {BillExpiry, BillReminder})
    assert story.bill is not None
    assert [(each.closed, each.abandoned_by) for each in story.bill.past] == [(False, "operator")]
    with pytest.raises(Refusal, match="illegal_move"):
        story.on(story.given_up(), over + timedelta(days=3))


@pytest.mark.parametrize("way", [(CancelCheckout(),), ()])
def test_a_bill_whose_page_was_given_up_is_paid_in_another_way_and_late_money_goes_back(
    way: tuple[Message, ...],
) -> None:
    story, later = after(*IN_CHECKOUT, *way), NOON + timedelta(days=4)
    story.on(story.given_up(), later)
    story.on(at_the_counter())
    story.on(captured())
    assert (story.state, story.refunds) == ("paid", [("ready", AMOUNT)])
    assert story.bill is not None
    assert [each.closed for each in story.bill.past] == [True]


@pytest.mark.parametrize("way", [(CancelCheckout(),), ()])
def test_late_money_on_a_page_that_was_given_up_pays_the_bill_and_closes_its_next_page(
    way: tuple[Message, ...],
) -> None:
    story, later = after(*IN_CHECKOUT, *way), NOON + timedelta(days=4)
    story.on(story.given_up(), later)
    for message in (started(SECOND), created(SECOND), captured()):
        story.on(message, later)
    assert (story.state, story.asked, story.refunds) == ("paid", ["CreateCheckout", "CloseCheckout"], [])


def test_a_bill_that_goes_on_after_a_difference_does_not_wait_for_a_page_that_was_given_up() -> None:
    story, later = after(*IN_CHECKOUT, CancelCheckout()), NOON + timedelta(days=4)
    story.on(story.given_up(), later)
    for message in (started(SECOND), created(SECOND), captured(SECOND, AMOUNT - 1)):
        story.on(message, later)
    assert story.state == "discrepancy"
    story.on(Settle(action="return", by="operator", reason="sai số tiền"), later)
    assert story.state == "open"


def test_a_page_made_too_late_for_a_paid_bill_is_closed_at_once() -> None:
    """Money from elsewhere was faster: nobody may pay on that page too."""
    story = after(started(), transferred(AMOUNT))
    assert story.state == "paid"
    assert isinstance(call_of(story.on(created())).request, CloseCheckout)
    story.on(closed())
    assert story.bill is not None
    assert [each.closed for each in story.bill.past] == [True]


def test_the_counter_takes_money_where_no_page_can_take_it_too() -> None:
    story = after(at_the_counter())
    assert (story.state, story.events) == ("paid", ["Opened", "Succeeded", "ReceiptIssued"])
    assert story.balances()["gateway:counter"] == AMOUNT
    with pytest.raises(Refusal, match="taken_already"):
        story.on(at_the_counter())
    with pytest.raises(Refusal, match="not_payable"):
        story.on(at_the_counter(voucher="PT-2"))


def test_at_the_counter_a_page_is_closed_first_and_the_same_is_said_again() -> None:
    story = after(*IN_CHECKOUT, at_the_counter())
    assert (story.state, story.asked[-1]) == ("closing", "CloseCheckout")
    assert story.on(at_the_counter()) is None
    story.on(closed())
    story.on(at_the_counter())
    assert story.state == "paid"


@pytest.mark.parametrize("amount", [AMOUNT - 1, AMOUNT + 1])
def test_the_counter_takes_exactly_what_is_due_and_closes_no_page_for_anything_else(amount: int) -> None:
    for story in (after(), after(*IN_CHECKOUT), after(started()), after(*IN_CHECKOUT, CancelCheckout())):
        before = story.state
        with pytest.raises(Refusal, match="other_amount"):
            story.on(at_the_counter(amount))
        assert story.state == before
    story = after(transferred(35_000), at_the_counter(AMOUNT - 35_000))
    assert (story.state, story.balances()["gateway:counter"]) == ("paid", AMOUNT - 35_000)


# Reminders


def test_the_last_days_are_told_of_while_the_bill_can_be_paid() -> None:
    story = after()
    story.on(BillReminder(), NOON + timedelta(days=2))
    assert (story.events[-1], story.timers[BillReminder]) == ("ExpiresSoon", NOON + timedelta(days=4))
    story.on(BillReminder(), NOON + timedelta(days=4))
    assert story.events.count("ExpiresSoon") == 2
    for quiet in (after(*PAID), after(BillExpiry()), after(*IN_CHECKOUT, REFUSED)):
        assert BillReminder not in quiet.timers
        assert quiet.on(BillReminder()) is None
