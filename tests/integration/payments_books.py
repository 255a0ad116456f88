"""payments' books in a test: its database and deciders for real, gateways whose statements a test writes."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry, generate_latest

from chassis.answering import Answering
from chassis.consumer import Consumer
from chassis.decider import Message
from chassis.envelope import Reader
from chassis.errors import Refusal
from chassis.fold import Voice
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from chassis.postgres import Pool, open_pool
from contracts import dossiers
from contracts.event import Data
from contracts.registry import EVENTS
from services.payments import store
from services.payments.domain.answers import Captured, CheckoutCreated
from services.payments.domain.bill import Bill
from services.payments.domain.difference import Difference
from services.payments.domain.gateway import Gateway
from services.payments.domain.messages import StartCheckout
from services.payments.domain.tidings import Known, Movement
from services.payments.domain.vietqr import capture_of_line
from services.payments.main import payments
from services.payments.reconciling_work import Reconciler
from services.payments.settings import PaymentsSettings
from services.payments.store.differences import Run
from services.payments.unexplained import Unexplained
from tests.database import Server as Postgres
from tests.integration.payments_counter import AGENCY, FEE, PHOTO, Clock
from tests.records import example, record

_NUMBERS = itertools.count(1)
SETTINGS = {
    "kafka_user": "payments", "kafka_password": "unused", "http_port": 1, "oidc_issuer": "http://127.0.0.1:9",
    "instance": "payments-books", "gateway_url": "http://127.0.0.1:9", "gateway_secret_key": "sk",
    "gateway_webhook_secret": "whsec", "return_url": "http://127.0.0.1:9/{code}",
}  # fmt: skip


@dataclass
class Provider:
    """A gateway that holds money and tells of it in pages of `page_lines`; told to fail, it does not answer."""

    name: str
    lines: list[Movement] = field(default_factory=list)
    page_lines: int = 3
    trouble: Exception | None = None
    fails_after: int = 0

    async def movements(
        self, since: datetime, until: datetime, known: Sequence[Known]
    ) -> AsyncIterator[Sequence[Movement]]:
        told = sorted((line for line in self.lines if since <= line.at < until), key=lambda line: line.at)
        for begin in range(0, len(told), self.page_lines):
            if self.trouble and begin >= self.fails_after * self.page_lines:
                raise self.trouble
            yield told[begin : begin + self.page_lines]

    async def lines_after(self, cursor: str) -> tuple[Sequence[Movement], str]:
        """As a bank's statement is read on."""
        page = self.lines[int(cursor) : int(cursor) + self.page_lines]
        return page, str(int(cursor) + len(page))

    @property
    def holds(self) -> int:
        """Đồng that it holds for us."""
        return sum(_signed(line) - line.fee for line in self.lines if line.currency == "VND")


@dataclass
class Asked(Provider):
    """A gateway that gives no statement: it tells of the pages that it is asked about."""

    asked: list[UUID] = field(default_factory=list)

    async def movements(
        self, since: datetime, until: datetime, known: Sequence[Known]
    ) -> AsyncIterator[Sequence[Movement]]:
        self.asked = [each.attempt_id for each in known]
        lines = [line for line in self.lines if line.attempt_id in self.asked and since <= line.at < until]
        if lines:
            yield lines


def _signed(line: Movement) -> int:
    return {"capture": 1, "refund": -1, "refund_returned": 1, "other": 1}[line.kind] * line.amount


