"""A difference, message by message: told once, in suspense exactly while nobody has the money, and balanced always."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.decider import Decision, Message
from chassis.errors import Refusal
from chassis.identifiers import new_id
from services.payments.domain import explaining
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.difference import (
    MOVES,
    Assign,
    Difference,
    Explain,
    Found,
    Gone,
    PayOutByHand,
    Return,
    TakeOver,
)
from services.payments.domain.questions import Refund
from services.payments.domain.refund import SILENCE

NOW = datetime(2026, 6, 9, 5, tzinfo=UTC)
BILL, MONEY = new_id(), new_id()
REFUND = UUID(int=int(NOW.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | 1)  # a UUIDv7 of that moment
STRANGE = Found(
    gateway="stripe",
    kind="unknown_payment",
    reference="pi_1",
    expected=0,
    found=70_000,
    at=NOW,
    posts=True,
    money_id=MONEY,
)
DECIDERS: dict[type[Message], Any] = {
    Found: explaining.found,
    Gone: explaining.gone,
    Explain: explaining.explain,
    Assign: explaining.assign,
    Return: explaining.send_back,
    TakeOver: explaining.take_over,
    PayOutByHand: explaining.pay_out,
    RefundDone: explaining.returned,
    RefundRefused: explaining.not_returned,
}
SENT_BACK = Return(refund_id=REFUND, reason="không phải phí", by="op")
BY_HAND = SENT_BACK.model_copy(update={"by_hand": True})
TAKEN_OVER = TakeOver(by="op")
PAID_OUT = PayOutByHand(voucher="PC-1", by="treasurer")
DONE, REFUSED = RefundDone(refund_id=REFUND, reference="re_1"), RefundRefused(refund_id=REFUND, reason="closed")
EXPLAINED, ASSIGNED = Explain(reason="đã hỏi", by="op"), Assign(bill_id=BILL, reason="sai nội dung", by="op")


class Story:
    """A difference and all that followed from what was said to it."""

    def __init__(self, *messages: Message, now: datetime = NOW) -> None:
        self.state: Difference | None = None
        self.events: list[str] = []
        self.balances: Counter[str] = Counter()
        self.calls: list[Message] = []
        self.now = now
        for message in messages:
            self.says(message)

    def says(self, message: Message) -> Decision[Difference] | None:
        decision: Decision[Difference] | None = DECIDERS[type(message)](self.state, message, self.now)
        if decision is not None:
            self.state = decision.state
            self.events += [event.kind for event in decision.events]  # type: ignore[attr-defined]
            self.calls += [call.request for call in decision.calls]
            assert sum(note.debit - note.credit for note in decision.notes) == 0  # type: ignore[attr-defined]
            for note in decision.notes:
                self.balances[note.account] += note.debit - note.credit  # type: ignore[attr-defined]
        return decision

    @property
    def now_in(self) -> tuple[str, int]:
        assert self.state is not None
        return self.state.state, self.state.apart

    @property
    def even(self) -> dict[str, int]:
        return {account: balance for account, balance in self.balances.items() if balance}


APART = {"gateway:stripe": 70_000, "suspense": -70_000}


def test_it_is_raised_once_and_stands_in_suspense() -> None:
    story = Story(STRANGE, STRANGE, STRANGE)
    assert (story.now_in, story.events, story.even) == (("open", 70_000), ["unknown_payment"], APART)


def test_gone_by_itself_leaves_nothing_behind_and_may_be_raised_again() -> None:
    story = Story(STRANGE, Gone())
    assert (story.now_in, story.even) == (("healed", 0), {})
    story.says(STRANGE)
    assert (story.now_in, story.events, story.even) == (("open", 70_000), ["unknown_payment"] * 2, APART)


def test_what_is_explained_stays_so_until_it_says_something_else() -> None:
    story = Story(STRANGE, EXPLAINED, STRANGE)
    assert (story.now_in, story.events) == (("explained", 70_000), ["unknown_payment"])
    story.says(STRANGE.model_copy(update={"found": 90_000}))
    assert (story.now_in, story.events, story.even["suspense"]) == (("open", 90_000), ["unknown_payment"] * 2, -90_000)


def test_assigned_money_leaves_suspense_for_the_bill_that_is_told_of_it() -> None:
    story = Story(STRANGE)
    assert story.state is not None
    told = explaining.captured_of(story.state)
    assert (told.money_id, told.amount, told.reference, told.heard_only) == (MONEY, 70_000, "pi_1", False)
    story.says(ASSIGNED)
    assert (story.now_in, story.even) == (("assigned", 0), {})


def test_money_is_sent_back_by_the_gateway() -> None:
    story = Story(STRANGE, SENT_BACK)
    assert story.even == {"gateway:stripe": 70_000, "refunds": -70_000}
    (request,) = story.calls
    assert isinstance(request, Refund)
    assert (request.refund_id, request.reference, request.amount) == (REFUND, "pi_1", 70_000)
    story.says(DONE)
    assert (story.now_in, story.even) == (("returned", 0), {})
    assert story.says(DONE) is None


def test_what_comes_back_stands_in_suspense_again_and_is_raised() -> None:
    story = Story(STRANGE, SENT_BACK, DONE, REFUSED)
    assert (story.now_in, story.events, story.even) == (("open", 70_000), ["unknown_payment"] * 2, APART)


def test_what_the_gateway_refuses_is_paid_out_by_hand() -> None:
    story = Story(STRANGE, SENT_BACK, REFUSED)
    assert (story.now_in, story.events, story.even) == (("open", 70_000), ["unknown_payment"], APART)
    story.says(BY_HAND)
    assert (story.now_in, story.even) == (("by_hand", 0), {"gateway:stripe": 70_000, "refunds": -70_000})
    story.says(PAID_OUT)
    assert (story.now_in, story.even) == (("returned", 0), {"gateway:stripe": 70_000, "hand:operators": -70_000})
    assert story.says(PAID_OUT) is None


def test_a_silent_gateway_is_asked_no_more_and_somebody_pays_out_what_it_did_not_send() -> None:
    story = Story(STRANGE, SENT_BACK, now=NOW + SILENCE - timedelta(seconds=1))
    with pytest.raises(Refusal, match="not_silent_yet"):
        story.says(TAKEN_OVER)
    story.now += timedelta(seconds=1)
    decision = story.says(TAKEN_OVER)
    assert decision is not None
    assert (story.now_in, decision.drops, story.says(TAKEN_OVER)) == (("by_hand", 0), (REFUND,), None)
    assert story.says(REFUSED) is None
    story.says(PAID_OUT)
    assert (story.now_in, story.even) == (("returned", 0), {"gateway:stripe": 70_000, "hand:operators": -70_000})
    assert story.says(DONE) is None


def test_what_a_silent_gateway_sent_all_the_same_is_not_paid_out() -> None:
    story = Story(STRANGE, SENT_BACK, TAKEN_OVER, DONE, now=NOW + SILENCE)
    assert (story.now_in, story.even) == (("returned", 0), {})
    with pytest.raises(Refusal, match="illegal_move"):
        story.says(PAID_OUT)


def test_whoever_orders_money_to_be_paid_out_does_not_pay_it_out() -> None:
    story = Story(STRANGE, BY_HAND)
    with pytest.raises(Refusal) as refused:
        story.says(PayOutByHand(voucher="PC-1", by=BY_HAND.by))
    assert (refused.value.code, refused.value.status) == ("ordered_by_you", 403)
    story.says(PAID_OUT)
    assert story.state is not None
    assert (story.state.by, story.state.paid_out_by, story.state.refund_reference) == ("op", "treasurer", "PC-1")
    with pytest.raises(Refusal, match="illegal_move"):
        story.says(PayOutByHand(voucher="PC-2", by="treasurer"))


def test_a_gateway_that_cannot_send_back_any_more_is_not_asked() -> None:
    for story in (
        Story(STRANGE, now=NOW + timedelta(days=200)),
        Story(STRANGE.model_copy(update={"gateway": "national"})),
        # It wants to know which page took the money, and none of ours did.
        Story(STRANGE.model_copy(update={"gateway": "vnpay"})),
    ):
        with pytest.raises(Refusal, match="not_returnable"):
            story.says(SENT_BACK)
        story.says(BY_HAND)
        story.says(PAID_OUT)
        assert story.now_in == ("returned", 0)


def test_only_money_that_came_in_is_assigned_or_sent_back() -> None:
    other = STRANGE.model_copy(update={"kind": "amount_differs", "expected": 60_000})
    for message in (ASSIGNED, SENT_BACK):
        with pytest.raises(Refusal):
            Story(other).says(message)


def test_what_only_we_have_heard_of_is_not_posted() -> None:
    missing = STRANGE.model_copy(update={"kind": "missing_at_gateway", "expected": 70_000, "found": 0, "posts": False})
    story = Story(missing, EXPLAINED, Gone())
    assert (story.now_in, story.even) == (("healed", 0), {})


def test_other_money_is_in_no_ledger() -> None:
    assert Story(STRANGE.model_copy(update={"currency": "USD", "kind": "foreign_currency"})).even == {}


def test_what_whoever_must_know_was_told_before_is_not_told_again() -> None:
    assert Story(STRANGE.model_copy(update={"told": True})).events == []


MESSAGES = st.sampled_from([STRANGE, STRANGE.model_copy(update={"found": 50_000}), Gone(), EXPLAINED, ASSIGNED, SENT_BACK, BY_HAND, TAKEN_OVER, PAID_OUT, DONE, REFUSED])  # fmt: skip


@given(messages=st.lists(MESSAGES, max_size=12))
def test_whatever_is_said_suspense_holds_what_nobody_has(messages: list[Message]) -> None:
    story = Story()
    for message in messages:
        story.now += SILENCE * (message is TAKEN_OVER)
        try:
            story.says(message)
        except Refusal:
            continue
        if story.state is not None:
            assert -story.balances["suspense"] == story.state.apart
            assert sum(story.balances.values()) == 0
            owed = dict.fromkeys(("returning", "by_hand"), story.state.found).get(story.state.state, 0)
            assert -story.balances["refunds"] == owed


def test_every_row_of_the_table_is_reached() -> None:
    again, missing = STRANGE.model_copy(update={"found": 1}), Gone()
    stories = [
        (STRANGE, again, EXPLAINED, EXPLAINED, again.model_copy(update={"found": 2}), missing, STRANGE),
        (STRANGE, EXPLAINED, missing),
        (STRANGE, ASSIGNED),
        (STRANGE, EXPLAINED, ASSIGNED),
        (STRANGE, SENT_BACK, DONE, REFUSED),
        (STRANGE, EXPLAINED, SENT_BACK, REFUSED),
        (STRANGE, BY_HAND, PAID_OUT),
        (STRANGE, EXPLAINED, BY_HAND),
        (STRANGE, SENT_BACK, TAKEN_OVER, DONE),
    ]
    reached = set()
    for messages in stories:
        story = Story()
        for message in messages:
            before = story.state.state if story.state else None
            story.now += SILENCE * (message is TAKEN_OVER)
            story.says(message)
            reached.add((before, type(message), story.state.state if story.state else None))
    assert reached == {(move.source, move.message, move.target) for move in MOVES.moves}
