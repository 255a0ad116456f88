"""What this VNPAY remembers: orders, transactions, the journal of money, requests seen, timers, notices owed. All SQL is here."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.sandbox.kit.storage import open_storage

SCHEMA = """
-- tries: mistyped cards and passwords; stage: card, otp, confirmed, ended.
create table if not exists purchase (
  txn_ref text primary key, token text not null unique, asked text not null, created text not null,
  expires_at real not null, stage text not null default 'card', tries integer not null default 0, card text
) strict, without rowid;

-- A payment is made when its page is first opened. Amounts are in hundredths of a dong, as on the wire.
create table if not exists payment (
  no integer primary key, txn_ref text not null, type text not null, amount integer not null, status text not null,
  response text not null default '', bank text not null default '', bank_no text not null default '',
  card_type text not null default '', info text not null, at real not null, request_id text not null default ''
) strict;
create index if not exists payment_of_order on payment (txn_ref, no);

-- Append-only. The key is what makes money move once.
create table if not exists line (
  id integer primary key autoincrement, kind text not null, no integer not null, at real not null, day text not null,
  money integer not null, unique (kind, no)
) strict;
create index if not exists line_of_day on line (day, id) where money = 1;

create table if not exists request (id text not null, day text not null, primary key (id, day)) strict, without rowid;
create table if not exists timer (
  id integer primary key, due_at real not null, what text not null, subject text not null
) strict;
create index if not exists timer_due on timer (due_at);

