"""Money in, in single steps: posted once, kept once, a part kept, too much returned, what was not asked for left to a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id, new_id
from contracts import payments
from services.payments.domain.answers import Captured, RefundRefused
from services.payments.domain.messages import BillExpiry, BillReminder, CancelCheckout, Settle
from services.payments.domain.questions import AskCheckout, CloseCheckout, Refund
from tests.records import NOON
from tests.unit.payments.bills import (
    AMOUNT,
    DAY,
    FEE,
    FIRST,
    PHOTO,
    REFUSED,
    SECOND,
    after,
    call_of,
    captured,
    closed,
    created,
    started,
    transferred,
)

IN_CHECKOUT = (started(), created())
PAID = (*IN_CHECKOUT, captured())
PICTURE = (started(FIRST, "vietqr"), created())
FEES = {f"fee:{FEE['beneficiary']}": -115_000, f"fee:{PHOTO['beneficiary']}": -20_000}
Said = Message | Event[Any]


def test_paying_posts_each_fee_to_its_beneficiary_and_numbers_a_receipt() -> None:
    story = after(*PAID)
    assert story.balances() == {"gateway:stripe": AMOUNT, **FEES}
    assert story.events == ["Opened", "Started", "Succeeded", "ReceiptIssued"]
    assert (story.receipted, story.asked, story.timers) == (AMOUNT, ["CreateCheckout"], {})


def test_a_clearing_line_carries_the_gateways_reference_and_no_other_does() -> None:
    story = after(*PAID)
    named = {posting.account: posting.reference for posting in story.postings if posting.reference}
    assert named == {"gateway:stripe": f"pi_{FIRST}"}


def test_the_receipts_year_is_that_in_vietnam() -> None:
    """At 17:00 UTC on New Year's Eve it is the new year in Hà Nội already."""
    for at, year in (
        (datetime(2026, 12, 31, 16, 59, tzinfo=UTC), 2026),
        (datetime(2026, 12, 31, 17, tzinfo=UTC), 2027),
    ):
        story = after(*IN_CHECKOUT)
        story.on(captured(at=at), at)
        assert [(each.number, each.year, each.ordinal) for each in story.receipts] == [(f"{year}/00000001", year, 1)]


@pytest.mark.parametrize("heard_only", [True, False])
def test_the_same_money_seen_twice_is_taken_in_once(heard_only: bool) -> None:
    """By the webhook, by the question, and by the statement."""
    story = after(*IN_CHECKOUT, captured(heard_only=heard_only))
    assert story.state == "paid"
    assert story.on(captured()) is None
    assert story.on(captured(heard_only=True)) is None
    assert story.balances()["gateway:stripe"] == AMOUNT


@pytest.mark.parametrize(
    "false",
    [
        captured(amount=AMOUNT - 1, heard_only=True),
        captured(amount=AMOUNT + 1, heard_only=True),
        captured(currency="USD", heard_only=True),
        captured(gateway="vnpay", heard_only=True),
    ],
)
def test_a_webhook_that_says_other_than_the_page_asks_for_only_makes_us_ask(false: Message) -> None:
    story = after(*IN_CHECKOUT)
    question = call_of(story.on(false)).request
    assert isinstance(question, AskCheckout)
    assert (question.attempt_id, question.session_id) == (FIRST, f"cs_{FIRST}")
    assert (story.state, story.postings) == ("in_checkout", [])
    story.on(captured())
    assert (story.state, story.balances()["gateway:stripe"]) == ("paid", AMOUNT)


def test_a_webhook_about_a_page_that_is_only_being_made_or_unknown_is_left_to_the_statement() -> None:
    assert after(started()).on(captured(amount=1, heard_only=True)) is None
    assert after().on(captured(SECOND, heard_only=True)) is None


