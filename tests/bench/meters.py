"""What is measured: meters that add up readings. One reading in, one row changed, one total out.

A small service on the whole message path: decider, inbox, aggregate, outbox, relay. The textbook service of
`textbook.py` does the same work for the same events.
"""

from __future__ import annotations

from datetime import datetime

from chassis.aggregate import Aggregate
from chassis.consumer import Fold
from chassis.decider import Decision, State
from chassis.envelope import Event
from contracts.event import Data, events

READINGS, TOTALS = "bench-readings.v1", "bench-totals.v1"
TABLES = """
create table meter (
    code text primary key, total bigint not null, version bigint not null, sequence bigint not null, traceparent text
);
create table textbook_inbox (event_id uuid primary key, received_at timestamptz not null default now());
create table textbook_meter (code text primary key, total bigint not null);
"""


class Taken(Data):
    """A meter was read."""

    meter: str
    amount: int
    place: str
    taken_at: datetime


class Totalled(Data):
    """What the meter's readings add up to now."""

    meter: str
    amount: int
    total: int
    place: str
    taken_at: datetime


TAKEN = events(READINGS, "vn.motcua.bench-reading", {"taken": Taken})
TOTALLED = events(TOTALS, "vn.motcua.bench-total", {"totalled": Totalled})


class Meter(State):
    """A meter and its total."""

    code: str
    total: int = 0


def add(meter: Meter | None, event: Event[Taken], now: datetime) -> Decision[Meter]:
    """Add a reading and say what the total is."""
    data = event.data
    before = meter or Meter(code=event.subject)
    after = before.model_copy(update={"total": before.total + data.amount})
    said = Totalled(meter=data.meter, amount=data.amount, total=after.total, place=data.place, taken_at=data.taken_at)
    return Decision(after, events=(said,))


METERS = Aggregate(
    name="meter",
    key="code",
    subject="code",
    model=Meter,
    load="select * from meter where code = any($1::text[]) order by code for update",
    save=(
        """
        insert into meter
        select * from jsonb_to_recordset($1::jsonb)
            as r(code text, total bigint, version bigint, sequence bigint, traceparent text)
        on conflict (code) do update set total = excluded.total, version = excluded.version,
            sequence = excluded.sequence, traceparent = excluded.traceparent
        where meter.version = excluded.version - 1""",
    ),
)
READING = Fold("payments.meters", READINGS, into=METERS, on={Taken: add})
