"""An agency's dossiers as its officers list and search them.

A dossier is in the list of the agency that has it, and, while another one has it, of the one that received it. A list is
merged from one range of an index for each status, and no range is read further than the list shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from chassis.postgres import Connection, Pool

Order = Literal["deadline", "newest"]

OPEN = (1, 2, 4, 5, 6, 7)
"""The statuses of what is still to be decided, as the indexes have them."""

# Words that many have are found among the first of a list, those that few have by the index of words. So many are looked
# at before that is known: in an index that has the words beside it, and where rows must be fetched for them.
FIRST, FIRST_FETCHED = 5_000, 500
_DEADLINE = "coalesce(least(due, result_due), 'infinity')"  # as the indexes have it
_WORDS = "(search || array_to_tsvector(array['@' || agency, '@' || handler]))"  # as well
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_AT = {"deadline": _DEADLINE, "newest": "submitted_at"}
_SORTED = {"deadline": f"order by {_DEADLINE}, code", "newest": "order by submitted_at desc, code desc"}
_MERGED = {"deadline": "order by at, code", "newest": "order by at desc, code desc"}
_SHOWN = """
select code, procedure, procedure_name, agency, agency_name, handler, handler_name, department, officer, status, since,
    due, result_due, submitted_at, version, form -> 'applicant' ->> 'name' as applicant, stages -> stage ->> 'name' as task
