"""JSON Schemas as comparable values: what does not change which data fit is away, and one meaning has one spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]

_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "deprecated", "discriminator"})


def plain(schema: Mapping[str, Any]) -> Schema:
    """The schema with its references written out and its annotations left out; `default` stays, for it has a meaning.

    Raises ValueError when the schema refers to itself.
    """
    return _plain(schema, schema.get("$defs", {}), ())


def closed(schema: Schema) -> Schema:
    """The schema of what is written by somebody who knows these fields: objects have no others."""
    found = _inside(schema, closed)
    if "properties" in found and not isinstance(found.get("additionalProperties"), dict):
        found["additionalProperties"] = False
    return found


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any], within: tuple[str, ...]) -> Schema:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name in within:
            raise ValueError(f"{name}: lược đồ tự chứa mình · the schema refers to itself")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _plain({**definitions[name], **beside}, definitions, (*within, name))
    kept = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    if "oneOf" in kept:
        # A union with a discriminator: its branches exclude each other, so that both words mean the same.
        kept["anyOf"] = kept.pop("oneOf")
    return _inside(kept, lambda each: _plain(each, definitions, within))


def _inside(schema: Mapping[str, Any], change: Callable[[Schema], Schema]) -> Schema:
    """The schema with each schema that stands directly in it changed."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {name: change(each) for name, each in found["properties"].items()}
    for key in {"anyOf", "prefixItems"} & found.keys():
        found[key] = [change(each) for each in found[key]]
    for key in {"items", "additionalProperties"} & found.keys():
        if isinstance(found[key], dict):
            found[key] = change(found[key])
    return found