@pytest.mark.parametrize(
    ("way", "state"),
    [((), "open"), ((CancelCheckout(),), "open"), ((BillExpiry(),), "expired"), ((REFUSED,), "cancelled")],
)
def test_more_than_any_bill_is_of_ends_its_page_and_is_left_to_the_statement(way: tuple[Said, ...], state: str) -> None:
    """No event could tell of it: its bill would wait for ever for an answer that it cannot take in."""
    story = after(*IN_CHECKOUT, *way)
    story.on(captured(amount=10**13))
    assert story.bill is not None
    assert (story.state, story.bill.taken, story.postings) == (state, (), [])
    assert [each.closed for each in story.bill.past] == [True]
    assert story.on(captured(amount=10**13)) is None


@pytest.mark.parametrize(
    "much", [transferred(10**13), captured(SECOND, 10**13, gateway="national"), captured(FIRST, 10**13)]
)
def test_more_than_any_bill_is_of_on_a_page_that_never_closes_or_of_before_leaves_the_bill_as_it_is(
    much: Captured,
) -> None:
    """A gateway that gives no statement must still be asked about its page, until that is raised."""
    story = after(started(), created(), closed(), started(SECOND, "national"), created(SECOND))
    assert story.on(much) is None
    assert (story.state, story.postings) == ("in_checkout", [])


@pytest.mark.parametrize("amount", [0, -5])
def test_money_of_nothing_is_refused_loudly(amount: int) -> None:
    """Passed over, it would be the answer that a page's closing waits for, and its bill would wait for ever."""
    with pytest.raises(Refusal, match="no_money"):
        after(*IN_CHECKOUT, CancelCheckout()).on(captured(amount=amount))


def test_money_that_comes_before_the_page_is_closed_pays_an_expiring_bill() -> None:
    story = after(*IN_CHECKOUT, BillExpiry(), captured())
    assert (story.state, story.events[-2:]) == ("paid", ["Succeeded", "ReceiptIssued"])


# Parts and too much


def test_a_part_is_kept_and_the_rest_stays_due() -> None:
    story = after(*PICTURE, transferred(35_000, attempt=FIRST))
    told = story.told[-1]
    assert isinstance(told, payments.PartlyPaid)
    assert (story.state, told.amount, told.outstanding) == ("open", 35_000, 100_000)
    assert story.balances() == {"gateway:vietqr": 35_000, "suspense": -35_000}
    assert (story.receipted, story.series) == (0, {})


def test_the_next_page_asks_for_what_is_missing() -> None:
    story = after(*PICTURE, transferred(35_000))
    request = call_of(story.on(started(SECOND))).request
    assert request.model_dump()["amount"] == 100_000
    story.on(created(SECOND))
    story.on(captured(SECOND, 100_000))
    assert (story.state, story.receipted) == ("paid", AMOUNT)
    assert story.balances() == {"gateway:vietqr": 35_000, "gateway:stripe": 100_000, **FEES}


def test_parts_add_up_and_the_last_one_pays() -> None:
    story = after(*PICTURE, *(transferred(45_000, line) for line in (1, 2, 3)))
    assert (story.state, story.events.count("PartlyPaid"), story.events.count("Succeeded")) == ("paid", 2, 1)
    assert story.balances() == {"gateway:vietqr": AMOUNT, **FEES}


def test_a_part_is_no_reason_to_take_a_page_away_that_asked_for_all() -> None:
    """The page of a card may be before the citizen's eyes: it takes its amount, and what is too much goes back."""
    story = after(*IN_CHECKOUT, transferred(35_000))
    assert (story.state, story.events[-1]) == ("in_checkout", "PartlyPaid")
    story.on(captured())
    assert (story.state, story.refunds) == ("paid", [("ready", 35_000)])
    assert story.balances() == {"gateway:vietqr": 35_000, "gateway:stripe": AMOUNT, "refunds": -35_000, **FEES}


def test_what_is_too_much_goes_back_by_itself_and_the_receipt_says_the_fees() -> None:
    story = after(*PICTURE, transferred(AMOUNT + 5_000))
    request = story.calls[derived_id(transferred(1).money_id, "refund")]
    assert isinstance(request, Refund)
    assert (request.amount, request.captured_amount, request.reference) == (5_000, AMOUNT + 5_000, "line_1")
    assert (story.state, story.receipted, story.refunds) == ("paid", AMOUNT, [("ready", 5_000)])
    assert story.balances() == {"gateway:vietqr": AMOUNT + 5_000, "refunds": -5_000, **FEES}


