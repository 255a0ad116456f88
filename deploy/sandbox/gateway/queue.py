"""What the gateway still has to do: timers and webhook deliveries, kept so that a killed server goes on with them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.gateway.store import Store

SCHEMA = """
create table if not exists timer (
  id integer primary key,
  due_at real not null,
  name text not null,
  object text not null
);
create index if not exists timer_due on timer (due_at);

-- state: pending, delivered, lost, refused (an odd copy, turned away), abandoned, cancelled (endpoint gone).
-- oddity: what a fault made of this copy; payload: what it says instead of the event.
-- after: the delivery that must have gone first.
create table if not exists delivery (
  id integer primary key autoincrement,
  event text not null,
  type text not null,
  endpoint text not null,
  state text not null default 'pending',
  oddity text,
  payload text,
  after integer,
  attempts integer not null default 0,
  created_at real not null,
  due_at real not null,
  done_at real,
  last_status integer,
  last_error text
);
create index if not exists delivery_due on delivery (due_at) where state = 'pending';
create index if not exists delivery_of_event on delivery (event);
"""

FOREVER = 1e12
DUE = """
select * from delivery as mine
where state = 'pending' and due_at <= ? and id not in (select value from json_each(?))
  and not exists (select 1 from delivery as first where first.id = mine.after and first.state = 'pending')
order by due_at, id limit ?
"""


@dataclass(frozen=True)
class Timer:
    id: int
    name: str
    object: str


class Queue:
    """`timers_due` is set when a timer starts that is due before `timers_rest_until`, when they are looked at next."""

    def __init__(self, store: Store) -> None:
        self.connection = store.connection
        self.timers_due = asyncio.Event()
        self.timers_rest_until = 0.0

    def start_timer(self, name: str, identifier: str, due_at: float) -> None:
        if due_at < self.timers_rest_until:
            self.timers_due.set()
        self.connection.execute("insert into timer (due_at, name, object) values (?, ?, ?)", (due_at, name, identifier))

    def due_timers(self, now: float, limit: int = 100) -> list[Timer]:
        statement = "select id, name, object from timer where due_at <= ? order by due_at, id limit ?"
        return [Timer(*row) for row in self.connection.execute(statement, (now, limit))]

    def end_timer(self, identifier: int) -> None:
        self.connection.execute("delete from timer where id = ?", (identifier,))

    def next_timer(self) -> float | None:
        due: float | None = self.connection.execute("select min(due_at) from timer").fetchone()[0]
        return due

    def add_delivery(
        self, event: str, kind: str, endpoint: str, now: float,
        *, due_at: float | None = None, oddity: str | None = None, payload: str | None = None, after: int | None = None,
    ) -> int:  # fmt: skip
        statement = """insert into delivery (event, type, endpoint, created_at, due_at, oddity, payload, after)
                       values (?, ?, ?, ?, ?, ?, ?, ?)"""
        due = now if due_at is None else due_at
        values = (event, kind, endpoint, now, due, oddity, payload, after)
        return int(self.connection.execute(statement, values).lastrowid or 0)

    def change_delivery(self, identifier: int, **columns: Any) -> None:
        """Set columns of a delivery; their names come from this package only."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self.connection.execute(f"update delivery set {names} where id = ?", (*columns.values(), identifier))  # noqa: S608

    def cancel_deliveries(self, endpoint: str, now: float) -> None:
        statement = "update delivery set state = 'cancelled', done_at = ? where endpoint = ? and state = 'pending'"
        self.connection.execute(statement, (now, endpoint))

    def delivery(self, identifier: int) -> sqlite3.Row:
        row: sqlite3.Row = self.connection.execute("select * from delivery where id = ?", (identifier,)).fetchone()
        return row

    def due_deliveries(self, now: float, busy: Collection[int], limit: int) -> list[sqlite3.Row]:
        return self.connection.execute(DUE, (now, json.dumps(list(busy)), limit)).fetchall()

    def next_delivery(self, busy: Collection[int]) -> float | None:
        first = self.due_deliveries(FOREVER, busy, 1)
        return float(first[0]["due_at"]) if first else None

    def pending_webhooks(self, event: str) -> int:
        statement = "select count(*) from delivery where event = ? and state = 'pending' and oddity is null"
        return int(self.connection.execute(statement, (event,)).fetchone()[0])

    def states(self) -> dict[str, int]:
        """How many deliveries there are in each state."""
        rows = self.connection.execute("select state, count(*) from delivery group by state order by state")
        return {str(state): int(count) for state, count in rows}

    def deliveries(self, limit: int) -> list[sqlite3.Row]:
        """Newest last."""
        rows = self.connection.execute("select * from delivery order by id desc limit ?", (limit,)).fetchall()
        return rows[::-1]
