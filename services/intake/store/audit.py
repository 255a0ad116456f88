"""Who looked at what, and who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from chassis.access import Caller
from chassis.postgres import Pool

_LOOK = "insert into look (subject, name, role, agency, what, code, asked) values ($1, $2, $3, $4, $5, $6, $7)"
_LOOKS = "select number, at, name, role, agency, what from look where code = $1 order by number"
_LOOKED = "select at, 'look' as kind, number, name as by, role, agency, what, code, asked from look"
_MOVED = "select at, 'move' as kind, number, by, role, body ->> 'agency' as agency, kind as what, code, null::jsonb as asked from dossier_journal"
_BY_AGENCIES = "role in ('officer', 'agency-system')"
_LATEST = "order by at desc, number desc"


@dataclass(frozen=True)
class Period:
    """What is asked of the audit: from `since` on, before `until`, of one agency, of one officer by name."""

    since: datetime
    until: datetime
    agency: str | None = None
    officer: str | None = None


async def looked(
    pool: Pool, caller: Caller, what: str, code: str | None = None, asked: dict[str, Any] | None = None
) -> None:
    """Write down that somebody looks at a dossier, or asks for a list; before they are shown it."""
    said = to_json(asked).decode() if asked is not None else None
    await pool.execute(_LOOK, caller.subject, caller.name, caller.role, caller.agency, what, code, said)


async def looks(pool: Pool, code: str) -> list[Any]:
    """Who looked at a dossier, in order."""
    rows: list[Any] = await pool.fetch(_LOOKS, code)
    return rows


async def page(pool: Pool, period: Period, after: tuple[datetime, str, int] | None, limit: int) -> list[dict[str, Any]]:
    """Looks, and the moves of agencies, the latest first, from behind `after` = (at, kind, number)."""
    at, kind, number = after or (period.until, "", 0)
    given: list[Any] = [period.since, period.until, at, kind, number, limit]
    more_looks, more_moves = list[str](), [_BY_AGENCIES]
    for value, of_look, of_move in (
        (period.agency, "agency", "body ->> 'agency'"),
        (period.officer, "name", "by"),
    ):
        if value is not None:
            given.append(value)
            more_looks.append(f"{of_look} = ${len(given)}::text")
            more_moves.append(f"{of_move} = ${len(given)}::text")
    both = [
        _latest(_LOOKED, "look", more_looks),
        _latest(_MOVED, "move", more_moves),
    ]
    text = f"({') union all ('.join(both)}) order by at desc, kind, number desc limit $6"
    return [dict(row) for row in await pool.fetch(text, *given)]


def _latest(text: str, kind: str, more: list[str]) -> str:
    """At one moment looks come before moves, each with the latest first."""
    behind = f"(at < $3 or (at = $3 and ('{kind}' > $4::text or ('{kind}' = $4::text and number < $5::bigint))))"
    where = ["at >= $1", "at < $2", "at <= $3", behind, *more]
    return f"{text} where {' and '.join(where)} {_LATEST} limit $6"