@pytest.mark.parametrize(("ending", "state"), [(BillExpiry(), "expired"), (REFUSED, "cancelled")])
def test_parts_of_a_bill_that_ends_go_back(ending: Said, state: str) -> None:
    story = after(*PICTURE, transferred(35_000), transferred(15_000, 2), ending)
    assert (story.state, story.refunds) == (state, [("ready", 35_000), ("ready", 15_000)])
    assert story.balances() == {"gateway:vietqr": 50_000, "refunds": -50_000}


# What nobody asks for any more


@pytest.mark.parametrize(("ending", "state"), [(BillExpiry(), "expired"), (REFUSED, "cancelled")])
def test_a_capture_after_the_end_is_returned_whole(ending: Said, state: str) -> None:
    """Failed is not final: the gateway closed the page and took the money all the same."""
    story = after(*IN_CHECKOUT, ending, closed())
    request = call_of(story.on(captured())).request
    assert isinstance(request, Refund)
    assert (story.state, request.amount, story.refunds) == (state, AMOUNT, [("ready", AMOUNT)])
    assert story.balances() == {"gateway:stripe": AMOUNT, "refunds": -AMOUNT}


def test_money_taken_while_a_dossier_is_withdrawn_goes_back() -> None:
    story = after(*IN_CHECKOUT, REFUSED, captured())
    assert (story.state, story.events[-2:]) == ("cancelled", ["Cancelled", "RefundStarted"])
    assert story.asked[-1] == "Refund"


def test_money_from_elsewhere_does_not_end_a_withdrawal_while_its_page_can_be_paid() -> None:
    story = after(*IN_CHECKOUT, REFUSED, transferred(AMOUNT))
    assert (story.state, story.refunds) == ("withdrawing", [("ready", AMOUNT)])
    story.on(closed())
    assert (story.state, story.refunds) == ("cancelled", [("ready", AMOUNT)])


def test_the_second_money_for_one_bill_goes_back() -> None:
    """A page that never closes was left for another, and then both were paid."""
    story = after(*PICTURE, CancelCheckout(), started(SECOND), created(SECOND), captured(SECOND), transferred(AMOUNT))
    assert (story.state, story.refunds) == ("paid", [("ready", AMOUNT)])
    assert story.balances() == {"gateway:stripe": AMOUNT, "gateway:vietqr": AMOUNT, "refunds": -AMOUNT, **FEES}
    assert story.events.count("Succeeded") == 1


def test_money_of_a_page_long_closed_pays_and_closes_the_page_that_is_open_now() -> None:
    """Else that page could be paid with nobody watching it; if it is faster than its closing, its money goes back."""
    story = after(*IN_CHECKOUT, closed(), started(SECOND), created(SECOND))
    decision = story.on(captured(FIRST))
    assert decision is not None
    assert [type(call.request) for call in decision.calls] == [CloseCheckout]
    assert story.state == "paid"
    story.on(captured(SECOND))
    assert (story.state, story.refunds) == ("paid", [("ready", AMOUNT)])


def test_money_of_a_closed_page_pays_a_bill_that_waits_for_nothing_else() -> None:
    story = after(*IN_CHECKOUT, closed(), captured())
    assert (story.state, story.events[-2:]) == ("paid", ["Succeeded", "ReceiptIssued"])


@pytest.mark.parametrize("before", [(), PICTURE, (started(SECOND), created(SECOND)), (*IN_CHECKOUT, CancelCheckout())])
def test_a_transfer_of_other_money_goes_back_by_hand_and_stops_no_bill(before: tuple[Said, ...]) -> None:
    """Anybody can write a bill's code on a transfer of one dollar; our bank returns đồng only."""
    story = after(*before)
    state = story.state
    story.on(transferred(100).model_copy(update={"currency": "USD"}))
    assert (story.state, story.refunds, story.events[-1]) == (state, [("by_hand", 100)], "RefundStarted")
    assert (story.postings, story.bill and story.bill.outstanding) == ([], AMOUNT)
    story.on(transferred(AMOUNT, 2))
    assert story.state == "paid"


