"""What time, dossiers and gateways do to a bill: webhooks and answers come, or not, or twice, or in another order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chassis.decider import Message
from chassis.envelope import Event
from chassis.identifiers import new_id
from services.payments.domain.answers import Captured
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import AttemptSilence, BillExpiry, BillReminder, Nudge
from tests.integration.payments_machine_model import HAPPENED, Model
from tests.unit.payments.bills import AMOUNT, REFUSED, STOPPED, SUBMITTED, TAKEN_BACK

WILLING = st.sampled_from([True, True, True, True, False])


class TimeAndGateways(Model):
    """Their rules."""

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
    @rule(message=st.sampled_from([BillExpiry(), REFUSED, STOPPED, TAKEN_BACK]), really=st.integers(0, 4))
    def ending(self, message: Message | Event[Any], really: int) -> None:
        if really < 3:
            return
        self.hear(message)
        name = "taken back" if message is TAKEN_BACK else "withdrawn"
        HAPPENED["expired" if isinstance(message, BillExpiry) else name] += 1

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
