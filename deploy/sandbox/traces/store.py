"""Spans in SQLite, with an index of their tags, bounded by age and number. The only SQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.kit.storage import open_storage
from deploy.sandbox.traces.query import Query
from deploy.sandbox.traces.spans import Span

SCHEMA = """
create table if not exists trace (
  number integer primary key, id text not null unique, started integer not null, rooted integer not null);
create index if not exists trace_by_start on trace (started);
create table if not exists span (
  trace integer not null references trace, id text not null, service text not null,
  name text not null, started integer not null, duration integer not null, body text not null,
  unique (trace, id, service));
create index if not exists span_by_service on span (service, name);
create table if not exists tag (
  key text not null, value text not null, trace integer not null, service text not null,
  primary key (key, value, trace, service)) without rowid;
create index if not exists tag_by_trace on tag (trace);
"""
ADD_TRACE = """
insert into trace (id, started, rooted) values (?, ?, ?)
on conflict (id) do update set rooted = max(rooted, excluded.rooted), started = case
  when excluded.rooted > rooted then excluded.started
  when excluded.rooted < rooted then started
  else min(started, excluded.started) end
returning number"""
FIND = """
select number from trace t where t.started > ?1 and t.started <= ?2
and (?3 is null or exists (select 1 from span s where s.trace = t.number and s.service = ?3))
and (?4 is null and ?5 is null or exists (
  select 1 from span s where s.trace = t.number and (?3 is null or s.service = ?3)
  and (?4 is null or s.name = ?4) and s.duration >= coalesce(?5, 0)))
"""
TAGGED = """
and t.number in (select trace from tag where key = ? and (? = '' or value = ?) and (? is null or service = ?))
"""
NEWEST = "order by t.started desc limit ?"
PRUNED_AT_ONCE = 20


@dataclass(frozen=True)
class Store:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Store:
        return cls(open_storage(data / "traces.sqlite", SCHEMA))

    def add(self, spans: Sequence[Span]) -> None:
        """Keep all or none; a span sent twice is kept once, as it came last."""
        with self.connection:
            self.connection.execute("begin")
            traces = self._traces(spans)
            self.connection.executemany(
                "insert or replace into span values (?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        traces[span.trace_id],
                        span.span_id,
                        span.service,
                        span.name,
                        span.started,
                        span.duration,
                        span.body,
                    )
                    for span in spans
                ),
            )
            self.connection.executemany(
                "insert or ignore into tag values (?, ?, ?, ?)",
                ((key, value, traces[span.trace_id], span.service) for span in spans for key, value in span.tags),
            )

    def _traces(self, spans: Sequence[Span]) -> dict[str, int]:
        """The number of each trace.

        A trace starts with its root, or else with its first span (as Zipkin has it); without any time, now.
        """
        now, starts = time.time_ns() // 1000, dict[str, tuple[bool, int]]()
        for span in spans:
            rooted, started = starts.get(span.trace_id, (False, now))
            if span.root and span.started:
                starts[span.trace_id] = (True, span.started)
            elif not rooted:
                starts[span.trace_id] = (False, min(started, span.started or now))
        return {
            trace_id: self.connection.execute(ADD_TRACE, (trace_id, started, rooted)).fetchall()[0]["number"]
            for trace_id, (rooted, started) in starts.items()
        }

    def trace(self, trace_id: str) -> list[str]:
        """The spans of a trace as JSON texts, in order of time; empty when it is unknown."""
        rows = self.connection.execute(
            "select body from span where trace = (select number from trace where id = ?) order by started", (trace_id,)
        )
        return [row["body"] for row in rows]

    def find(self, query: Query) -> list[list[str]]:
        """The spans of the newest traces that meet the query."""
        statement = FIND + TAGGED * len(query.tags) + NEWEST
        values: list[object] = [
            (query.end - query.lookback) * 1000,
            query.end * 1000 + 999,
            query.service,
            query.span,
            query.shortest,
        ]
        for key, value in query.tags:
            values += [key, value, value, query.service, query.service]
        numbers = [row["number"] for row in self.connection.execute(statement, [*values, query.limit])]
        return [
            [
                row["body"]
                for row in self.connection.execute("select body from span where trace = ? order by started", (n,))
            ]
            for n in numbers
        ]

    def services(self) -> list[str]:
        rows = self.connection.execute("select distinct service from span where service <> '' order by service")
        return [row["service"] for row in rows]

    def span_names(self, service: str) -> list[str]:
        rows = self.connection.execute(
            "select distinct name from span where service = ? and name <> '' order by name", (service.lower(),)
        )
        return [row["name"] for row in rows]

    def used_bytes(self) -> int:
        """The size of what is kept; pages given back are used again."""
        pages, free, size = (
            self.connection.execute(f"pragma {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def prune(self, oldest: int, most_bytes: int) -> int:
        """Forget a handful of the oldest traces: those begun before `oldest` (microseconds), or any if over the size.

        Answers how many were forgotten, so that a caller can let others work between two handfuls.
        """
        before = 2**62 if self.used_bytes() > most_bytes else oldest
        numbers = self.connection.execute(
            "select number from trace where started < ? order by started limit ?", (before, PRUNED_AT_ONCE)
        ).fetchall()
        with self.connection:
            self.connection.execute("begin")
            self.connection.executemany("delete from tag where trace = ?", numbers)
            self.connection.executemany("delete from span where trace = ?", numbers)
            self.connection.executemany("delete from trace where number = ?", numbers)
        return len(numbers)
