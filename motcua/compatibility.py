"""Whether a reader of one schema reads what a writer of another has written, and if not, what stands in the way.

jsoncompat judges. What it must be given, and what it does not look at, is in docs/decisions/0013.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jsoncompat

from motcua.schemas import Schema, closed, plain

_STRUCTURE = frozenset({"properties", "required", "additionalProperties", "items", "prefixItems", "default", "type"})
_UNSEEN = ("pattern", "format")  # by jsoncompat

What = Literal["new", "required", "refused", "renamed", "default", "type", "whole"]


@dataclass(frozen=True)
class Break:
    """One thing at one field that keeps a reader from understanding a writer.

    `field` is a path such as `fee_lines[].amount`, "" for the whole. `what` is a JSON Schema keyword, or
    new       the reader asks for a field that the writer does not know
    required  the reader asks for a field that the writer may leave out
    refused   the reader refuses a field that it does not know
    renamed   the writer's field `written` is gone and the reader has one of the same kind, `read`
    default   both leave the field out and mean something else by it
    whole     jsoncompat says no to the whole and to no part of it
    """

    field: str
    what: What | str
    written: Any = None
    read: Any = None


def breaks(writer: Mapping[str, Any], reader: Mapping[str, Any], renames: bool = True) -> list[Break]:
    """All that keeps whoever goes by the schema `reader` from reading what is written by the schema `writer`.

    `renames` also looks for optional fields under another name. Raises ValueError for schemas that cannot be compared.
    """
    written, read = plain(writer), plain(reader)
    found = list(_Comparison(renames).node("", written, read))
    if not found and not _accepts(written, read):
        found.append(Break("", "whole"))
    return found


@dataclass(frozen=True)
class _Comparison:
    renames: bool

    def node(self, path: str, writer: Schema, reader: Schema) -> Iterator[Break]:
        """Each of the writer's alternatives must be one of the reader's."""
        written, read = _alternatives(writer), _alternatives(reader)
        if len(written) == len(read) == 1:
            yield from self._one(path, written[0], read[0])
            return
        for each in written:
            if any(not list(self._one(path, each, other)) for other in read):
                continue
            alike = [other for other in read if other.get("type") == each.get("type")]
            if len(alike) == 1:
                yield from self._one(path, each, alike[0])
            else:
                yield Break(path, "type", _type(writer), _type(reader))

    def _one(self, path: str, writer: Schema, reader: Schema) -> Iterator[Break]:
        kinds = {writer.get("type"), reader.get("type")}
        if kinds == {"object"}:
            yield from self._object(path, writer, reader)
        elif kinds == {"array"}:
            yield from self.node(f"{path}[]", writer.get("items", {}), reader.get("items", {}))
        yield from _value(path, writer, reader)

    def _object(self, path: str, writer: Schema, reader: Schema) -> Iterator[Break]:
        written, read = writer.get("properties", {}), reader.get("properties", {})
        always, asked = set(writer.get("required", ())), set(reader.get("required", ()))
        renamed = _renamed(written, read) if self.renames else {}
        for name in sorted(read.keys() - written.keys()):
            if name in renamed:
                yield Break(_at(path, name), "renamed", renamed[name], name)
            elif name in asked:
                yield Break(_at(path, name), "new")
        for name in sorted(written.keys() - read.keys() - set(renamed.values())):
            if reader.get("additionalProperties") is False:
                yield Break(_at(path, name), "refused")
        for name in (name for name in written if name in read):
            before, after = written[name].get("default"), read[name].get("default")
            if name in asked - always:
                yield Break(_at(path, name), "required")
            inside = list(self.node(_at(path, name), written[name], read[name]))
            if name not in asked | always and before != after and not inside:
                yield Break(_at(path, name), "default", before, after)
            yield from inside
        others = writer.get("additionalProperties"), reader.get("additionalProperties")
        if isinstance(others[0], dict) and isinstance(others[1], dict):
            yield from self.node(_at(path, "*"), others[0], others[1])


def _value(path: str, writer: Schema, reader: Schema) -> Iterator[Break]:
    """What stands in the way at this value itself, not inside it."""
    kind = {"type": reader["type"]} if "type" in reader else {}
    if not _accepts(_itself(writer), kind):
        yield Break(path, "type", _type(writer), _type(reader))
        return
    unseen = [name for name in _UNSEEN if name in reader and reader[name] != writer.get(name)]
    for name in unseen:
        yield Break(path, name, writer.get(name), reader[name])
    written, read = _itself(writer), _itself(reader)
    if _accepts(written, read):
        return
    differing = [name for name in sorted(written.keys() | read.keys()) if written.get(name) != read.get(name)]
    guilty = [name for name in differing if name in read and not _accepts(written, {**written, name: read[name]})]
    for name in guilty or [name for name in differing if name not in {"type", *_UNSEEN}]:
        yield Break(path, name, written.get(name), read.get(name))


def _accepts(writer: Schema, reader: Schema) -> bool:
    """Whether all that fits `writer`, and has no field that it does not name, fits `reader`. Raises ValueError."""
    written, read = json.dumps(closed(writer)), json.dumps(reader)
    return bool(jsoncompat.check_compat(written, read, jsoncompat.Role.DESERIALIZER))


def _alternatives(schema: Schema) -> list[Schema]:
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return [each for branch in schema["anyOf"] for each in _alternatives(branch)] if "anyOf" in schema else [schema]


def _itself(schema: Schema) -> Schema:
    kept = {name: value for name, value in schema.items() if name not in _STRUCTURE}
    return {**kept, "type": schema["type"]} if "type" in schema else kept


def _type(schema: Schema) -> str:
    return " | ".join(dict.fromkeys(str(each.get("type", "?")) for each in _alternatives(schema)))


def _renamed(written: Mapping[str, Schema], read: Mapping[str, Schema]) -> dict[str, str]:
    """New names in `read` by the name in `written` that each may have had: gone, and of the very same kind."""
    gone = [name for name in written if name not in read]
    found: dict[str, str] = {}
    for name in (name for name in read if name not in written):
        former = [old for old in gone if _kind(written[old]) == _kind(read[name]) and old not in found.values()]
        if former:
            found[name] = former[0]
    return found


def _kind(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name != "default"}


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
