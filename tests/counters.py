"""The smallest service there can be, for tests of the chassis: counters that add, tell, remind and ask.

It borrows the database and the login of payments; its table stands beside theirs, and its topic is its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from opentelemetry.trace import NoOpTracer

from chassis.aggregate import Aggregate
from chassis.clock import Clock, utc_now
from chassis.decider import At, Call, Decides, Decision, Message, State
from chassis.errors import Refusal
from chassis.fold import Voice
from chassis.postgres import Pool, open_pool
from contracts.event import Data, events
from tests.database import Database, Server

TOPIC = "counters.v1"
TABLE = """
create table counter (
    id text primary key, total bigint not null check (total < 1000000),
    version bigint not null, sequence bigint not null, traceparent text
)"""


class Added(Data):
    """Something was added."""

    amount: int
    total: int
    padding: str = ""


events(TOPIC, "vn.motcua.test-counter", {"added": Added})


class Counter(State):
    id: str
    total: int = 0


class Add(Message):
    """Adds `amount` and says so `tell` times; nothing happens for 0, and less is refused."""

    counter: str
    amount: int
    tell: int = 1
    padding: str = ""


class Remind(Message):
    """Sets the timer Due."""

    counter: str
    at: datetime
    amount: int = 1


class Calm(Message):
    """Cancels the timer Due."""

    counter: str


class Due(Message):
    """A due timer: adds `amount`; a negative one is refused."""

    counter: str
    amount: int


class Ask(Message):
    """Asks the outside world for an amount."""

    counter: str
    call: UUID


class Drop(Message):
    """Wants no answer to a call any more."""

    counter: str
    call: UUID


class Question(Message):
    """What the outside world is asked."""

    counter: str


class Answer(Message):
    """What it answers."""

    counter: str
    amount: int


class Odd(Message):
    """An answer that nobody decides on."""

    counter: str


def add(counter: Counter | None, message: Add | Due | Answer, now: datetime) -> Decision[Counter] | None:
    if message.amount == 0:
        return None
    if message.amount < 0:
        raise Refusal("negative", "Số âm không được.", "Not a negative amount.")
    before = counter or Counter(id=message.counter)
    after = before.model_copy(update={"total": before.total + message.amount})
    tell, padding = (message.tell, message.padding) if isinstance(message, Add) else (1, "")
    said = Added(amount=message.amount, total=after.total, padding=padding)
    return Decision(after, events=(said,) * tell)


def remind(counter: Counter | None, message: Remind, now: datetime) -> Decision[Counter]:
    due = Due(counter=message.counter, amount=message.amount)
    return Decision(counter or Counter(id=message.counter), timers=(At(message.at, due),))


def calm(counter: Counter | None, message: Calm, now: datetime) -> Decision[Counter]:
    return Decision(counter or Counter(id=message.counter), cancels=(Due,))


def ask(counter: Counter | None, message: Ask, now: datetime) -> Decision[Counter]:
    question = Question(counter=message.counter)
    return Decision(counter or Counter(id=message.counter), calls=(Call(message.call, question),))


def drop(counter: Counter | None, message: Drop, now: datetime) -> Decision[Counter]:
    return Decision(counter or Counter(id=message.counter), drops=(message.call,))


COUNTERS = Aggregate(
    name="counter",
    key="id",
    subject="id",
    model=Counter,
    load="select * from counter where id = any($1::text[]) order by id for update",
    save=(
        """
        insert into counter
        select * from jsonb_to_recordset($1::jsonb)
            as r(id text, total bigint, version bigint, sequence bigint, traceparent text)
        on conflict (id) do update set total = excluded.total, version = excluded.version,
            sequence = excluded.sequence, traceparent = excluded.traceparent
        where counter.version = excluded.version - 1""",
    ),
)

DECIDES = Decides(
    COUNTERS,
    commands={Add: add, Remind: remind, Calm: calm, Ask: ask, Drop: drop},
    timers={Due: add},
    answers={Answer: add},
)


def voice(clock: Clock = utc_now) -> Voice:
    return Voice("/motcua/test", NoOpTracer(), clock)


@dataclass(frozen=True)
class Desk:
    """The counters' database and a pool of its login."""

    database: Database
    pool: Pool

    async def forget(self) -> None:
        """Empty every table that the chassis and the counters write."""
        for table in ("counter", "outbox", "inbox", "parked", "parked_key", "timer", "call", "idempotency"):
            await self.pool.execute(f"delete from {table}")

    async def totals(self) -> dict[str, int]:
        return {row["id"]: row["total"] for row in await self.pool.fetch("select id, total from counter")}


@asynccontextmanager
async def counting(server: Server, connections: int = 8) -> AsyncIterator[Desk]:
    """A fresh database with the counters' table, until the block is left."""
    database = await server.fresh("payments")
    owner = await asyncpg.connect(database.owner_url)
    try:
        await owner.execute(TABLE)
    finally:
        await owner.close()
    pool = await open_pool(database.url, "counters", connections)
    try:
        yield Desk(database, pool)
    finally:
        pool.terminate()
