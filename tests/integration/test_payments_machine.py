"""A bill and its gateways, with every answer late, lost, repeated or in another order: what may never happen, and the end.

The gateways are honest (a page that was called closed never takes money, and no page takes what it did not ask for), or
they break their word, as banks do now and then. With MOTCUA_MACHINE_STEPS=100000 about so many steps are gone at random;
without it a few thousand, always the same ones.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id, new_id
from services.payments.domain.answers import Captured
from services.payments.domain.bill import WAITING
from services.payments.domain.gateways import GATEWAYS, manner_of
from services.payments.domain.messages import (
    AttemptSilence,
    BillExpiry,
    BillReminder,
    CancelCheckout,
    LineRefund,
    Nudge,
    PayElsewhere,
    PayOut,
    RequestRefund,
    Settle,
)
from services.payments.domain.questions import AskCheckout, CloseCheckout, CreateCheckout
from services.payments.domain.refunding import kept
from services.payments.domain.requesting import available
from tests.records import NOON
from tests.unit.payments.bills import AMOUNT, REFUSED, STOPPED, SUBMITTED, Story, started
from tests.unit.payments.provider import Money, Provider
from tests.unit.payments.test_refunds import assert_nothing_is_returned_twice

FINAL = {"open", "paid", "expired", "cancelled"}
ONCE = ("Succeeded", "Expired", "Cancelled")
WILLING = st.sampled_from([True, True, True, True, False])
ROUNDS = 10
LONG = int(os.environ.get("MOTCUA_MACHINE_STEPS", "0"))
STEPS = 50
PAGE_CALLS = (CreateCheckout, AskCheckout, CloseCheckout)
HAPPENED = Counter[str]()
"""How often each kind of thing really happened, over all examples."""

EXPECTED = (
    *(f"page at {name}" for name in GATEWAYS),
    *(f"paid at {name}" for name in GATEWAYS),
    "page refused",
    "page cancelled",
    "page given up",
    "page given up in checkout",
    "page given up, and paid",
    "at the counter",
    "by the payer's bank",
    "part",
    "too much",
    "second money",
    "late money",
    "closed page paid",
    "other amount",
    "other currency",
    "webhook believed",
    "webhook again",
    "false webhook",
    "webhook lost",
    "answer again",
    "call repeated",
    "call refused",
    "refund ordered",
    "refund ordered wrongly",
    "refund came back",
    "paid out",
    "settled return",
    "settled accept",
    "expired",
    "withdrawn",
    "silence",
    "reminded",
    "reconciled",
    *(f"in the end {state}" for state in FINAL - {"open"}),
)


class BillAndGateways(RuleBasedStateMachine):
    """`answers` are all that the gateways ever said: each may arrive at any time, and again.

    No ending comes before `patience` steps are over, or most bills would end before anything happened to them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.story, self.gateways, self.honest = Story(), Provider(), True
        self.answers: list[tuple[UUID, Message]] = []
        self.landed, self.given_up = set[UUID](), set[UUID]()
        self.rung = list[Captured]()
        self.heard_of = set[str]()
        self.number, self.patience, self.now = 0, 0, NOON
        self.elsewhere, self.paid_out = 0, 0

    @initialize(honest=st.booleans(), patience=st.integers(5, 60))
    def opened(self, honest: bool, patience: int) -> None:
        self.honest, self.patience = honest, patience
        self.story.on(SUBMITTED)

    # What people do

    @rule(gateway=st.sampled_from(sorted(GATEWAYS)))
    def start_checkout(self, gateway: str) -> None:
        self.number += 1
        try:
            self.say(started(derived_id(SUBMITTED.id, f"attempt {self.number}"), gateway))
        except Refusal:
            assert self.story.state not in ("open", "checkout_ready", "in_checkout")

    @precondition(lambda self: self.story.state == "open")
    @rule(gateway=st.sampled_from(sorted(GATEWAYS)), willing=WILLING)
    def page_stands_at_once(self, gateway: str, willing: bool) -> None:
        self.start_checkout(gateway)
        self.work_goes_on(willing)

    @precondition(lambda self: self.story.state not in ("open", "paid", "expired", "cancelled"))
    @rule()
    def cancel_checkout(self) -> None:
        page = self.story.state in ("checkout_ready", "in_checkout")
        if self.may(CancelCheckout()) and page:
            HAPPENED["page cancelled"] += 1

    @precondition(lambda self: self.story.state in WAITING)
    @rule(days=st.sampled_from([1, 4]))
    def operator_gives_up_the_page(self, days: int) -> None:
        """Its gateway was silent for days: what becomes of the page is not known here, and money may have come on it."""
        bill = self.story.bill
        assert bill is not None
        assert bill.attempt is not None
        self.time_goes_by(60 * 24 * days)
        page, before = bill.attempt.attempt_id, self.story.state
        if self.may(self.story.given_up()):
            self.given_up.add(page)
            HAPPENED["page given up"] += 1
            HAPPENED["page given up in checkout"] += before == "in_checkout"
            asked = [each for each in self.story.calls.values() if isinstance(each, PAGE_CALLS)]
            assert page not in [each.attempt_id for each in asked]

    @precondition(lambda self: self.number > 2)
    @rule(place=st.sampled_from(["counter", "bank"]), right=st.booleans())
    def pay_elsewhere(self, place: Any, right: bool) -> None:
        assert self.story.bill is not None
        self.number += 1
        before, due = self.story.state, self.story.bill.outstanding
        if due == 0:
            return
        paying = PayElsewhere(
            capture_id=derived_id(SUBMITTED.id, f"voucher {self.number}"),
            gateway=place,
            amount=due if right else due + 1,
            reference=f"PT-{self.number}",
            paid_at=self.now,
            by="officer",
        )
        if self.may(paying) and self.story.state == "paid":
            assert right
            assert before in ("open", "checkout_ready", "in_checkout")
            self.elsewhere += due
            HAPPENED["at the counter" if place == "counter" else "by the payer's bank"] += 1

    @precondition(lambda self: self.gateways.payable)
    @rule(data=st.data(), share=st.sampled_from([120, 30, 100, 100]))
    def citizen_pays(self, data: st.DataObject, share: int) -> None:
        """On a page; a transfer is of any amount, and honest pages take what they ask for."""
        attempt = data.draw(st.sampled_from(self.gateways.payable))
        page = self.gateways.pages[attempt]
        if self.honest and not manner_of(page.gateway).parts:
            share = 100
        self.takes(attempt, page.amount * share // 100)

    @precondition(lambda self: not self.honest and self.gateways.payable)
    @rule(data=st.data())
    def other_currency(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(self.gateways.payable))
        if self.gateways.pages[attempt].gateway == "stripe":
            self.takes(attempt, 500, "USD")

    @precondition(lambda self: not self.honest and self.gateways.pages)
    @rule(data=st.data())
    def closed_page_is_paid_after_all(self, data: st.DataObject) -> None:
        if not self.closed_pages():
            return
        attempt = data.draw(st.sampled_from(self.closed_pages()))
        self.takes(attempt, self.gateways.pages[attempt].amount)
        HAPPENED["closed page paid"] += 1

    @precondition(lambda self: self.gateways.payable)
    @rule(data=st.data(), what=st.sampled_from(["declined", "processing", "closed"]))
    def page_changes(self, data: st.DataObject, what: str) -> None:
        page = self.gateways.pages[data.draw(st.sampled_from(self.gateways.payable))]
        if what == "declined":
            page.decline = f"ch_{new_id()}"
        elif manner_of(page.gateway).closes == "asked":
            page.state = "processing" if what == "processing" else "closed"

    @precondition(lambda self: self.story.state == "paid" or self.number % 8 == 0)
    @rule(share=st.sampled_from([100, 100, 40, 101]), wrong=st.sampled_from([0, 0, 0, 1, -1]))
    def officer_orders_a_refund(self, share: int, wrong: int) -> None:
        assert self.story.bill is not None
        self.number += 1
        left = available(self.story.bill, None)
        lines = [(code, amount * share // 100) for code, amount in left.items()]
        order = RequestRefund(
            refund_id=derived_id(SUBMITTED.id, f"order {self.number}"),
            lines=tuple(LineRefund(code=code, amount=amount) for code, amount in lines if amount),
            available=sum(left.values()) + wrong,
            reason="nộp nhầm",
            by="officer",
        )
        if self.may(order):
            assert wrong == 0
            assert share <= 100
            HAPPENED["refund ordered"] += 1
        else:
            HAPPENED["refund ordered wrongly"] += 1

    @precondition(lambda self: self.story.bill and self.story.bill.refunds)
    @rule()
    def officer_pays_out(self) -> None:
        assert self.story.bill is not None
        for each in self.story.bill.refunds:
            if self.may(PayOut(refund_id=each.refund_id, reference=f"PC-{each.refund_id}", by="treasurer")):
                if each.currency == "VND" and each.state != "done":
                    self.paid_out += each.amount
                HAPPENED["paid out"] += 1

    @precondition(lambda self: self.story.state == "discrepancy")
    @rule(action=st.sampled_from(["accept", "return"]))
    def operator_settles(self, action: Any) -> None:
        """What cannot be taken for the fees is returned."""
        for way in dict.fromkeys((action, "return")):
            if self.may(Settle(action=way, by="operator", reason="sai số tiền")):
                HAPPENED[f"settled {way}"] += 1
                return

    # What time and dossiers do

    @rule(minutes=st.sampled_from([1, 20, 70, 60 * 30]))
    def time_goes_by(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.gateways.pass_time(self.now)
        for kind, name in ((AttemptSilence, "silence"), (BillReminder, "reminded")):
            if kind in self.story.timers and self.story.timers[kind] <= self.now:
                del self.story.timers[kind]
                self.say(kind())
                HAPPENED[name] += 1

    @precondition(lambda self: self.number % 4 == 0)
    @rule(message=st.sampled_from([AttemptSilence(), SUBMITTED]))
    def nothing_new(self, message: Message | Event[Any]) -> None:
        self.hear(message)

    @precondition(lambda self: self.patience <= 0)
    @rule(message=st.sampled_from([BillExpiry(), REFUSED, STOPPED]), really=st.integers(0, 4))
    def ending(self, message: Message | Event[Any], really: int) -> None:
        if really < 3:
            return
        self.hear(message)
        HAPPENED["expired" if isinstance(message, BillExpiry) else "withdrawn"] += 1

    # Webhooks: believed or not, again, late, lost, false

    @precondition(lambda self: self.rung)
    @rule(data=st.data(), fate=st.sampled_from(["comes", "comes", "again", "lost"]))
    def webhook(self, data: st.DataObject, fate: str) -> None:
        place = data.draw(st.integers(0, len(self.rung) - 1))
        told = self.rung[place]
        if fate == "lost":
            del self.rung[place]
            HAPPENED["webhook lost"] += 1
            return
        taken = self.taken
        self.hear(told)
        if self.taken > taken:
            HAPPENED["webhook believed"] += 1
        if told.reference in self.heard_of:
            HAPPENED["webhook again"] += 1
        self.heard_of.add(told.reference)

    @precondition(lambda self: self.gateways.pages)
    @rule(data=st.data(), much=st.sampled_from([1, AMOUNT - 1, AMOUNT * 2]), currency=st.sampled_from(["VND", "USD"]))
    def false_webhook(self, data: st.DataObject, much: int, currency: str) -> None:
        """Rightly signed, and yet not what the gateway itself would say: it makes us ask, at most."""
        attempt = data.draw(st.sampled_from(list(self.gateways.pages)))
        page = self.gateways.pages[attempt]
        if manner_of(page.gateway).parts or much == page.amount:
            return
        before = (self.taken, len(self.story.postings))
        self.hear(
            Captured(
                attempt_id=attempt,
                amount=much,
                currency=currency,
                reference=f"{page.gateway}-false",
                paid_at=self.now,
                gateway=page.gateway,
                heard_only=True,
            )
        )
        assert (self.taken, len(self.story.postings)) == before
        HAPPENED["false webhook"] += 1

    @precondition(lambda self: self.gateways.pages)
    @rule(data=st.data(), named=st.booleans())
    def nudged(self, data: st.DataObject, named: bool) -> None:
        attempt = data.draw(st.sampled_from(list(self.gateways.pages)))
        page = {"attempt_id": attempt, "session_id": f"cs_{attempt}"} if named else {}
        self.hear(Nudge.model_validate({"call_id": new_id(), **page}))

    @precondition(lambda self: self.gateways.moneys)
    @rule()
    def reconciliation(self) -> None:
        """Whatever the statements say, in their order: each bill is told of it."""
        for message in self.gateways.statement():
            self.hear(message)
        HAPPENED["reconciled"] += 1

    @precondition(lambda self: any(each.state == "done" for each in self.gateways.refunds.values()))
    @rule(data=st.data())
    def refund_comes_back(self, data: st.DataObject) -> None:
        done = [refund for refund, each in self.gateways.refunds.items() if each.state == "done"]
        self.gateways.refunds[data.draw(st.sampled_from(done))].state = "returned"
        HAPPENED["refund came back"] += 1

    # Calls land, or not, or twice; answers arrive, or not, or twice

    @precondition(lambda self: self.story.calls)
    @rule(data=st.data(), willing=WILLING, at_once=st.booleans())
    def call_lands(self, data: st.DataObject, willing: bool, at_once: bool) -> None:
        call = data.draw(st.sampled_from(list(self.story.calls)))
        if self.land(call, willing) and at_once:
            self.hear(self.answers[-1][1])
            self.story.calls.pop(call, None)

    @precondition(lambda self: self.story.calls)
    @rule(willing=WILLING)
    def work_goes_on(self, willing: bool) -> None:
        """Each call that waits is made once, and answered if the gateway has an answer."""
        for call in list(self.story.calls):
            if call in self.story.calls and self.land(call, willing):
                self.hear(self.answers[-1][1])
                self.story.calls.pop(call, None)

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer_arrives(self, data: st.DataObject) -> None:
        call, answer = data.draw(st.sampled_from(self.answers))
        if call not in self.story.calls:
            HAPPENED["answer again"] += 1
        self.hear(answer)
        self.story.calls.pop(call, None)

    # Helpers

    @property
    def taken(self) -> int:
        assert self.story.bill is not None
        return len(self.story.bill.taken)

    def takes(self, attempt: UUID, amount: int, currency: str = "VND") -> None:
        if amount <= 0:
            return
        page = self.gateways.pages[attempt]
        money: Money = self.gateways.pay(attempt, amount, currency)
        HAPPENED[f"paid at {page.gateway}"] += 1
        HAPPENED["page given up, and paid"] += attempt in self.given_up
        if currency != "VND":
            HAPPENED["other currency"] += 1
        elif amount != page.amount and not manner_of(page.gateway).parts:
            HAPPENED["other amount"] += 1
        self.rung.append(self.gateways.seen(money, heard_only=True, named=self.number % 2 == 0))

    def closable(self) -> list[UUID]:
        """The pages that can be paid until they are closed, but for those that were given up."""
        return [attempt for attempt in self.gateways.closable if attempt not in self.given_up]

    def closed_pages(self) -> list[UUID]:
        return [attempt for attempt, page in self.gateways.pages.items() if page.state == "closed"]

    def may(self, message: Message) -> bool:
        """Say it; whether it was not refused."""
        try:
            self.say(message)
        except Refusal:
            return False
        return True

    def land(self, call: UUID, willing: bool = True) -> bool:
        """Whether a gateway answered."""
        request, pages = self.story.calls[call], len(self.gateways.pages)
        HAPPENED["call repeated"] += call in self.landed
        self.landed.add(call)
        answer = self.gateways.land(request, willing)
        if len(self.gateways.pages) > pages:
            HAPPENED[f"page at {request.model_dump()['gateway']}"] += 1
        if answer is not None:
            self.answers.append((call, answer))
            HAPPENED["page refused"] += type(answer).__name__ == "CheckoutRefused"
            HAPPENED["call refused"] += type(answer).__name__ == "RefundRefused"
        return answer is not None

    def say(self, message: Message | Event[Any]) -> None:
        """Something is said, and counted by what became of the money."""
        told, before = len(self.story.told), self.story.state
        self.story.on(message, self.now)
        new = self.story.events[told:]
        if any(name in new for name in ("Expired", "Cancelled")):
            assert self.closable() == [], "told as ended while it can be paid"
        if isinstance(message, Captured) and new:
            HAPPENED["part"] += "PartlyPaid" in new
            HAPPENED["too much"] += "Succeeded" in new and "RefundStarted" in new
            HAPPENED["second money"] += before == "paid" and "RefundStarted" in new
            HAPPENED["late money"] += before in ("expired", "cancelled") and "RefundStarted" in new

    def hear(self, message: Message | Event[Any]) -> None:
        """Whatever is heard, hearing it again at once changes nothing, tells nothing and posts nothing."""
        self.say(message)
        before = self.remembered()
        self.story.on(message, self.now)
        assert self.remembered() == before

    def remembered(self) -> tuple[Any, ...]:
        assert self.story.bill is not None
        bill = self.story.bill.model_dump(exclude={"version"})
        return bill, len(self.story.told), len(self.story.postings), len(self.story.receipts), dict(self.story.calls)

    # What must hold after each step

    @invariant()
    def patience_ends(self) -> None:
        self.patience -= 1

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
        assert bill.state in FINAL - {"open"}
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


@pytest.mark.timeout(0 if LONG else 300)
def test_whatever_happens_each_dong_is_explained_and_the_fees_are_kept_once() -> None:
    """And each kind of thing really happened, or the machine would prove less than it says.

    What is drawn depends on the modules that are loaded besides: so there are rounds, until nothing is missing.
    """
    HAPPENED.clear()
    for number in range(1 if LONG else ROUNDS):
        run_state_machine_as_test(
            BillAndGateways if LONG else seed(number)(BillAndGateways),
            settings=settings(
                max_examples=max(1, LONG // STEPS) if LONG else 200,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        missing = [name for name in EXPECTED if not HAPPENED[name]]
        if number and not missing:
            break
    print({name: HAPPENED[name] for name in EXPECTED})
    assert missing == []