from dossier where code = any($1::text[])"""


class Span(NamedTuple):
    """Deadlines from `since` to `until`, both among them; without `until` also what has no deadline.

    `few` says that only few of the open dossiers have such a one.
    """

    since: datetime | None
    until: datetime | None
    few: bool


@dataclass(frozen=True)
class Asked:
    """What is listed: dossiers of an agency in some statuses; those of a department or an officer while it has them.

    `words` is a tsquery. `span` and the order by deadline are for open statuses only. Behind `after`, the last one seen:
    its deadline (None: it has none) or when it was submitted, and its code.
    """

    agency: str
    statuses: tuple[int, ...]
    order: Order
    department: str | None = None
    officer: str | None = None
    unassigned: bool = False
    procedure: str | None = None
    span: Span | None = None
    words: str | None = None
    after: tuple[datetime | None, str] | None = None

    @property
    def is_gathered(self) -> bool:
        """Whether the few of a span are gathered and sorted: in the order that is asked for they lie scattered."""
        return self.order == "newest" and self.span is not None and self.span.few

    @property
    def looks_at(self) -> int:
        """How many of the list are looked at for words before the index of words is asked."""
        filters = sum(each is not None for each in (self.department, self.officer, self.procedure))
        beside = filters <= 1 if self.order == "deadline" else filters == 0 and self.span is None
        return FIRST if beside and (not self.unassigned or self.order == "deadline") else FIRST_FETCHED


class Listed(NamedTuple):
    """A dossier in a list, with what it is sorted by there."""

    row: dict[str, Any]
    at: datetime | None


class Statement:
    """The text of a question and what it is given."""

    def __init__(self, asked: Asked, limit: int) -> None:
        self._asked, self.given = asked, list[Any]()
        self._agency, self._limit = self._value(asked.agency, "text"), self._value(limit, "int")
        where = [self._behind()]
        for column, value in (
            ("department", asked.department),
            ("officer", asked.officer),
            ("procedure", asked.procedure),
        ):
            if value is not None:
                where.append(f"{column} = {self._value(value, 'text')}")
        if asked.unassigned:
            where.append("officer is null")
        if asked.span is not None:
            where += self._spanned(asked.span)
        self._where = where
        self._words = None if asked.words is None else f"{self._value(asked.words, 'text')}::tsquery"

    def in_order(self) -> str:
        """The first of the list, with what they are sorted by."""
        more = [] if self._words is None else [f"search @@ {self._words}"]
        ends = "" if self._asked.is_gathered else f" {_SORTED[self._asked.order]} limit {self._limit}"
        return self._shown(self._ranges("code", more, ends))

    def among_first(self) -> str:
        """Those with the words that are among the first of the list, and how many were looked at."""
        looks_at = self._value(self._asked.looks_at, "int")
        merged = _MERGED[self._asked.order]
        first = self._ranges("code, search", [], f" {_SORTED[self._asked.order]} limit {looks_at}")
        return "\n".join(
            [
                f"with first as materialized (select * from ({first}) as listed {merged} limit {looks_at}),",
                f"hit as (select code, at from first where search @@ {self._words} {merged} limit {self._limit})",
                f"select array(select (code, nullif(at, 'infinity')) from hit {merged}), (select count(*) from first)",
            ]
        )

    def by_words(self) -> str:
        """The first of the list with the words, from all that have them."""
        statuses = self._value(list(self._asked.statuses), "smallint[]")
        where = [
            f"{_WORDS} @@ (quote_literal('@' || {self._agency})::tsquery && {self._words})",
            f"status = any({statuses})",
            f"{self._agency} = handler" if self._is_own else f"{self._agency} in (agency, handler)",
            *self._where,
        ]
        return self._shown(f"select code, {_AT[self._asked.order]} as at from dossier where {' and '.join(where)}")

    @property
    def _is_own(self) -> bool:
        """Departments and officers are those of the agency that has the dossier."""
        asked = self._asked
        return asked.unassigned or asked.department is not None or asked.officer is not None

    def _ranges(self, columns: str, more: Sequence[str], ends: str) -> str:
        sources = [f"handler = {self._agency}"]
        if not self._is_own:
            sources.append(f"agency = {self._agency} and handler <> agency")
        is_open = [f"status in ({', '.join(map(str, OPEN))})"] if set(self._asked.statuses) <= set(OPEN) else []
        ranges = []
        for status in self._asked.statuses:
            for source in sources:
                where = " and ".join([source, f"status = {int(status)}", *is_open, *self._where, *more])
                ranges.append(f"(select {columns}, {_AT[self._asked.order]} as at from dossier where {where}{ends})")
        return "\nunion all ".join(ranges)

    def _shown(self, found: str) -> str:
        merged = _MERGED[self._asked.order]
        return f"select code, nullif(at, 'infinity') as moment from ({found}) as found {merged} limit {self._limit}"

    def _spanned(self, span: Span) -> list[str]:
        since = self._value(span.since or _EARLIEST, "timestamptz")
        until = f"coalesce({self._value(span.until, 'timestamptz')}, 'infinity')"
        if self._asked.order == "newest" and not span.few:
            # Most are in the span: the newest are read in their order, so in words that no index of deadlines has.
            return [f"(least(due, result_due) between {since} and {until}) is not false"]
        return [f"{_DEADLINE} >= {since}", f"{_DEADLINE} <= {until}"]

    def _behind(self) -> str:
        by_deadline = self._asked.order == "deadline"
        moment, code = self._asked.after or (_EARLIEST if by_deadline else None, "")
        place = f"(coalesce({self._value(moment, 'timestamptz')}, 'infinity'), {self._value(code, 'text')})"
        return f"({_AT[self._asked.order]}, code) {'>' if by_deadline else '<'} {place}"

    def _value(self, value: Any, kind: str) -> str:
        self.given.append(value)
        return f"${len(self.given)}::{kind}"


async def page(pool: Pool, asked: Asked, limit: int) -> list[Listed]:
    """The first dossiers of a list, at most `limit`."""
    async with pool.acquire() as connection:
        found = await _found(connection, asked, limit)
        rows = await connection.fetch(_SHOWN, [code for code, _ in found])
    shown = {row["code"]: dict(row) for row in rows}
    return [Listed(shown[code], at) for code, at in found]


async def _found(connection: Connection, asked: Asked, limit: int) -> Sequence[Any]:
    statement = Statement(asked, limit)
    if asked.words is None or asked.is_gathered:
        return await connection.fetch(statement.in_order(), *statement.given)
    ((hits, looked),) = await connection.fetch(statement.among_first(), *statement.given)
    if len(hits) == limit or looked < asked.looks_at:
        found: Sequence[Any] = hits
        return found
    statement = Statement(asked, limit)
    return await connection.fetch(statement.by_words(), *statement.given)