@dataclass
class Books:
    """The database, its deciders, and what is asked of them."""

    pool: Pool
    answering: Answering
    providers: dict[str, Provider]
    consumers: list[Consumer]
    clock: Clock
    reconciler: Reconciler
    offsets: Any = field(default_factory=itertools.count)

    async def hears(self, data: Data, code: str, sequence: int) -> None:
        """One event of dossiers.v1 arrives at each consumer."""
        heard = record(data, next(self.offsets), sequence, self.clock(), code)
        for consumer in self.consumers:
            await consumer.take([heard])

    async def filed(self, lines: tuple[dict[str, Any], ...] = (FEE, PHOTO)) -> Bill:
        """A new dossier's bill."""
        code = f"{AGENCY}-20260609-{next(_NUMBERS):07}"
        changes = {
            "person_id": new_id(), "fee_lines": list(lines), "payment_due": self.clock() + timedelta(days=30),
            "step": {"agency": AGENCY, "status": 1},
        }  # fmt: skip
        await self.hears(example(dossiers.Submitted, **changes), code, 1)
        return await self.bill(code)

    async def bill(self, key: str) -> Bill:
        async with self.pool.acquire() as connection, connection.transaction():
            found: Bill = (await store.bills.aggregate.load_many(connection, [key]))[key]
        return found

    async def says(self, key: str, *messages: Message) -> Bill:
        """Messages to a bill. Raises Refusal."""
        for message in messages:
            (answer,) = await self.answering.many(store.bills.aggregate, [(key, message)])
            if isinstance(answer, Refusal):
                raise answer
        return await self.bill(key)

    async def page(self, bill: Bill, gateway: str = "stripe") -> UUID:
        """The payer is sent to a gateway's page: its attempt."""
        attempt_id = new_id()
        start = StartCheckout(attempt_id=attempt_id, return_url="http://127.0.0.1:9", gateway=gateway)
        created = CheckoutCreated(attempt_id=attempt_id, session_id=f"cs_{attempt_id}", url="http://127.0.0.1:9/pay")
        await self.says(bill.key, start, created)
        return attempt_id

    async def pays(
        self, bill: Bill, gateway: str = "stripe", rings: bool = True, amount: int | None = None, fee: int = 0
    ) -> Movement:
        """Money comes in at a gateway; the notice of it comes, or is lost."""
        attempt_id = None if gateway == "vietqr" else await self.page(bill, gateway)
        line = self.line(gateway, amount or bill.amount, attempt_id=attempt_id, fee=fee)
        if gateway == "vietqr":
            line = self.told(gateway, line, payment_code=bill.code)
        if rings:
            await self.says(bill.key, ring_of(gateway, line))
        return line

    def line(self, gateway: str, amount: int, kind: str = "capture", **more: Any) -> Movement:
        """A new line of a gateway's statement, of an hour ago."""
        number = next(_NUMBERS)
        what = {"reference": f"re{number}", "currency": "VND", "at": self.clock() - timedelta(hours=1), **more}
        line = Movement(line=f"line{number}", kind=kind, amount=amount, **what)  # type: ignore[arg-type]
        self.providers[gateway].lines.append(line)
        return line

    def told(self, gateway: str, line: Movement, **changes: Any) -> Movement:
        """The gateway tells of a line otherwise."""
        lines = self.providers[gateway].lines
        fields = {name: getattr(line, name) for name in Movement.__dataclass_fields__}
        lines[lines.index(line)] = changed = Movement(**(fields | changes))
        return changed

    async def reconciles(self, gateway: str = "stripe", asked_by: str = "test") -> dict[str, Any]:
        """One run over the last three days: its report. Raises AssertionError when it could not be done."""
        since = self.clock() - timedelta(days=3)
        run = Run(new_id(), gateway, since, self.clock(), asked_by)
        await store.differences.ask(self.pool, [run])
        assert await self.reconciler.work_off(self.pool, self.answering) == 1
        (told,) = await store.differences.runs(self.pool, [run.run_id], 1)
        assert told["report"] is not None, told["error"]
        return dict(told["report"])

    async def differences(self, state: str | None = "open") -> list[Difference]:
        return await store.differences.listed(self.pool, state, None, None, 1000)

    async def shows(self, *sides: str) -> str:
        """The metrics of a process that has these sides, or all, as it shows them."""
        unexplained, registry = Unexplained(sides or self.reconciler.sides, self.clock), CollectorRegistry()
        await unexplained.refresh(self.pool)
        registry.register(unexplained)
        return generate_latest(registry).decode()

    async def balances(self) -> dict[str, int]:
        """Debit less credit of each account that is not even."""
        rows = await self.pool.fetch(
            "select account, (sum(debit) - sum(credit))::bigint as balance from ledger_entry group by account"
        )
        return {row["account"]: row["balance"] for row in rows if row["balance"]}

    async def raised(self) -> list[str]:
        """The kinds of the discrepancies that were told, in order."""
        rows = await self.pool.fetch(
            """select convert_from(payload, 'UTF8')::jsonb ->> 'kind' as kind from outbox
            where type like '%discrepancy-found%' order by position"""
        )
        return [row["kind"] for row in rows]


def ring_of(gateway: str, line: Movement) -> Captured:
    """What a notice says of a capture."""
    return Captured(
        attempt_id=line.attempt_id,
        capture_id=capture_of_line(line.line) if gateway == "vietqr" else None,
        amount=line.amount,
        currency=line.currency,
        reference=line.reference,
        paid_at=line.at,
        gateway=gateway,
        heard_only=True,
    )


@asynccontextmanager
async def open_books(postgres: Postgres, *gateways: str) -> AsyncIterator[Books]:
    """Empty books, and providers of these names."""
    database = await postgres.fresh("payments")
    service = payments(PaymentsSettings.model_validate(SETTINGS | {"database_url": database.url}))
    pool, clock = await open_pool(database.url, "books", 8), Clock()
    voice = Voice("/motcua/payments", NoOpTracer(), clock)
    consumers = [Consumer(fold, pool, voice, Reader(EVENTS, {}), Metrics(), 100) for fold in service.consumes]
    providers = {name: Asked(name) if name == "national" else Provider(name) for name in gateways}
    by_name: dict[str, Gateway] = dict(providers)  # type: ignore[arg-type]
    reconciler = Reconciler(by_name, 0.0, clock)
    try:
        yield Books(pool, Answering(pool, voice, service.decides), providers, consumers, clock, reconciler)
    finally:
        await pool.close()