-- state: pending, held (until another was confirmed), confirmed, lost, refused (an odd copy), abandoned.
create table if not exists notice (
  id integer primary key autoincrement, txn_ref text not null, query text not null, state text not null,
  oddity text, after integer, attempts integer not null default 0, created_at real not null, due_at real not null,
  answer text
) strict;
create index if not exists notice_due on notice (due_at) where state = 'pending';
"""

FIRST_NUMBER = 14_000_000
_LINES = """
select line.id, line.kind, payment.*, line.at as moved_at, purchase.created as created
from line join payment using (no) join purchase using (txn_ref)
"""
_DUE = """
select * from notice as mine where state = 'pending' and due_at <= ? and id not in (select value from json_each(?))
and not exists (select 1 from notice as first where first.id = mine.after and first.state = 'pending')
order by due_at, id limit ?
"""


class Store:
    """The database file in `folder`; one connection, used on the event loop only."""

    def __init__(self, folder: Path) -> None:
        self.connection = open_storage(folder / "vnpay.sqlite", SCHEMA)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; never held across an await."""
        self.connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection.execute(statement, values).fetchone()
        return found

    def all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        return self.connection.execute(statement, values).fetchall()

    def purchase(self, txn_ref: str) -> sqlite3.Row | None:
        return self.one("select * from purchase where txn_ref = ?", txn_ref)

    def purchase_by_token(self, token: str) -> sqlite3.Row | None:
        return self.one("select * from purchase where token = ?", token)

    def add_purchase(self, asked: Mapping[str, str], token: str, expires_at: float) -> None:
        self.connection.execute(
            "insert into purchase (txn_ref, token, asked, created, expires_at) values (?, ?, ?, ?, ?)",
            (asked["vnp_TxnRef"], token, json.dumps(dict(asked)), asked["vnp_CreateDate"], expires_at),
        )

    def change_purchase(self, txn_ref: str, stage: str, tries: int, card: str | None) -> None:
        statement = "update purchase set stage = ?, tries = ?, card = ? where txn_ref = ?"
        self.connection.execute(statement, (stage, tries, card, txn_ref))

    def add_payment(
        self, txn_ref: str, kind: str, amount: int, status: str, info: str, at: float, request_id: str = ""
    ) -> int:
        """A new transaction; its number."""
        cursor = self.connection.execute(
            """insert into payment (no, txn_ref, type, amount, status, info, at, request_id)
               values ((select coalesce(max(no), ?) + 1 from payment), ?, ?, ?, ?, ?, ?, ?)""",
            (FIRST_NUMBER, txn_ref, kind, amount, status, info, at, request_id),
        )
        return int(cursor.lastrowid or 0)

    def payment(self, no: int) -> sqlite3.Row:
        """Raises LookupError for a number that there is not."""
        found = self.one("select * from payment where no = ?", no)
        if found is None:
            raise LookupError(f"there is no transaction {no}")
        return found

    def payments_of(self, txn_ref: str) -> list[sqlite3.Row]:
        """The payment of an order, then its refunds, oldest first."""
        return self.all("select * from payment where txn_ref = ? order by no", txn_ref)

    def settle(
        self, no: int, status: str, response: str, amount: int, at: float, bank: tuple[str, str, str] = ("", "", "")
    ) -> None:
        """`bank`: its code, its own number of the payment, and the type of the card."""
        self.connection.execute(
            """update payment set status = ?, response = ?, amount = ?, at = ?, bank = ?, bank_no = ?, card_type = ?
               where no = ?""",
            (status, response, amount, at, *bank, no),
        )

    def change_status(self, no: int, status: str) -> None:
        self.connection.execute("update payment set status = ? where no = ?", (status, no))

    def add_line(self, kind: str, no: int, at: float, day: str, *, money: bool) -> None:
        """Raises sqlite3.IntegrityError when this would happen twice."""
        statement = "insert into line (kind, no, at, day, money) values (?, ?, ?, ?, ?)"
        self.connection.execute(statement, (kind, no, at, day, int(money)))

    def lines_of_day(self, day: str, offset: int, limit: int) -> list[sqlite3.Row]:
        statement = f"{_LINES} where line.day = ? and line.money = 1 order by line.id limit ? offset ?"
        return self.all(statement, day, limit, offset)

    def number_of_lines(self, day: str) -> int:
        row = self.one("select count(*) from line where day = ? and money = 1", day)
        return int(row[0]) if row else 0

    def lines_of_order(self, txn_ref: str) -> list[sqlite3.Row]:
        return self.all(f"{_LINES} where payment.txn_ref = ? order by line.id", txn_ref)

    def latest_lines(self, limit: int) -> list[sqlite3.Row]:
        return self.all(f"{_LINES} order by line.id desc limit ?", limit)

    def seen(self, request_id: str, day: str) -> bool:
        return self.one("select 1 from request where id = ? and day = ?", request_id, day) is not None

    def see(self, request_id: str, day: str) -> None:
        self.connection.execute("insert into request values (?, ?)", (request_id, day))

    def add_timer(self, due_at: float, what: str, subject: str) -> None:
        self.connection.execute("insert into timer (due_at, what, subject) values (?, ?, ?)", (due_at, what, subject))

    def due_timers(self, now: float) -> list[sqlite3.Row]:
        return self.all("select * from timer where due_at <= ? order by due_at, id limit 500", now)

    def end_timer(self, identifier: int) -> None:
        self.connection.execute("delete from timer where id = ?", (identifier,))

    def next_timer(self) -> float | None:
        row = self.one("select min(due_at) from timer")
        return row[0] if row else None

    def add_notice(
        self, txn_ref: str, query: str, state: str, now: float, due_at: float,
        oddity: str | None = None, after: int | None = None,
    ) -> int:  # fmt: skip
        cursor = self.connection.execute(
            """insert into notice (txn_ref, query, state, created_at, due_at, oddity, after)
               values (?, ?, ?, ?, ?, ?, ?)""",
            (txn_ref, query, state, now, due_at, oddity, after),
        )
        return int(cursor.lastrowid or 0)

    def record_try(self, identifier: int, state: str, due_at: float, answer: str) -> None:
        statement = "update notice set state = ?, due_at = ?, answer = ?, attempts = attempts + 1 where id = ?"
        self.connection.execute(statement, (state, due_at, answer, identifier))

    def release_held(self) -> None:
        self.connection.execute("update notice set state = 'pending' where state = 'held'")

    def due_notices(self, now: float, busy: Sequence[int], limit: int) -> list[sqlite3.Row]:
        return self.all(_DUE, now, json.dumps(list(busy)), limit)

    def pending_notices(self, txn_ref: str) -> list[sqlite3.Row]:
        return self.all("select * from notice where txn_ref = ? and state = 'pending' order by id", txn_ref)

    def next_notice(self, busy: Sequence[int]) -> float | None:
        statement = (
            "select min(due_at) from notice where state = 'pending' and id not in (select value from json_each(?))"
        )
        row = self.one(statement, json.dumps(list(busy)))
        return row[0] if row else None

    def notices(self, limit: int) -> list[sqlite3.Row]:
        """The latest, oldest first."""
        return self.all("select * from notice order by id desc limit ?", limit)[::-1]