@pytest.mark.parametrize("gateway", ["national", "vnpay"])
def test_money_that_names_no_page_may_be_more_than_is_due_and_its_excess_goes_back(gateway: str) -> None:
    """Paid by the dossier's code on the portal, as it was asked for before a part came in."""
    story = after(transferred(35_000), by_code(AMOUNT, gateway))
    assert (story.state, story.receipted) == ("paid", AMOUNT)
    assert [amount for _, amount in story.refunds] == [35_000]


def test_money_that_names_no_page_and_is_less_than_is_due_is_for_a_person_to_settle() -> None:
    """Where the payer does not choose the amount, less is a mistake: the portal asks for all that is due."""
    assert after(by_code(AMOUNT - 1, "national")).state == "discrepancy"


# What a person must settle

SHORT = captured(amount=13_500)


@pytest.mark.parametrize(("amount", "currency", "apart"), [(13_500, "VND", 13_500), (AMOUNT, "USD", 0)])
def test_money_that_is_not_what_its_page_asked_for_settles_nothing(amount: int, currency: str, apart: int) -> None:
    """Other currencies are told in the event alone: the ledger knows đồng only."""
    story = after(*IN_CHECKOUT, captured(amount=amount, currency=currency))
    found = story.told[-1]
    assert isinstance(found, payments.DiscrepancyFound)
    assert (found.expected, found.found, found.found_currency) == (AMOUNT, amount, currency)
    assert (story.state, story.balances().get("suspense", 0), story.timers) == ("discrepancy", -apart, {})
    assert (story.receipted, story.refunds) == (0, [])


@pytest.mark.parametrize(("currency", "amount"), [("VND", 13_500), ("USD", 500)])
def test_an_operator_returns_it_and_the_bill_goes_on(currency: str, amount: int) -> None:
    story = after(*IN_CHECKOUT, captured(amount=amount, currency=currency), settled("return"))
    assert (story.state, story.refunds) == ("open", [("ready", amount)])
    assert story.timers == {BillExpiry: NOON + 5 * DAY, BillReminder: NOON + 2 * DAY}
    request = list(story.calls.values())[-1]
    assert isinstance(request, Refund)
    assert (request.amount, request.currency) == (amount, currency)
    story.assert_balanced()


@pytest.mark.parametrize(("currency", "amount", "told"), [("VND", 13_500, 13_500), ("USD", 500, None)])
def test_how_many_dong_the_gateway_refuses_to_send_back_is_told(currency: str, amount: int, told: int | None) -> None:
    """The citizen is to fetch them at the desk; of other money, nothing is said in đồng."""
    story = after(*IN_CHECKOUT, captured(amount=amount, currency=currency), settled("return"))
    (refund_id,) = (each.refund_id for each in story.calls.values() if isinstance(each, Refund))
    story.on(RefundRefused(refund_id=refund_id, reason="charge_disputed"))
    failed = story.told[-1]
    assert isinstance(failed, payments.RefundFailed)
    assert (failed.amount, failed.currency) == (told, "VND")


def test_an_operator_returns_it_when_the_time_is_over_or_the_dossier_stopped() -> None:
    story = after(*IN_CHECKOUT, SHORT)
    story.on(settled("return"), NOON + timedelta(days=9))
    assert (story.state, story.events[-2:]) == ("expired", ["RefundStarted", "Expired"])
    assert after(*IN_CHECKOUT, SHORT, REFUSED, settled("return")).state == "cancelled"


