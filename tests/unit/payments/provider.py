"""Gateways for models, one of each manner: pages by attempt, refunds by id; what a key was answered once, it is answered again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Literal
from uuid import UUID

from chassis.decider import Message
from chassis.identifiers import derived_id
from services.payments.domain.answers import (
    Captured,
    CheckoutCreated,
    CheckoutRefused,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
)
from services.payments.domain.gateways import manner_of
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from tests.records import NOON

PageState = Literal["open", "processing", "captured", "closed"]
RefundState = Literal["done", "refused", "returned"]


@dataclass
class Page:
    """One page and what it asks for."""

    gateway: str
    amount: int
    closes_at: datetime
    state: PageState = "open"
    decline: str | None = None


@dataclass
class Money:
    """Money that came in. `line` tells moneys of one page apart, where it can be paid several times."""

    gateway: str
    reference: str
    amount: int
    currency: str
    attempt: UUID
    line: UUID | None = None


@dataclass
class Back:
    """A refund that the gateway was asked for."""

    gateway: str
    of: str
    amount: int
    state: RefundState


@dataclass
class Provider:
    """All gateways of the model. `now` is their present: pages close by it."""

    pages: dict[UUID, Page] = field(default_factory=dict)
    refused: set[UUID] = field(default_factory=set)
    moneys: list[Money] = field(default_factory=list)
    refunds: dict[UUID, Back] = field(default_factory=dict)
    now: datetime = NOON
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def payable(self) -> list[UUID]:
        """Pages on which money may still be caught."""
        return [attempt for attempt, page in self.pages.items() if page.state in ("open", "processing")]

    @property
    def closable(self) -> list[UUID]:
        """Those of them which can be closed, or close by themselves."""
        return [attempt for attempt in self.payable if manner_of(self.pages[attempt].gateway).closes != "never"]

    def holds(self, gateway: str) -> int:
        """Đồng that it has of ours."""
        came = sum(each.amount for each in self.moneys if each.gateway == gateway and each.currency == "VND")
        dong = {each.reference for each in self.moneys if each.currency == "VND"}
        gone = (each for each in self.refunds.values() if each.gateway == gateway and each.of in dong)
        return came - sum(each.amount for each in gone if each.state == "done")

    def land(self, request: Message, willing: bool = True) -> Message | None:
        """Carry out a call, for the first time or again, and answer it; None stands for no answer."""
        match request:
            case CreateCheckout(attempt_id=attempt):
                return self._made(request, attempt, willing)
            case CloseCheckout(attempt_id=attempt):
                page = self.pages[attempt]
                assert manner_of(page.gateway).closes != "never", "nobody asks for what cannot be done"
                if page.state == "open" and manner_of(page.gateway).closes == "asked":
                    page.state = "closed"
                truth = self.truth(attempt)
                return None if isinstance(truth, StillOpen) else truth
            case AskCheckout(attempt_id=attempt):
                return self.truth(attempt)
            case Refund(refund_id=refund):
                return self._refunded(request, refund, willing)
            case AskRefund(refund_id=refund):
                return self.outcome(refund)
        raise AssertionError(f"a gateway knows no {request!r}")

    def pay(self, attempt: UUID, amount: int, currency: str = "VND") -> Money:
        """Money is taken on a page, whatever it asks for."""
        page, number = self.pages[attempt], next(self._numbers)
        line = derived_id(attempt, f"line {number}") if manner_of(page.gateway).parts else None
        money = Money(page.gateway, f"{page.gateway}-{number}", amount, currency, attempt, line)
        self.moneys.append(money)
        if line is None:
            page.state = "captured"
        return money

    def pass_time(self, now: datetime) -> None:
        self.now = now
        for page in self.pages.values():
            if manner_of(page.gateway).closes != "never" and page.state == "open" and now > page.closes_at:
                page.state = "closed"

    def truth(self, attempt: UUID) -> Captured | SessionClosed | StillOpen:
        """What became of a page; of several moneys, the newest."""
        page = self.pages[attempt]
        told = {
            "attempt_id": attempt,
            "decline": page.decline and "insufficient_funds",
            "decline_reference": page.decline,
        }
        if found := [money for money in self.moneys if money.attempt == attempt]:
            return self.seen(found[-1])
        return SessionClosed.model_validate(told) if page.state == "closed" else StillOpen.model_validate(told)

    def seen(self, money: Money, heard_only: bool = False, named: bool = True) -> Captured:
        """What a gateway says of money. A transfer is known by its own line: `named` says whether by its page too."""
        return Captured(
            gateway=money.gateway,
            attempt_id=money.attempt if named or money.line is None else None,
            capture_id=money.line,
            amount=money.amount,
            currency=money.currency,
            reference=money.reference,
            paid_at=NOON,
            heard_only=heard_only,
        )

    def outcome(self, refund: UUID) -> RefundDone | RefundRefused:
        if self.refunds[refund].state == "done":
            return RefundDone(refund_id=refund, reference=f"re_{refund}")
        return RefundRefused(refund_id=refund, reason="expired_card")

    def statement(self) -> list[Message]:
        """All that moved, as reconciliation tells the bill of it."""
        refunds = [self.outcome(refund) for refund, back in self.refunds.items() if back.state != "refused"]
        return [*(self.seen(money) for money in self.moneys), *refunds]

    def _made(self, request: CreateCheckout, attempt: UUID, willing: bool) -> Message:
        if attempt not in self.pages and (attempt in self.refused or not willing):
            self.refused.add(attempt)
            return CheckoutRefused(attempt_id=attempt, reason="parameter_invalid")
        self.pages.setdefault(attempt, Page(request.gateway, request.amount, request.closes_at))
        url = "" if manner_of(request.gateway).parts else f"https://gateway/{attempt}"
        return CheckoutCreated(attempt_id=attempt, session_id=f"cs_{attempt}", url=url)

    def _refunded(self, request: Refund, refund: UUID, willing: bool) -> Message:
        if refund not in self.refunds:
            (money,) = (each for each in self.moneys if each.reference == request.reference)
            assert manner_of(money.gateway).refundable is not None, "this gateway sends nothing back"
            assert request.currency == money.currency
            back = [
                each.amount for each in self.refunds.values() if each.of == money.reference and each.state == "done"
            ]
            assert sum(back) + request.amount <= money.amount, "more is sent back than came in"
            state: RefundState = "done" if willing else "refused"
            self.refunds[refund] = Back(money.gateway, money.reference, request.amount, state)
        assert self.refunds[refund].amount == request.amount, "one key, two amounts"
        return self.outcome(refund)
