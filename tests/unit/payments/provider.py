"""A small gateway for models: pages by attempt, refunds by id; what a key was answered once, it is answered again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from chassis.decider import Message
from services.payments.domain.gateway import (
    AskCheckout,
    AskRefund,
    Captured,
    CheckoutCreated,
    CheckoutRefused,
    CloseCheckout,
    CreateCheckout,
    Refund,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
)
from tests.records import NOON
from tests.unit.payments.bills import AMOUNT

PageState = Literal["open", "processing", "captured", "closed"]


@dataclass
class Page:
    """One page. `took` is the amount that was captured on it."""

    state: PageState = "open"
    took: int = 0
    decline: str | None = None


@dataclass
class Provider:
    """`willing` says whether a page, or a refund, that is asked for the first time now will be made or refused."""

    pages: dict[UUID, Page] = field(default_factory=dict)
    refused: set[UUID] = field(default_factory=set)
    refunds: dict[UUID, int] = field(default_factory=dict)
    """The amount that went back, 0 where the refund was refused or came back from the bank."""

    @property
    def payable(self) -> list[UUID]:
        """Pages on which money may still be caught."""
        return [attempt for attempt, page in self.pages.items() if page.state in ("open", "processing")]

    @property
    def holds(self) -> int:
        """What the gateway has of ours."""
        return sum(page.took for page in self.pages.values()) - sum(self.refunds.values())

    def land(self, request: Message, willing: bool = True) -> Message | None:
        """Carry out a call, for the first time or again, and answer it; None stands for no answer."""
        match request:
            case CreateCheckout(attempt_id=attempt):
                if attempt not in self.pages and (attempt in self.refused or not willing):
                    self.refused.add(attempt)
                    return CheckoutRefused(attempt_id=attempt, reason="parameter_invalid")
                self.pages.setdefault(attempt, Page())
                return CheckoutCreated(attempt_id=attempt, session_id=f"cs_{attempt}", url=f"https://gateway/{attempt}")
            case AskCheckout(attempt_id=attempt):
                return self._truth(attempt)
            case CloseCheckout(attempt_id=attempt):
                page = self.pages[attempt]
                page.state = "closed" if page.state == "open" else page.state
                truth = self._truth(attempt)
                return None if isinstance(truth, StillOpen) else truth
            case Refund(refund_id=refund, amount=amount):
                self.refunds.setdefault(refund, amount if willing else 0)
                return self._outcome(refund)
            case AskRefund(refund_id=refund):
                return self._outcome(refund)
        raise AssertionError(f"a gateway knows no {request!r}")

    def pay(self, attempt: UUID, amount: int = AMOUNT) -> None:
        self.pages[attempt].state, self.pages[attempt].took = "captured", amount

    def _outcome(self, refund: UUID) -> RefundDone | RefundRefused:
        if self.refunds[refund]:
            return RefundDone(refund_id=refund, reference=f"re_{refund}")
        return RefundRefused(refund_id=refund, reason="expired_card")

    def _truth(self, attempt: UUID) -> Captured | SessionClosed | StillOpen:
        page = self.pages[attempt]
        told = {
            "attempt_id": attempt,
            "decline": page.decline and "insufficient_funds",
            "decline_reference": page.decline,
        }
        if page.state == "captured":
            reference = f"pi_{attempt}"
            return Captured(attempt_id=attempt, amount=page.took, currency="VND", reference=reference, paid_at=NOON)
        return SessionClosed.model_validate(told) if page.state == "closed" else StillOpen.model_validate(told)
