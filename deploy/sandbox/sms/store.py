"""The carrier's memory: messages, and the receipts it still owes. The only SQL."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import uuid_utils

from deploy.sandbox.kit.storage import open_storage
from deploy.sandbox.sms.submission import Submission

SCHEMA = """
create table if not exists message (
  id text primary key, reference text not null unique, fingerprint text not null,
  recipient text not null, brand text not null, text text not null, encoding text not null, parts integer not null,
  state text not null, accepted_at real not null, settled_at real) without rowid;
create index if not exists message_by_recipient on message (recipient, accepted_at);
create index if not exists message_by_time on message (accepted_at);
create table if not exists receipt (
  message_id text primary key references message, reference text not null, state text not null,
  due_at real not null, attempts integer not null default 0, last_answer text, done_at real) without rowid;
create index if not exists receipt_owed on receipt (due_at) where done_at is null;
"""

OUTCOMES = {"002": "permanent_failure", "003": "temporary_failure"}
"""Magic endings of a phone number; any other number gets its SMS."""

INSERT = """
insert into message (id, reference, fingerprint, recipient, brand, text, encoding, parts, state, accepted_at)
values (?, ?, ?, ?, ?, ?, ?, ?, 'accepted', ?) returning *"""
LATEST = """
select m.*, r.attempts as receipt_attempts, r.last_answer as receipt_answer, r.done_at as receipt_done_at
from message m join receipt r on r.message_id = m.id
where ?1 is null or m.recipient = ?1 order by m.accepted_at desc, m.id desc limit ?2"""


@dataclass(frozen=True)
class Receipt:
    """What became of a message, owed to the client until it answers 2xx."""

    message_id: str
    reference: str
    state: str
    attempts: int


class ReferenceReusedError(Exception):
    """The reference was accepted before with other content."""


@dataclass(frozen=True)
class Store:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Store:
        return cls(open_storage(data / "sms.sqlite", SCHEMA))

    def accept(self, message: Submission, due_at: float) -> tuple[sqlite3.Row, bool]:
        """Keep the message and the receipt it will need, or find the earlier one of the same reference.

        Answers (row, is it new); raises ReferenceReusedError when the earlier one had other content.
        """
        earlier = self.by_reference(message.reference)
        if earlier is not None:
            if earlier["fingerprint"] != message.fingerprint():
                raise ReferenceReusedError
            return earlier, False
        values = (
            str(uuid_utils.uuid7()),
            message.reference,
            message.fingerprint(),
            message.to,
            message.brand,
            message.text,
            message.encoding,
            message.parts,
            time.time(),
        )
        with self.connection:
            self.connection.execute("begin")
            [row] = self.connection.execute(INSERT, values).fetchall()
            self.connection.execute(
                "insert into receipt (message_id, reference, state, due_at) values (?, ?, ?, ?)",
                (row["id"], message.reference, OUTCOMES.get(message.to[-3:], "delivered"), due_at),
            )
        return row, True

    def by_id(self, identifier: str) -> sqlite3.Row | None:
        return self._one("select * from message where id = ?", identifier)

    def by_reference(self, reference: str) -> sqlite3.Row | None:
        return self._one("select * from message where reference = ?", reference)

    def _one(self, query: str, value: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(query, (value,)).fetchone()
        return row

    def latest(self, recipient: str | None, limit: int) -> list[sqlite3.Row]:
        """Messages to one number or to all, newest first, with how their receipts fare."""
        return self.connection.execute(LATEST, (recipient, limit)).fetchall()

    def settle(self, receipt: Receipt, now: float) -> float:
        """The message reached its end: once, at the first call. Answers when that was."""
        rows = self.connection.execute(
            "update message set state = ?, settled_at = coalesce(settled_at, ?) where id = ? returning settled_at",
            (receipt.state, now, receipt.message_id),
        ).fetchall()
        return float(rows[0]["settled_at"])

    def owed(self, now: float, limit: int, busy: set[str]) -> list[Receipt]:
        """Receipts that are due and not being delivered just now, the longest waiting first."""
        rows = self.connection.execute(
            "select message_id, reference, state, attempts from receipt where done_at is null and due_at <= ?"
            " order by due_at limit ?",
            (now, limit + len(busy)),
        )
        return [Receipt(*row) for row in rows if row["message_id"] not in busy][:limit]

    def next_due(self, busy: set[str]) -> float | None:
        rows = self.connection.execute(
            "select message_id, due_at from receipt where done_at is null order by due_at limit ?",
            (len(busy) + 1,),
        )
        return next((float(row["due_at"]) for row in rows if row["message_id"] not in busy), None)

    def receipt_of(self, message_id: str) -> Receipt:
        row = self.connection.execute(
            "select message_id, reference, state, attempts from receipt where message_id = ?", (message_id,)
        ).fetchone()
        return Receipt(*row)

    def record_attempt(self, message_id: str, answer: str, due_at: float | None, now: float) -> None:
        """One delivery of a receipt: tried again at `due_at`, or done when that is None."""
        self.connection.execute(
            "update receipt set attempts = attempts + 1, last_answer = ?, due_at = coalesce(?, due_at), done_at = ?"
            " where message_id = ?",
            (answer, due_at, now if due_at is None else None, message_id),
        )
