"""A bill driven by messages as the service would, through the deciders that `main` wires; every move is held to the tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.decider import Call, Decision, Message, Remark
from chassis.envelope import Event
from chassis.identifiers import derived_id
from contracts import dossiers
from contracts import payments as contract
from contracts.event import Data
from services.payments.domain.answers import Captured, CheckoutCreated, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.bill import MOVES, Bill
from services.payments.domain.ledger import Posting
from services.payments.domain.messages import AbandonPage, LineRefund, PayElsewhere, RequestRefund, StartCheckout
from services.payments.domain.receipts import Ended, Issued
from services.payments.domain.refund import REFUND_MOVES, Refund
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
(DECIDES,) = (each for each in SERVICE.decides if each.aggregate.name == "bill")
FOLD = next(each for each in SERVICE.consumes if each.name == "payments.bills")

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
        request_id=derived_id(SUBMITTED.id, "request"),
    ),
    4,
)
TAKEN_BACK = event(example(dossiers.FeesWithdrawn, request_id=LATER.data.request_id, amount=AMOUNT), 5)
REFUSED = event(example(dossiers.Refused), 2)
STOPPED = event(example(dossiers.Stopped), 2)
FIRST, SECOND, THIRD = (derived_id(SUBMITTED.id, name) for name in ("first", "second", "third"))
DAY = timedelta(days=1)
REFUND_EVENTS = (contract.RefundStarted, contract.Refunded, contract.RefundFailed)
# Told beside a move, or without one.
BESIDE = (contract.ReceiptIssued, contract.ReceiptCancelled, contract.ExpiresSoon)


def started(attempt: UUID = FIRST, gateway: str = "stripe") -> StartCheckout:
    return StartCheckout(attempt_id=attempt, return_url="http://portal/ho-so", gateway=gateway)


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


def captured(
    attempt: UUID = FIRST,
    amount: int = AMOUNT,
    currency: str = "VND",
    at: datetime = NOON,
    gateway: str = "stripe",
    heard_only: bool = False,
) -> Captured:
    """Money on a page."""
    return Captured(
        attempt_id=attempt,
        amount=amount,
        currency=currency,
        reference=f"pi_{attempt}",
        paid_at=at,
        gateway=gateway,
        heard_only=heard_only,
    )


def transferred(amount: int, line: int = 1, attempt: UUID | None = None) -> Captured:
    """Money on our bank account, by a VietQR picture or a payment code."""
    return Captured(
        attempt_id=attempt,
        capture_id=derived_id(SUBMITTED.id, f"line {line}"),
        amount=amount,
        currency="VND",
        reference=f"line_{line}",
        paid_at=NOON,
        gateway="vietqr",
    )


def at_the_counter(amount: int = AMOUNT, voucher: str = "PT-1") -> PayElsewhere:
    return PayElsewhere(
        capture_id=derived_id(SUBMITTED.id, voucher),
        gateway="counter",
        amount=amount,
        reference=voucher,
        paid_at=NOON,
        by="officer",
    )


def refund(available: int, *lines: tuple[str, int], name: str = "refund", reached: Any = None) -> RequestRefund:
    """An officer's order to send these fee lines back, or all that can be."""
    return RequestRefund(
        refund_id=derived_id(SUBMITTED.id, name),
        lines=tuple(LineRefund(code=code, amount=amount) for code, amount in lines),
        available=available,
        reason="nộp nhầm",
        by="officer",
        reached=reached,
    )


