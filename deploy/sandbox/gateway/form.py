"""Form encoding with brackets, as Stripe's API reads it: `metadata[order]=7`, `expand[]=customer`, `items[0][price]=x`."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

Tree = str | list["Tree"] | dict[str, "Tree"]
"""What a form holds: texts, lists (written `[]`) and hashes; a list written `[0]`, `[1]` is still a hash here."""

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
DEEPEST = 12
MOST_FIELDS = 2_000


class FormError(ValueError):
    """The form cannot be read; the message says which name is at fault."""


def decode(text: str) -> dict[str, Tree]:
    """Read a body or a query. A name given twice keeps its last value; raises FormError."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise FormError(f"Invalid form: {error}") from error
    root: dict[str, Tree] = {}
    for name, value in pairs:
        _place(root, _path(name), value, name)
    return root


def as_list(tree: Tree) -> list[Tree]:
    """The items of a list, written either way; raises FormError for anything else."""
    if isinstance(tree, list):
        return tree
    if isinstance(tree, dict) and all(key.isascii() and key.isdigit() for key in tree):
        return [tree[key] for key in sorted(tree, key=int)]
    raise FormError("Invalid array")


def _path(name: str) -> list[str]:
    match = NAME.fullmatch(name)
    if match is None:
        raise FormError(f"Invalid parameter name: {name}")
    path = [match[1], *match[2][1:-1].split("][")] if match[2] else [match[1]]
    if len(path) > DEEPEST:
        raise FormError(f"Invalid parameter name: {name} is nested too deeply")
    return path


def _place(node: dict[str, Tree], path: list[str], value: str, name: str) -> None:
    key, rest = path[0], path[1:]
    if not rest:
        if isinstance(node.get(key, ""), (list, dict)):
            raise FormError(f"Invalid parameter: {name} is a value and a hash or list at once")
        node[key] = value
    elif rest[0] == "":
        items = node.setdefault(key, [])
        if not isinstance(items, list):
            raise FormError(f"Invalid parameter: {name} is a list and something else at once")
        _append(items, rest[1:], value, name)
    else:
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise FormError(f"Invalid parameter: {name} is a hash and something else at once")
        _place(child, rest, value, name)


def _append(items: list[Tree], rest: list[str], value: str, name: str) -> None:
    """`a[]=x` adds a text; `a[][b]=x` fills the last hash, or starts the next where it already has `b`."""
    if not rest:
        items.append(value)
        return
    if rest[0] == "":
        raise FormError(f"Invalid parameter name: {name} is a list of lists")
    last = items[-1] if items else None
    if not isinstance(last, dict) or (rest[0] in last and len(rest) == 1):
        last = {}
        items.append(last)
    _place(last, rest, value, name)
