"""A bill driven by messages as the service would, through the deciders that `main` wires; every move is held to the table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.decider import Call, Decision, Message, Remark
from chassis.envelope import Event
from chassis.identifiers import derived_id
from contracts import dossiers
from contracts.event import Data
from services.payments.domain.bill import MOVES, Bill
from services.payments.domain.gateway import Captured, CheckoutCreated, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.ledger import Posting
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from tests.records import NOON, event, example

SERVICE = payments(
    PaymentsSettings.model_validate(
        {
            "database_url": "postgresql://nowhere",
            "kafka_user": "payments",
            "kafka_password": "unused",
            "http_port": 1,
            "oidc_issuer": "http://nowhere",
            "instance": "payments-test",
            "gateway_url": "http://nowhere",
            "gateway_secret_key": "sk_test",
            "gateway_webhook_secret": "whsec_test",
            "return_url": "http://portal/ho-so/{code}",
        }
    )
)
(DECIDES,) = SERVICE.decides
(FOLD,) = SERVICE.consumes

FEE = {
    "code": "gplx-doi", "kind": "lệ phí", "name": "Lệ phí cấp đổi giấy phép lái xe", "amount": 115_000,
    "legal_basis": "Thông tư 37/2023/TT-BTC", "beneficiary": "3511.0.1054321", "refundable": False,
}  # fmt: skip
PHOTO = FEE | {"code": "chup-anh", "kind": "phí", "name": "Phí chụp ảnh", "amount": 20_000, "refundable": True}
PHOTO |= {"beneficiary": "3511.0.9999999"}
AMOUNT = 135_000
SUBMITTED = event(example(dossiers.Submitted, fee_lines=[FEE, PHOTO], payment_due=NOON + timedelta(days=5)))
LATER = event(
    example(
        dossiers.FeesRequested,
        fee_lines=[FEE, PHOTO],
        payment_due=NOON + timedelta(days=5),
        person_id=SUBMITTED.data.person_id,
    ),
    4,
)
REFUSED = event(example(dossiers.Refused), 2)
STOPPED = event(example(dossiers.Stopped), 2)
FIRST, SECOND, THIRD = (derived_id(SUBMITTED.id, name) for name in ("first", "second", "third"))


def started(attempt: UUID = FIRST) -> StartCheckout:
    return StartCheckout(attempt_id=attempt, return_url="http://portal/ho-so")


def created(attempt: UUID = FIRST) -> CheckoutCreated:
    return CheckoutCreated(attempt_id=attempt, session_id=f"cs_{attempt}", url=f"https://gateway/{attempt}")


def refused(attempt: UUID = FIRST) -> CheckoutRefused:
    return CheckoutRefused(attempt_id=attempt, reason="parameter_invalid")


def closed(attempt: UUID = FIRST, decline: str | None = None) -> SessionClosed:
    told = "insufficient_funds" if decline else None
    return SessionClosed(attempt_id=attempt, decline=told, decline_reference=decline)


def still_open(attempt: UUID = FIRST, decline: str | None = None) -> StillOpen:
    told = "insufficient_funds" if decline else None
    return StillOpen(attempt_id=attempt, decline=told, decline_reference=decline)


def captured(attempt: UUID = FIRST, amount: int = AMOUNT, currency: str = "VND", at: datetime = NOON) -> Captured:
    return Captured(attempt_id=attempt, amount=amount, currency=currency, reference=f"pi_{attempt}", paid_at=at)


@dataclass
class Story:
    """What has become of one bill: its state, the events it told, what it posted, the calls and timers it waits for."""

    bill: Bill | None = None
    told: list[Data] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    calls: dict[UUID, Message] = field(default_factory=dict)
    timers: dict[type[Message], datetime] = field(default_factory=dict)

    @property
    def state(self) -> str:
        assert self.bill is not None
        return self.bill.state

    @property
    def events(self) -> list[str]:
        """The names of what was told, in order."""
        return [type(each).__name__ for each in self.told]

    @property
    def asked(self) -> list[str]:
        """The names of the calls that wait for an answer, in the order of their making."""
        return [type(request).__name__ for request in self.calls.values()]

    def on(self, message: Message | Event[Any], now: datetime = NOON) -> Decision[Bill] | None:
        """Answer a message and keep what follows. Fails when the move is none of the table's."""
        decide = FOLD.on[type(message.data)] if isinstance(message, Event) else DECIDES.decider(type(message))
        assert decide is not None
        decision = decide(self.bill, message, now)
        assert not isinstance(decision, Remark)
        if decision is not None:
            self._held_to_the_table(message, decision)
            self._keep(decision)
        return decision

    def _held_to_the_table(self, message: Message | Event[Any], decision: Decision[Bill]) -> None:
        kind = type(message.data if isinstance(message, Event) else message)
        source, target = self.bill.state if self.bill else None, decision.state.state
        rows = [move for move in MOVES.moves if (move.source, move.message, move.target) == (source, kind, target)]
        told = [type(each) for each in decision.events]
        if not rows:
            assert source == target, f"{source} {kind.__name__} {target} is not in the table"
        allowed = [row.event for row in rows]
        assert len(told) <= 1, told
        assert not told or told[0] in allowed, f"{source} {kind.__name__} {target} tells {told}"

    def _keep(self, decision: Decision[Bill]) -> None:
        # The store writes a decision's postings and never loads them, and jsonb is all that it remembers of a bill.
        before = self.bill.version if self.bill else 0
        state = decision.state.model_copy(update={"postings": (), "version": before + 1})
        self.bill = Bill.model_validate_json(state.model_dump_json())
        self.told += [each for each in decision.events if isinstance(each, Data)]
        self.postings += decision.state.postings
        for kind in decision.cancels:
            self.timers.pop(kind, None)
        self.timers.update({type(timer.message): timer.due for timer in decision.timers})
        self.calls.update({call.id: call.request for call in decision.calls if call.id not in self.calls})

    def balances(self) -> dict[str, int]:
        """Debit less credit of each account that is not even."""
        sums: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.account] += posting.debit - posting.credit
        return {account: balance for account, balance in sums.items() if balance}

    def assert_balanced(self) -> None:
        """Every transaction balances, and none is posted twice."""
        names = [(posting.transaction_id, posting.line) for posting in self.postings]
        assert len(set(names)) == len(names), "posted twice"
        sums: dict[UUID, int] = defaultdict(int)
        for posting in self.postings:
            assert (posting.debit == 0) != (posting.credit == 0)
            sums[posting.transaction_id] += posting.debit - posting.credit
        assert not any(sums.values()), sums


def after(*messages: Message | Event[Any], now: datetime = NOON) -> Story:
    """A bill that was opened and then met these messages."""
    story = Story()
    for message in (SUBMITTED, *messages):
        story.on(message, now)
    return story


def call_of(decision: Decision[Bill] | None) -> Call:
    """The only call that a decision asks for."""
    assert decision is not None
    (call,) = decision.calls
    return call
