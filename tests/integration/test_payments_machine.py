"""A bill and a gateway, with every answer late, lost, repeated or in another order: what may never happen, and the end.

The gateway is honest (a page that it called closed never takes money) or it breaks its word, as banks do now and then.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id, new_id
from services.payments.domain.bill import (
    AttemptSilence,
    BillExpiry,
    IssueReceipt,
    Nudge,
    ReceiptNumbered,
)
from services.payments.domain.ledger import SUSPENSE
from tests.unit.payments.bills import AMOUNT, REFUSED, STOPPED, SUBMITTED, Story, started
from tests.unit.payments.provider import Provider

FINAL = {"paid", "expired", "cancelled", "refunded", "refund_failed", "discrepancy"}
ONCE = ("Opened", "Succeeded", "Expired", "Cancelled", "RefundStarted", "Refunded", "RefundFailed", "ReceiptIssued")
CLEARING, RETURNED = "gateway:stripe", 20_000


class BillAndGateway(RuleBasedStateMachine):
    """`answers` are all that the gateway ever said: each may arrive at any time, and again.

    No ending comes before `patience` steps are over, or most bills would end before anything happened to them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.story, self.gateway, self.honest = Story(), Provider(), True
        self.answers: list[tuple[UUID, Message]] = []
        self.attempts, self.patience = 0, 0

    @initialize(honest=st.booleans(), patience=st.integers(0, 35))
    def opened(self, honest: bool, patience: int) -> None:
        self.honest, self.patience = honest, patience
        self.story.on(SUBMITTED)

    # What people and time do

    @rule()
    def start_checkout(self) -> None:
        self.attempts += 1
        try:
            self.story.on(started(derived_id(SUBMITTED.id, f"attempt {self.attempts}")))
        except Refusal:
            assert self.story.state not in ("open", "checkout_ready", "in_checkout")

    @rule(message=st.sampled_from([AttemptSilence(), SUBMITTED]))
    def nothing_new(self, message: Message | Event[Any]) -> None:
        self.hear(message)

    @precondition(lambda self: self.patience <= 0)
    @rule(message=st.sampled_from([BillExpiry(), REFUSED, STOPPED]))
    def ending(self, message: Message | Event[Any]) -> None:
        self.hear(message)

    @precondition(lambda self: self.gateway.payable)
    @rule(data=st.data(), amount=st.sampled_from([AMOUNT, AMOUNT, AMOUNT, 13_500]))
    def citizen_pays(self, data: st.DataObject, amount: int) -> None:
        self.gateway.pay(data.draw(st.sampled_from(self.gateway.payable)), amount)

    @precondition(lambda self: self.gateway.payable)
    @rule(data=st.data(), what=st.sampled_from(["declined", "processing", "closed"]))
    def page_changes(self, data: st.DataObject, what: str) -> None:
        page = self.gateway.pages[data.draw(st.sampled_from(self.gateway.payable))]
        if what == "declined":
            page.decline = f"ch_{new_id()}"
        elif what == "processing":
            page.state = "processing"
        else:
            page.state = "closed"

    @precondition(lambda self: not self.honest and self.closed_pages())
    @rule(data=st.data())
    def closed_page_is_paid_after_all(self, data: st.DataObject) -> None:
        self.gateway.pay(data.draw(st.sampled_from(self.closed_pages())))

    @precondition(lambda self: any(self.gateway.refunds.values()))
    @rule()
    def refund_comes_back(self) -> None:
        self.gateway.refunds = dict.fromkeys(self.gateway.refunds, 0)

    @precondition(lambda self: self.gateway.pages)
    @rule(data=st.data(), named=st.booleans())
    def webhook(self, data: st.DataObject, named: bool) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.gateway.pages)))
        page = {"attempt_id": attempt, "session_id": f"cs_{attempt}"} if named else {}
        self.hear(Nudge.model_validate({"call_id": new_id(), **page}))

    # Calls land, or not, or twice; answers arrive, or not, or twice

    @precondition(lambda self: self.story.calls)
    @rule(data=st.data(), willing=st.sampled_from([True, True, True, False]), at_once=st.booleans())
    def call_lands(self, data: st.DataObject, willing: bool, at_once: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.story.calls)))
        if self.land(call, willing) and at_once:
            self.hear(self.answers[-1][1])
            self.story.calls.pop(call, None)

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer_arrives(self, data: st.DataObject) -> None:
        call, answer = data.draw(st.sampled_from(self.answers))
        self.hear(answer)
        self.story.calls.pop(call, None)

    def closed_pages(self) -> list[UUID]:
        return [attempt for attempt, page in self.gateway.pages.items() if page.state == "closed"]

    def land(self, call: UUID, willing: bool = True) -> bool:
        """Whether the gateway answered."""
        request = self.story.calls[call]
        if isinstance(request, IssueReceipt):
            answer: Message | None = ReceiptNumbered(number="2026/00000001")
        else:
            answer = self.gateway.land(request, willing)
        if answer is not None:
            self.answers.append((call, answer))
        return answer is not None

    def hear(self, message: Message | Event[Any]) -> None:
        """Whatever is heard, hearing it again at once changes nothing, tells nothing and posts nothing."""
        told = len(self.story.told)
        self.story.on(message)
        if any(name in self.story.events[told:] for name in ("Expired", "Cancelled")):
            assert self.gateway.payable == [], "told as ended while it can be paid"
        before = self.remembered()
        self.story.on(message)
        assert self.remembered() == before

    def remembered(self) -> tuple[Any, ...]:
        assert self.story.bill is not None
        bill = self.story.bill.model_dump(exclude={"version"})
        return bill, len(self.story.told), len(self.story.postings), dict(self.story.calls)

    # What must hold after each step

    @invariant()
    def time_passes(self) -> None:
        self.patience -= 1

    @invariant()
    def one_page_at_most_can_be_paid(self) -> None:
        assert len(self.gateway.payable) <= 1

    @invariant()
    def no_bill_is_over_while_its_page_can_be_paid(self) -> None:
        if self.story.bill is not None and self.story.state in ("open", "expired", "cancelled"):
            assert self.gateway.payable == []

    @invariant()
    def one_capture_at_most_is_kept_as_fees(self) -> None:
        fees = sum(each.credit - each.debit for each in self.story.postings if each.account.startswith("fee:"))
        assert fees in (0, AMOUNT, AMOUNT - RETURNED)

    @invariant()
    def the_ledger_balances_and_holds_nothing_that_did_not_happen(self) -> None:
        self.story.assert_balanced()
        pages = self.gateway.pages
        captures = {each.transaction_id: each.debit for each in self.story.postings if each.account == CLEARING}
        for transaction, amount in captures.items():
            if transaction in pages:
                assert amount == pages[transaction].took
            else:
                ours = self.gateway.refunds
                assert transaction in {*ours, *(derived_id(refund, "undone") for refund in ours)}

    @invariant()
    def what_happens_once_is_told_once(self) -> None:
        told = Counter(self.story.events)
        assert all(told[name] <= 1 for name in ONCE)
        assert told["Succeeded"] + told["Expired"] + told["Cancelled"] <= 1
        if self.honest:
            assert told["DiscrepancyFound"] <= 1

    # And in the end

    def teardown(self) -> None:
        """However it went: when the gateway answers again, the bill ends and the ledger is what the gateway holds."""
        if self.story.bill is None:
            return
        for page in self.gateway.pages.values():
            page.state = "closed" if page.state == "processing" else page.state
        self.hear(BillExpiry())
        for attempt in self.gateway.pages:
            # The webhooks come after all; of an honest gateway's pages none is needed, the bill asks by itself.
            if not self.honest:
                self.hear(Nudge(call_id=new_id(), attempt_id=attempt, session_id=f"cs_{attempt}"))
        self.calls_are_answered()
        self.hear(Nudge(call_id=new_id()))
        self.calls_are_answered()
        self.ended_well()

    def calls_are_answered(self) -> None:
        while self.story.calls:
            call = next(iter(self.story.calls))
            assert self.land(call), "nothing is left that could keep the gateway from answering"
            self.hear(self.answers[-1][1])
            self.story.calls.pop(call)

    def ended_well(self) -> None:
        state, balances = self.story.state, self.story.balances()
        assert state in FINAL
        assert self.gateway.payable == []
        assert balances.get(CLEARING, 0) == self.gateway.holds
        if state in ("expired", "cancelled") and "DiscrepancyFound" not in self.story.events:
            assert self.gateway.holds == 0
        if state == "paid":
            assert self.story.events.count("ReceiptIssued") == 1
        if self.honest:
            assert sum(page.took > 0 for page in self.gateway.pages.values()) <= 1
        if self.honest and state == "refunded":
            assert self.gateway.holds == (AMOUNT - RETURNED if "Succeeded" in self.story.events else 0)
        if self.honest and SUSPENSE in balances:
            assert state == "discrepancy" or (state == "refund_failed" and "Succeeded" not in self.story.events)


TestBillAndGateway = BillAndGateway.TestCase
TestBillAndGateway.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