def test_an_operator_takes_what_is_enough_for_the_fees() -> None:
    story = after(*IN_CHECKOUT, captured(amount=AMOUNT + 1_000), settled("accept"))
    assert (story.state, story.receipted, story.refunds) == ("paid", AMOUNT, [("ready", 1_000)])
    assert story.balances() == {"gateway:stripe": AMOUNT + 1_000, "refunds": -1_000, **FEES}


def test_what_is_too_little_or_for_a_dossier_that_stopped_can_only_be_returned() -> None:
    enough = captured(amount=AMOUNT + 1_000)
    for story in (after(*IN_CHECKOUT, SHORT), after(*IN_CHECKOUT, enough, REFUSED)):
        with pytest.raises(Refusal, match="not_enough"):
            story.on(settled("accept"))
    with pytest.raises(Refusal, match="nothing_to_settle"):
        after(*PAID).on(settled("return"))


def test_a_part_that_came_before_counts_when_a_difference_is_taken_for_the_fees() -> None:
    story = after(*IN_CHECKOUT, transferred(35_000), captured(amount=110_000), settled("accept"))
    assert (story.state, story.receipted, story.refunds) == ("paid", AMOUNT, [("ready", 10_000)])
    assert story.balances() == {"gateway:vietqr": 35_000, "gateway:stripe": 110_000, "refunds": -10_000, **FEES}


def test_more_money_that_comes_meanwhile_goes_back_and_leaves_the_difference_to_the_operator() -> None:
    story = after(*IN_CHECKOUT, SHORT, transferred(AMOUNT))
    assert (story.state, story.refunds) == ("discrepancy", [("ready", AMOUNT)])
    story.on(settled("return"))
    assert (story.state, story.refunds) == ("open", [("ready", AMOUNT), ("ready", 13_500)])


@pytest.mark.parametrize(
    ("ending", "now", "way", "end"),
    [
        (None, NOON, "closing", "open"),
        (REFUSED, NOON, "withdrawing", "cancelled"),
        (None, NOON + timedelta(days=9), "expiring", "expired"),
    ],
)
def test_a_difference_is_returned_at_once_and_a_page_that_can_still_be_paid_is_waited_for(
    ending: Said | None, now: datetime, way: str, end: str
) -> None:
    """Else the bill would be open again, and have two pages that can be paid; or be over, and have one."""
    story = after(*IN_CHECKOUT, closed(), started(SECOND), created(SECOND), captured(FIRST, 13_500))
    assert story.asked[-1] == "CloseCheckout"
    if ending is not None:
        story.on(ending)
    story.on(settled("return"), now)
    assert (story.state, story.refunds) == (way, [("ready", 13_500)])
    assert story.asked[-2:] == ["CloseCheckout", "Refund"]
    assert set(story.timers) == ({BillExpiry, BillReminder} if way == "closing" else set())
    story.on(closed(SECOND), now)
    assert story.state == end
    assert [story.events.count(name) for name in ("Expired", "Cancelled")] == [end == "expired", end == "cancelled"]


def test_a_page_that_is_paid_while_a_difference_goes_back_pays_the_bill() -> None:
    story = after(*IN_CHECKOUT, closed(), started(SECOND), captured(FIRST, 13_500), settled("return"), created(SECOND))
    assert (story.state, story.asked[-1]) == ("closing", "CloseCheckout")
    story.on(captured(SECOND))
    assert (story.state, story.refunds) == ("paid", [("ready", 13_500)])


def test_money_without_a_name_is_refused_loudly() -> None:
    nameless = captured().model_copy(update={"attempt_id": None, "capture_id": None})
    with pytest.raises(ValueError, match="money that neither"):
        after().on(nameless)


def test_money_that_no_page_names_is_known_by_its_own_name() -> None:
    story = after(transferred(AMOUNT))
    assert story.state == "paid"
    assert story.on(transferred(AMOUNT, attempt=new_id())) is None


def by_code(amount: int, gateway: str) -> Captured:
    """Money that names a bill's code, and no page."""
    return transferred(amount, 9).model_copy(update={"gateway": gateway})


def settled(action: Any) -> Settle:
    return Settle(action=action, by="operator", reason="sai số tiền")
