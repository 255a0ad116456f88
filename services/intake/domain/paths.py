"""Values in a form by their dotted path. A path that meets a list goes on in each of its elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.intake.domain.procedure import When

Place = tuple[str | int, ...]


def places(form: Any, path: str) -> list[tuple[Place, Any]]:
    """Every value at this path, with its place; a list at its end counts as its elements."""
    parts, value = tuple(path.split(".")), form
    for part in parts:  # most forms have no lists: this way is short
        if not isinstance(value, dict):
            break
        if part not in value:
            return []
        value = value[part]
    else:
        if not isinstance(value, list):
            return [(parts, value)]
    return list(_under(form, (), parts))


def beside(form: Any, path: str, place: Place) -> tuple[Place, Any] | None:
    """What stands at this path and belongs to `place`, being in the same elements of the same lists; with its own place."""
    value: Any = form
    found: Place = ()
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value, found = value[part], (*found, part)
        while isinstance(value, list):
            index = place[len(found)] if len(found) < len(place) else None
            if not isinstance(index, int) or index >= len(value):
                return None
            value, found = value[index], (*found, index)
    return found, value


def put(form: Any, place: Place, value: Any) -> None:
    """Puts a value in the place of the one that stands there."""
    for part in place[:-1]:
        form = form[part]
    form[place[-1]] = value


def met(when: When, form: Any) -> bool:
    """Whether the condition holds. A number never equals a truth value."""
    wanted = {(type(each), each) for each in when.one_of}
    return any(
        not wanted or (type(value), value) in wanted
        for _, value in places(form, when.field)
        if isinstance(value, str | int | float | bool) or not wanted
    )


def dotted(place: Place) -> str:
    return ".".join(map(str, place))


def _under(value: Any, place: Place, rest: tuple[str, ...]) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _under(each, (*place, index), rest)
    elif not rest:
        yield place, value
    elif isinstance(value, dict) and rest[0] in value:
        yield from _under(value[rest[0]], (*place, rest[0]), rest[1:])
