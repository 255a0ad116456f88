"""What the gateway remembers: its objects as JSON, every movement of money, answers kept for idempotency keys.

One row an object, in order of creation, which is the order of lists. Members that start with `_` are the gateway's own
and never leave it. All SQL on objects and money stands here; `queue` has what is due later.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.sandbox.kit.storage import open_storage

Object = dict[str, Any]

SCHEMA = """
create table if not exists object (
  position integer primary key autoincrement,
  id text not null unique,
  kind text not null,
  body text not null
);
create index if not exists object_by_kind on object (kind, position);
create index if not exists object_by_intent on object (kind, json_extract(body, '$.payment_intent'), position)
  where json_extract(body, '$.payment_intent') is not null;
create index if not exists object_by_charge on object (kind, json_extract(body, '$.charge'), position)
  where json_extract(body, '$.charge') is not null;
create index if not exists object_by_customer on object (kind, json_extract(body, '$.customer'), position)
  where json_extract(body, '$.customer') is not null;

-- Append-only. The key is what makes money move once: a charge is captured once, a refund paid once, given back once.
create table if not exists movement (
  position integer primary key autoincrement,
  kind text not null check (kind in ('charge', 'refund', 'refund_failure')),
  source text not null,
  charge text not null,
  payment_intent text,
  amount integer not null,
  currency text not null,
  at integer not null,
  unique (kind, source)
);

create table if not exists kept_answer (
  key text primary key,
  operation text not null,
  fingerprint text not null,
  request_id text not null,
  status integer not null,
  body text not null,
  at integer not null
) without rowid;
create index if not exists kept_answer_at on kept_answer (at);
"""

MOVEMENTS = """
select movement.*, session.id as checkout_session,
       json_extract(session.body, '$.client_reference_id') as client_reference_id,
       json_extract(intent.body, '$.metadata') as metadata
from movement
left join object as intent on intent.id = movement.payment_intent
left join object as session on session.id = json_extract(intent.body, '$._session')
order by movement.position desc limit ?
"""


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Store:
    """The database file in `folder`; one connection, used on the event loop only."""

    def __init__(self, folder: Path, schema: str = "") -> None:
        self.connection = open_storage(folder / "gateway.sqlite", SCHEMA + schema)

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

    def insert(self, value: Object) -> Object:
        statement = "insert into object (id, kind, body) values (?, ?, ?)"
        self.connection.execute(statement, (value["id"], value["object"], dumped(value)))
        return value

    def save(self, value: Object) -> Object:
        self.connection.execute("update object set body = ? where id = ?", (dumped(value), value["id"]))
        return value

    def remove(self, identifier: str) -> None:
        self.connection.execute("delete from object where id = ?", (identifier,))

    def find(self, kind: str, identifier: str) -> Object | None:
        statement = "select body from object where id = ? and kind = ?"
        row = self.connection.execute(statement, (identifier, kind)).fetchone()
        return None if row is None else json.loads(row[0])

    def get(self, kind: str, identifier: str) -> Object:
        """What must be there because something of ours refers to it."""
        found = self.find(kind, identifier)
        if found is None:
            raise LookupError(f"{kind} {identifier} is referred to and not there")
        return found

    def position(self, kind: str, identifier: str) -> int | None:
        statement = "select position from object where id = ? and kind = ?"
        row = self.connection.execute(statement, (identifier, kind)).fetchone()
        return None if row is None else int(row[0])

    def select(
        self,
        kind: str,
        conditions: Sequence[str] = (),
        values: Sequence[Any] = (),
        order: str = "desc",
        limit: int = -1,
    ) -> list[Object]:
        """Objects of a kind, newest first; `conditions` are SQL of this package, never of a caller."""
        where = " and ".join(["kind = ?", *conditions])
        statement = f"select body from object where {where} order by position {order} limit ?"  # noqa: S608
        return [json.loads(row[0]) for row in self.connection.execute(statement, (kind, *values, limit))]

    def children(self, kind: str, field: str, identifier: str) -> list[Object]:
        """Objects of a kind whose `field` refers to `identifier`, newest first."""
        return self.select(kind, [f"json_extract(body, '$.{field}') = ?"], [identifier])

    def move(self, kind: str, source: str, charge: Object, amount: int, at: int) -> None:
        """Write down that money moved; raises sqlite3.IntegrityError when it would move twice."""
        statement = """insert into movement (kind, source, charge, payment_intent, amount, currency, at)
                       values (?, ?, ?, ?, ?, ?, ?)"""
        self.connection.execute(
            statement, (kind, source, charge["id"], charge["payment_intent"], amount, charge["currency"], at)
        )

    def movements(self, limit: int = -1) -> list[sqlite3.Row]:
        """The latest, oldest first, with the checkout session and the metadata of their payment."""
        return self.connection.execute(MOVEMENTS, (limit,)).fetchall()[::-1]

    def balances(self) -> dict[str, int]:
        """What the account holds of each currency."""
        rows = self.connection.execute("select currency, sum(amount) from movement group by currency order by currency")
        return {str(currency): int(total) for currency, total in rows}

    def entered(self) -> dict[str, tuple[int, int]]:
        """What stands in the account's statement, by currency: before and after fees."""
        rows = self.connection.execute(
            """select json_extract(body, '$.currency'), sum(json_extract(body, '$.amount')),
                      sum(json_extract(body, '$.net'))
               from object where kind = 'balance_transaction' group by 1 order by 1"""
        )
        return {str(currency): (int(amount), int(net)) for currency, amount, net in rows}

    def kept_answer(self, key: str, since: int) -> sqlite3.Row | None:
        statement = "select * from kept_answer where key = ? and at > ?"
        found: sqlite3.Row | None = self.connection.execute(statement, (key, since)).fetchone()
        return found

    def keep_answer(
        self, key: str, operation: str, fingerprint: str, request_id: str, status: int, body: str, at: int
    ) -> None:
        self.connection.execute(
            "insert or replace into kept_answer values (?, ?, ?, ?, ?, ?, ?)",
            (key, operation, fingerprint, request_id, status, body, at),
        )

    def forget_answers(self, until: int) -> None:
        self.connection.execute("delete from kept_answer where at <= ?", (until,))
