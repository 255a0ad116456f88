"""Numbers without gap or duplicate: drawn last in the transaction that uses them, under the row lock of their series.

Transactions that draw from one series commit one after the other. So draws of a batch are made in one statement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from chassis.postgres import Connection

_DRAW = """
insert into series (name, last) select * from unnest($1::text[], $2::bigint[]) as wanted(name, many) order by name
on conflict (name) do update set last = series.last + excluded.last returning name, last"""


async def draw(connection: Connection, names: Iterable[str]) -> Iterator[int]:
    """The next number of each of these series, in their order; a series begins with 1."""
    wanted = list(names)
    many = Counter(wanted)
    rows = await connection.fetch(_DRAW, list(many), list(many.values()))
    next_of = {row["name"]: row["last"] - many[row["name"]] for row in rows}
    return _counted(wanted, next_of)


def _counted(wanted: Iterable[str], next_of: dict[str, int]) -> Iterator[int]:
    for name in wanted:
        next_of[name] += 1
        yield next_of[name]
