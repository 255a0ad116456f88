"""The mail box's memory: every mail as it came, and what the list shows of it. The only SQL."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uuid_utils

from deploy.sandbox.kit.storage import open_storage
from deploy.sandbox.mail.parsing import folded, parse

SCHEMA = """
create table if not exists mail (
  id text primary key, received_at real not null, sender text not null, recipients text not null,
  shown_from text not null, subject text not null, size integer not null, attachments integer not null,
  folded_subject text not null, folded text not null, raw blob not null);
create table if not exists recipient (
  address text not null, mail_id text not null references mail, primary key (address, mail_id)) without rowid;
"""
LIST = """
select id, received_at, sender, recipients, shown_from, subject, size, attachments from mail
where (?1 is null or instr(folded_subject, ?1) > 0) and (?2 is null or instr(folded, ?2) > 0)
  and (?3 is null or id < ?3)
order by id desc limit ?4"""
# Recipients are sorted by mail: the newest of one address are found without looking at the others.
LIST_OF_RECIPIENT = LIST.replace(
    "from mail\nwhere", "from recipient r cross join mail m on m.id = r.mail_id\nwhere r.address = ?5 and"
).replace("order by id", "order by r.mail_id")
SEARCHABLE_CHARACTERS = 64_000


@dataclass(frozen=True)
class Filter:
    """`to` is a whole address; `subject` and `words` are found anywhere, without accents or case."""

    to: str | None = None
    subject: str | None = None
    words: str | None = None
    before: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class Store:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Store:
        return cls(open_storage(data / "mail.sqlite", SCHEMA))

    def add(self, sender: str, recipients: Sequence[str], raw: bytes) -> str:
        """Keep a mail, always as a new one; answers its id (which grows with time)."""
        mail, identifier = parse(raw), str(uuid_utils.uuid7())
        subject = mail.header("subject")
        words = "\n".join((subject, mail.header("from"), " ".join(recipients), mail.text or mail.html or ""))
        values = (
            identifier,
            time.time(),
            sender,
            json.dumps(list(recipients)),
            mail.header("from") or sender,
            subject,
            len(raw),
            len(mail.attachments),
            folded(subject),
            folded(words[:SEARCHABLE_CHARACTERS]),
            raw,
        )
        with self.connection:
            self.connection.execute("begin")
            self.connection.execute("insert into mail values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            self.connection.executemany(
                "insert or ignore into recipient values (?, ?)",
                [(address.casefold(), identifier) for address in recipients],
            )
        return identifier

    def list(self, wanted: Filter) -> list[dict[str, Any]]:
        """Newest first."""
        values = [
            wanted.subject and folded(wanted.subject),
            wanted.words and folded(wanted.words),
            wanted.before,
            wanted.limit,
        ]
        if wanted.to is None:
            rows = self.connection.execute(LIST, values)
        else:
            rows = self.connection.execute(LIST_OF_RECIPIENT, [*values, wanted.to.casefold()])
        return [dict(row) | {"recipients": json.loads(row["recipients"])} for row in rows]

    def get(self, identifier: str) -> dict[str, Any] | None:
        """One mail with its `raw` bytes."""
        row = self.connection.execute(
            "select id, received_at, sender, recipients, shown_from, subject, size, raw from mail where id = ?",
            (identifier,),
        ).fetchone()
        return None if row is None else dict(row) | {"recipients": json.loads(row["recipients"])}
