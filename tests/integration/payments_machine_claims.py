"""What must hold of a bill after each step, and in the end, however it went."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis.stateful import invariant

from chassis.identifiers import new_id
from services.payments.domain.gateways import GATEWAYS
from services.payments.domain.messages import BillExpiry, Nudge, Settle
from services.payments.domain.questions import CloseCheckout, CreateCheckout
from services.payments.domain.refunding import kept
from tests.integration.payments_machine_model import HAPPENED, Model
from tests.unit.payments.bills import AMOUNT
from tests.unit.payments.test_refunds import assert_nothing_is_returned_twice

TAKEN_BACK_REASON = "cơ quan đã rút yêu cầu nộp phí"
ENDS = {"paid", "expired", "cancelled"}
ONCE = ("Succeeded", "Expired", "Cancelled")


class Claims(Model):
    """What is claimed."""

    @invariant()
    def of_pages_that_can_be_closed_one_at_most_can_be_paid(self) -> None:
        if self.honest:
            assert len(self.closable()) <= 1

    @invariant()
    def no_bill_is_open_or_over_while_such_a_page_can_be_paid(self) -> None:
        if self.story.bill is not None and self.story.state in ("open", "expired", "cancelled"):
            assert self.closable() == []

    @invariant()
    def whatever_is_not_over_has_a_call_or_a_timer_that_will_move_it_on(self) -> None:
        """Nobody need come by for it; but a difference waits for an operator, and what no gateway sends for an officer."""
        bill, story = self.story.bill, self.story
        if bill is None:
            return
        page = bill.attempt and bill.attempt.attempt_id
        asked = [each for each in story.calls.values() if isinstance(each, CreateCheckout | CloseCheckout)]
        if bill.state in ("checkout_ready", "closing", "expiring", "withdrawing"):
            assert [each for each in asked if each.attempt_id == page], f"{bill.state} for ever"
        if bill.state in ("open", "checkout_ready", "in_checkout", "closing"):
            assert story.timers.get(BillExpiry) == bill.due, f"{bill.state} never expires"
        for each in bill.refunds:
            assert each.state != "ready" or each.refund_id in story.calls, "a refund that nobody sends"
        undecided = {each.capture_id for each in bill.captures if each.use == "apart"}
        undecided -= {each.capture_id for each in bill.refunds}
        assert len(undecided) == (bill.state == "discrepancy"), "money that nobody decides about"
        assert bill.attempt is None or bill.state not in ("open", "paid", "expired", "cancelled", "discrepancy")

    @invariant()
    def the_fees_are_kept_once_at_most(self) -> None:
        if self.story.bill is not None:
            fees = sum(each.credit - each.debit for each in self.story.postings if each.account.startswith("fee:"))
            going = sum(line.amount for each in self.story.bill.refunds for line in each.lines)
            assert fees == (AMOUNT - going if self.story.state == "paid" else 0)

    @invariant()
    def of_what_the_agency_took_back_no_dong_is_kept(self) -> None:
        bill = self.story.bill
        if bill is not None and bill.void_reason == TAKEN_BACK_REASON:
            going = sum(line.amount for each in bill.refunds for line in each.lines)
            assert going == (AMOUNT if bill.state == "paid" else 0)
            assert bill.request_id is not None
            HAPPENED["taken back when paid"] += bill.state == "paid"

    @invariant()
    def nothing_is_returned_twice_and_the_ledger_balances(self) -> None:
        if self.story.bill is not None:
            assert_nothing_is_returned_twice(self.story)

    @invariant()
    def the_receipt_says_what_stays_paid(self) -> None:
        if self.story.bill is not None:
            assert self.story.receipted == kept(self.story.bill)
            assert [each.ordinal for each in self.story.receipts] == list(range(1, len(self.story.receipts) + 1))

    @invariant()
    def what_happens_once_is_told_once(self) -> None:
        told = Counter(self.story.events)
        assert told["Succeeded"] <= 1
        assert sum(told[name] for name in ONCE) <= 1
        if self.honest:
            assert told["DiscrepancyFound"] == 0

    # And in the end

    def teardown(self) -> None:
        """However it went: when the gateways answer, statements are read and people do their part, every đồng is explained."""
        if self.story.bill is None:
            return
        for page in self.gateways.pages.values():
            page.state = "closed" if page.state == "processing" else page.state
        self.calls_are_answered()
        self.hear(BillExpiry())
        self.calls_are_answered()
        for message in self.gateways.statement():
            self.hear(message)
        self.calls_are_answered()
        self.may(Settle(action="return", by="operator", reason="hết ngày"))
        self.calls_are_answered()
        self.hear(BillExpiry())
        for message in self.gateways.statement():
            self.hear(message)
        self.calls_are_answered()
        self.hear(Nudge(call_id=new_id()))
        self.calls_are_answered()
        self.ended_well()
        HAPPENED[f"in the end {self.story.state}"] += 1

    def calls_are_answered(self) -> None:
        """All of them, in the end: also of pages that close only by themselves."""
        self.now += timedelta(hours=2)
        while self.story.calls:
            self.gateways.pass_time(self.now)
            call = next(iter(self.story.calls))
            assert self.land(call), "nothing is left that could keep the gateway from answering"
            self.hear(self.answers[-1][1])
            self.story.calls.pop(call)

    def ended_well(self) -> None:
        bill, balances = self.story.bill, self.story.balances()
        assert bill is not None
        assert bill.state in ENDS
        assert self.gateways.closable == []
        for name in GATEWAYS:
            assert balances.get(f"gateway:{name}", 0) == self.gateways.holds(name), name
        # Nothing is kept apart: whatever is no fee has gone back, or an officer owes it.
        assert balances.get("suspense", 0) == 0
        assert {each.state for each in bill.refunds} <= {"done", "refused", "by_hand"}
        owed = sum(each.amount for each in bill.refunds if each.state != "done" and each.currency == "VND")
        assert balances.get("refunds", 0) == -owed
        assert balances.get("hand:G09.20", 0) == -self.paid_out
        assert balances.get("gateway:counter", 0) + balances.get("gateway:bank", 0) == self.elsewhere
        assert len(bill.taken) == len(self.gateways.moneys) + (self.elsewhere > 0)
        paid = "Succeeded" in self.story.events
        assert (bill.state == "paid") == paid
        assert self.story.receipted == kept(bill)
