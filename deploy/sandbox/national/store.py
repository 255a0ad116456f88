"""The platform's memory: payments by reference, and the CONFIRMs that it owes."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.sandbox.kit.storage import open_storage

SCHEMA = """
-- state: open, paid, failed. tells_from: when QUERY begins to tell that it is paid; null: never.
-- taken_later_at: a failed payment whose money comes after all. lane: page (INIT) or code (paid by the dossier's code).
create table if not exists payment (
  reference text primary key, token text not null unique, lane text not null, fingerprint text not null,
  message text not null, dossier text not null, words text not null, amount integer not null, state text not null default 'open',
  bank text, number text unique, taken integer, currency text not null default 'VND', at real, tells_from real,
  taken_later_at real, created_at real not null
) strict;
create index if not exists payment_later on payment (taken_later_at) where taken_later_at is not null;

-- state: pending, delivered, lost, refused (an odd copy, turned away). oddity: what a fault made of this copy.
-- after: the delivery that must have been accepted before.
create table if not exists delivery (
  id integer primary key autoincrement, reference text not null, url text not null, message text not null,
  state text not null default 'pending', oddity text, after integer, attempts integer not null default 0,
  created_at real not null, due_at real not null, done_at real, answer text
) strict;
create index if not exists delivery_due on delivery (due_at) where state = 'pending';
create view if not exists ready as select * from delivery as mine where state = 'pending'
  and not exists (select 1 from delivery as first where first.id = mine.after and first.state = 'pending');
"""

DUE = """
select * from ready where due_at <= :now and id not in (select value from json_each(:busy)) order by due_at, id limit 32
"""
NEXT = """
select min(due) from (
  select min(due_at) as due from ready where id not in (select value from json_each(:busy))
  union all select min(taken_later_at) from payment)
"""


@dataclass(frozen=True)
class Store:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Store:
        return cls(open_storage(data / "national.sqlite", SCHEMA))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.connection.execute("begin immediate")
        with self.connection:
            yield

    def payment(self, reference: str) -> sqlite3.Row | None:
        return self._one("select * from payment where reference = ?", reference)

    def by_token(self, token: str) -> sqlite3.Row | None:
        return self._one("select * from payment where token = ?", token)

    def get(self, reference: str) -> sqlite3.Row:
        """What must be there because something of ours refers to it."""
        found = self.payment(reference)
        if found is None:
            raise LookupError(f"payment {reference} is referred to and not there")
        return found

    def open_payment(
        self, reference: str, lane: str, fingerprint: str, message: Mapping[str, Any], words: str, amount: int, now: float
    ) -> sqlite3.Row:  # fmt: skip
        told = message.get("ThongTinBienLai") or message
        self.connection.execute(
            """insert into payment (reference, token, lane, fingerprint, message, dossier, words, amount, created_at)
               values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (reference, secrets.token_hex(16), lane, fingerprint, json.dumps(message, ensure_ascii=False),
             str(told.get("MaHoSo", "")), words, amount, now),
        )  # fmt: skip
        return self.get(reference)

    def change_payment(self, reference: str, **columns: Any) -> None:
        self._change("payment", "reference", reference, columns)

    def payments(self, limit: int) -> list[sqlite3.Row]:
        """The newest first."""
        return self.connection.execute("select * from payment order by created_at desc limit ?", (limit,)).fetchall()

    def taken_by(self, now: float) -> list[sqlite3.Row]:
        """The failed payments whose money has come after all."""
        return self.connection.execute("select * from payment where taken_later_at <= ?", (now,)).fetchall()

    def owe(
        self, reference: str, url: str, message: Mapping[str, Any], now: float,
        *, state: str = "pending", oddity: str | None = None, after: int | None = None,
    ) -> int:  # fmt: skip
        statement = """insert into delivery (reference, url, message, state, oddity, after, created_at, due_at)
                       values (?, ?, ?, ?, ?, ?, ?, ?)"""
        values = (reference, url, json.dumps(message, ensure_ascii=False), state, oddity, after, now, now)
        return int(self.connection.execute(statement, values).lastrowid or 0)

    def change_delivery(self, identifier: int, **columns: Any) -> None:
        self._change("delivery", "id", identifier, columns)

    def delivery(self, identifier: int) -> sqlite3.Row:
        row: sqlite3.Row = self.connection.execute("select * from delivery where id = ?", (identifier,)).fetchone()
        return row

    def due(self, now: float, busy: Collection[int]) -> list[sqlite3.Row]:
        return self.connection.execute(DUE, {"now": now, "busy": json.dumps(list(busy))}).fetchall()

    def next_due(self, busy: Collection[int]) -> float | None:
        """When there is something to do next: a CONFIRM to send that is not being sent, or money to come after all."""
        found: float | None = self.connection.execute(NEXT, {"busy": json.dumps(list(busy))}).fetchone()[0]
        return found

    def deliveries(self, limit: int) -> list[sqlite3.Row]:
        """Newest last."""
        rows = self.connection.execute("select * from delivery order by id desc limit ?", (limit,)).fetchall()
        return rows[::-1]

    def _one(self, statement: str, value: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection.execute(statement, (value,)).fetchone()
        return found

    def _change(self, table: str, key: str, value: object, columns: Mapping[str, Any]) -> None:
        """Set columns; all names come from this package only."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self.connection.execute(f"update {table} set {names} where {key} = ?", (*columns.values(), value))  # noqa: S608
