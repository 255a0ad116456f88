"""Who asked for whom, when and for what: every enquiry is written down before it is answered, refused ones too."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.kit.storage import open_storage

SCHEMA = """
create table if not exists enquiry (
    id integer primary key, at real not null, client text, citizen_id text not null,
    purpose text not null, reference text not null, outcome text not null
) strict;
"""


@dataclass(frozen=True)
class Audit:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Audit:
        return cls(open_storage(data / "register.sqlite", SCHEMA))

    def write(self, at: float, client: str | None, citizen_id: str, purpose: str, reference: str, outcome: str) -> None:
        """`client` is None for a stranger; `outcome` is found, not_found, failed (the register's own trouble), or the code of the refusal."""
        self.connection.execute(
            "insert into enquiry (at, client, citizen_id, purpose, reference, outcome) values (?, ?, ?, ?, ?, ?)",
            (at, client, citizen_id, purpose, reference, outcome),
        )

    def latest(self, limit: int) -> list[sqlite3.Row]:
        """The newest first."""
        return self.connection.execute("select * from enquiry order by id desc limit ?", (limit,)).fetchall()
