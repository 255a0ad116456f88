"""The model of a bill and its gateways: what stands where, what was ever said, and what really happened."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import Refusal
from services.payments.domain.answers import Captured
from services.payments.domain.gateways import manner_of
from tests.records import NOON
from tests.unit.payments.bills import LATER, SUBMITTED, Story
from tests.unit.payments.provider import Money, Provider

HAPPENED = Counter[str]()
"""How often each kind of thing really happened, over all examples."""


class Model(RuleBasedStateMachine):
    """A bill, its gateways, and how one speaks to the other.

    `answers` are all that the gateways ever said: each may arrive at any time, and again. No ending comes before `patience`
    steps are over, or most bills would end before anything happened to them.
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

    @initialize(honest=st.booleans(), patience=st.integers(5, 60), opening=st.sampled_from([SUBMITTED, LATER]))
    def opened(self, honest: bool, patience: int, opening: Event[Any]) -> None:
        self.honest, self.patience = honest, patience
        self.story.on(opening)

    @invariant()
    def patience_ends(self) -> None:
        self.patience -= 1

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
