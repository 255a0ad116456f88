"""Who looked at what."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from chassis.access import Caller
from chassis.postgres import Pool

_LOOK = "insert into look (subject, name, role, agency, what, code, asked) values ($1, $2, $3, $4, $5, $6, $7)"
_LOOKS = "select number, at, name, role, agency, what from look where code = $1 order by number"


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