@dataclass
class Story:
    """What has become of one bill: its state, the events it told, what was written down, calls and timers it waits for."""

    bill: Bill | None = None
    told: list[Data] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    receipts: list[Issued] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    calls: dict[UUID, Message] = field(default_factory=dict)
    timers: dict[type[Message], datetime] = field(default_factory=dict)
    series: Counter[str] = field(default_factory=Counter)

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

    @property
    def refunds(self) -> list[tuple[str, int]]:
        """The state and amount of each refund."""
        assert self.bill is not None
        return [(each.state, each.amount) for each in self.bill.refunds]

    @property
    def receipted(self) -> int:
        """Đồng that the receipt says which holds; 0 where none does."""
        assert self.bill is not None
        return next((each.amount for each in self.bill.receipts if each.ended is None), 0)

    def given_up(self) -> AbandonPage:
        """An operator's word that the running page is given up, with the calls that the service would find for it."""
        page = self.bill and self.bill.attempt and self.bill.attempt.attempt_id
        calls = (each for each, request in self.calls.items() if request.model_dump().get("attempt_id") == page)
        return AbandonPage(by="operator", calls=tuple(calls))

    def on(self, message: Message | Event[Any], now: datetime = NOON) -> Decision[Bill] | None:
        """Answer a message and keep what follows, as the service does. Fails when a move is none of the tables'."""
        decide = FOLD.on[type(message.data)] if isinstance(message, Event) else DECIDES.decider(type(message))
        assert decide is not None
        before, told = self.bill, len(self.told)
        decision = decide(self.bill, message, now)
        assert not isinstance(decision, Remark)
        if decision is None:
            return None
        self._keep(decision)
        for draw in decision.draws:
            self.series[draw.series] += 1
            self._keep(draw.numbered(self.bill, self.series[draw.series], now))
        self._held_to_the_tables(before, message, self.told[told:])
        return decision

    def _held_to_the_tables(self, before: Bill | None, message: Message | Event[Any], told: list[Data]) -> None:
        assert self.bill is not None
        kind = type(message.data if isinstance(message, Event) else message)
        source, target = before.state if before else None, self.bill.state
        rows = [move for move in MOVES.moves if (move.source, move.message, move.target) == (source, kind, target)]
        assert rows or source == target, f"{source} {kind.__name__} {target} is not in the table"
        moved = Counter(_refund_moves(before, self.bill, kind))
        assert Counter(type(each) for each in told if isinstance(each, REFUND_EVENTS)) == moved
        own = [type(each) for each in told if not isinstance(each, (*REFUND_EVENTS, *BESIDE))]
        assert len(own) <= 1, own
        assert set(own) <= {row.event for row in rows}, f"{source} {kind.__name__} {target} tells {own}"

    def _keep(self, decision: Decision[Bill]) -> None:
        # jsonb is all that the store remembers of a bill.
        version = self.bill.version if self.bill else 0
        state = decision.state.model_copy(update={"version": version + 1})
        self.bill = Bill.model_validate_json(state.model_dump_json())
        self.told += [each for each in decision.events if isinstance(each, Data)]
        self.postings += [note for note in decision.notes if isinstance(note, Posting)]
        self.receipts += [note for note in decision.notes if isinstance(note, Issued)]
        self.ends += [note for note in decision.notes if isinstance(note, Ended)]
        for kind in decision.cancels:
            self.timers.pop(kind, None)
        self.timers.update({type(timer.message): timer.due for timer in decision.timers})
        for dropped in decision.drops:
            self.calls.pop(dropped, None)
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


def _refund_moves(before: Bill | None, after: Bill, kind: type) -> list[type | None]:
    """What must have been told of the refunds that moved. Fails when one moved otherwise than the table says."""
    earlier = {each.refund_id: each.state for each in before.refunds} if before else {}
    now: dict[UUID, Refund] = {each.refund_id: each for each in after.refunds}
    assert earlier.keys() <= now.keys(), "a refund was forgotten"
    events = list[type | None]()
    for refund_id, each in now.items():
        source = earlier.get(refund_id)
        if source == each.state:
            continue
        message = kind if source else RequestRefund
        rows = [
            move
            for move in REFUND_MOVES.moves
            if (move.source, move.message, move.target) == (source, message, each.state)
        ]
        assert rows, f"refund: {source} {message.__name__} {each.state} is not in the table"
        events.append(rows[0].event)
    return events


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
