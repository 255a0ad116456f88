"""The bank's memory: lines, transfers, returns, notices. The only SQL.

Amounts are in đồng, or in hundredths of other money; times are Unix seconds.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.sandbox.bank.purposes import searched
from deploy.sandbox.kit.pages import VIETNAM
from deploy.sandbox.kit.storage import open_storage

SCHEMA = """
create table if not exists line (
  seq integer primary key, id text not null unique, booked_at real not null, direction text not null,
  amount integer not null, currency text not null, purpose text not null, counterparty text not null,
  return_reference text, original text) strict;
create index if not exists line_by_time on line (booked_at);
create virtual table if not exists line_words using fts5(words, content='', tokenize='trigram');
create table if not exists transfer (
  token text primary key, made_at real not null, payer text not null, amount integer not null, currency text not null,
  wanted integer not null, purpose text not null, arrives text not null, state text not null, due_at real) strict;
create index if not exists transfer_due on transfer (due_at) where due_at is not null;
create table if not exists returns (
  reference text primary key, line text not null, amount integer not null, remark text not null,
  client_data text not null, status text not null, reason text, fate text not null, back_after real not null,
  taken_at real not null, due_at real, debit_line text, credit_line text) strict;
create index if not exists returns_by_line on returns (line);
create index if not exists returns_due on returns (due_at) where due_at is not null;
create table if not exists notice (
  id integer primary key, event text not null, type text not null, body text not null, oddity text,
  created_at real not null, due_at real not null, held integer not null default 0, state text not null default 'pending',
  attempts integer not null default 0, last_answer text, done_at real) strict;
create index if not exists notice_due on notice (due_at) where state = 'pending';
"""
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_NEW_LINE = "insert into line values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STATEMENT = """
select * from line where seq > ? and booked_at >= ? and booked_at < ? order by seq limit ?"""
_FOUND = """
select * from line where seq in (select rowid from line_words where line_words match ? order by rowid desc limit ?)
order by seq desc"""
_TOTALS = """
select currency, direction, count(*) as lines, sum(amount) as amount from line group by currency, direction"""


@dataclass(frozen=True)
class Entry:
    """What becomes a line. `direction` is credit (money of ours grows) or debit."""

    booked_at: float
    direction: str
    amount: int
    currency: str
    purpose: str
    counterparty: str
    return_reference: str | None = None
    original: str | None = None


@dataclass(frozen=True)
class Store:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Store:
        return cls(open_storage(data / "bank.sqlite", SCHEMA))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with self.connection:
            self.connection.execute("begin immediate")
            yield

    def book(self, entries: Iterable[Entry]) -> list[str]:
        """The ids of the new lines, in their order."""
        last = self._value("select coalesce(max(seq), 0) from line")
        rows = [(seq, _line_id(seq, entry.booked_at), *astuple(entry)) for seq, entry in enumerate(entries, last + 1)]
        self.connection.executemany(_NEW_LINE, rows)
        self.connection.executemany(
            "insert into line_words (rowid, words) values (?, ?)", [(row[0], searched(row[6])) for row in rows]
        )
        return [row[1] for row in rows]

    def line(self, identifier: str) -> sqlite3.Row | None:
        return self._one("select * from line where id = ?", identifier)

    def statement(self, after: int, since: float, until: float, limit: int) -> list[sqlite3.Row]:
        """Lines behind a cursor that were booked in [since, until), in the order in which they were written."""
        return self._rows(_STATEMENT, after, since, until, limit)

    def latest(self, limit: int) -> list[sqlite3.Row]:
        return self._rows("select * from line order by seq desc limit ?", limit)

    def found(self, words: str, limit: int) -> list[sqlite3.Row]:
        """Lines whose purpose holds these letters and digits (at least three), the newest first."""
        return self._rows(_FOUND, f'"{searched(words)}"', limit)

    def totals(self) -> list[sqlite3.Row]:
        return self._rows(_TOTALS)

    def transfer(self, token: str) -> sqlite3.Row | None:
        return self._one("select * from transfer where token = ?", token)

    def add(self, table: str, values: dict[str, Any]) -> None:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        self.connection.execute(f"insert into {table} ({names}) values ({places})", tuple(values.values()))  # noqa: S608

    def change(self, table: str, key: str, identifier: str | int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self.connection.execute(
            f"update {table} set {names} where {key} = ?",  # noqa: S608
            (*values.values(), identifier),
        )

    def sent_back(self, reference: str) -> sqlite3.Row | None:
        return self._one("select * from returns where reference = ?", reference)

    def given_back(self, line: str) -> int:
        """What of a line's money has gone back, or is on its way."""
        query = "select coalesce(sum(amount), 0) from returns where line = ? and status in ('pending', 'done')"
        return self._value(query, line)

    def all_of(self, table: str, limit: int = 1000) -> list[sqlite3.Row]:
        """The latest, newest last."""
        return self._rows(f"select * from {table} order by rowid desc limit ?", limit)[::-1]  # noqa: S608

    def due(self, table: str, now: float) -> list[sqlite3.Row]:
        """Transfers or returns for which something is to happen now."""
        return self._rows(f"select * from {table} where due_at <= ? order by due_at limit 100", now)  # noqa: S608

    def next_due(self) -> float | None:
        query = "select min(due_at) from (select due_at from transfer union all select due_at from returns)"
        found: float | None = self.connection.execute(query).fetchone()[0]
        return found

    def due_notices(self, now: float, busy: set[int], limit: int) -> list[sqlite3.Row]:
        query = "select * from notice where state = 'pending' and due_at <= ? order by due_at, id limit ?"
        rows = self._rows(query, now, limit + len(busy))
        return [row for row in rows if row["id"] not in busy][:limit]

    def next_notice(self, busy: set[int]) -> float | None:
        query = "select id, due_at from notice where state = 'pending' order by due_at limit ?"
        rows = self._rows(query, len(busy) + 1)
        return next((float(row["due_at"]) for row in rows if row["id"] not in busy), None)

    def last_notice(self) -> int:
        return self._value("select coalesce(max(id), 0) from notice")

    def notices_behind(self, last: int) -> list[sqlite3.Row]:
        return self._rows("select * from notice where id > ? and state = 'pending' order by id", last)

    def release_held(self, before: int, now: float) -> None:
        """A notice was accepted: those that waited for a later one need not wait any more."""
        query = "update notice set held = 0, due_at = ? where held and id < ? and state = 'pending'"
        self.connection.execute(query, (now, before))

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self.connection.execute(query, values).fetchall()

    def _one(self, query: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection.execute(query, values).fetchone()
        return found

    def _value(self, query: str, *values: Any) -> int:
        return int(self.connection.execute(query, values).fetchone()[0])


def dicts(rows: Sequence[sqlite3.Row]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _line_id(seq: int, booked_at: float) -> str:
    """As banks number transactions: FT, year and day of the year, a number; and letters that no earlier sandbox had."""
    day = datetime.fromtimestamp(booked_at, VIETNAM).strftime("%y%j")
    return f"FT{day}{seq:08}{''.join(secrets.choice(_ALPHABET) for _ in range(4))}"
