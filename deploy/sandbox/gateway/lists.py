"""Cursor lists: newest first, `limit`, `starting_after`, `ending_before`, `has_more`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deploy.sandbox.gateway.errors import invalid, missing
from deploy.sandbox.gateway.parameters import Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

COMPARED = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def page(
    work: Work, kind: str, url: str, values: Values, conditions: Sequence[str] = (), arguments: Sequence[Any] = ()
) -> Object:
    """One page of the objects of a kind; `conditions` narrow them (SQL with `arguments`)."""
    limit = values.get("limit", 10)
    after, before = values.get("starting_after"), values.get("ending_before")
    if after is not None and before is not None:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.", "starting_after")
    where, given = [*conditions], [*arguments]
    created = values.get("created", {})
    for name, bound in created.items() if isinstance(created, dict) else [("", created)]:
        where.append(f"json_extract(body, '$.created') {COMPARED.get(name, '=')} ?")
        given.append(bound)
    if after is not None:
        where.append("position < ?")
        given.append(_position(work, kind, after, "starting_after"))
    if before is not None:
        where.append("position > ?")
        given.append(_position(work, kind, before, "ending_before"))
    found = work.store.select(kind, where, given, "asc" if before is not None else "desc", limit + 1)
    data = found[:limit] if before is None else found[:limit][::-1]
    return {"object": "list", "url": url, "has_more": len(found) > limit, "data": data}


def where_equal(values: Values, *names: str) -> tuple[list[str], list[Any]]:
    """Conditions for the parameters that are given, each compared with the member of its name."""
    given = [name for name in names if name in values]
    return [f"json_extract(body, '$.{name}') = ?" for name in given], [values[name] for name in given]


def _position(work: Work, kind: str, identifier: str, param: str) -> int:
    position = work.store.position(kind, identifier)
    if position is None:
        raise missing(kind, identifier, param)
    return position
