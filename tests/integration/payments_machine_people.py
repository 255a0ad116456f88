"""What citizens, officers and operators do with a bill."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chassis.errors import Refusal
from chassis.identifiers import derived_id, new_id
from services.payments.domain.bill import WAITING
from services.payments.domain.gateways import GATEWAYS, manner_of
from services.payments.domain.messages import CancelCheckout, LineRefund, PayElsewhere, PayOut, RequestRefund, Settle
from services.payments.domain.questions import AskCheckout, CloseCheckout, CreateCheckout
from services.payments.domain.requesting import available
from tests.integration.payments_machine_gateways import WILLING, TimeAndGateways
from tests.integration.payments_machine_model import HAPPENED
from tests.unit.payments.bills import SUBMITTED, started

PAGE_CALLS = (CreateCheckout, AskCheckout, CloseCheckout)


class People(TimeAndGateways):
    """Their rules, beside those of time and gateways."""

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
