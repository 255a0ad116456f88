"""What an operation accepts, as data: a check for each documented parameter.

A check turns the text of the form into a value, or raises the error that Stripe documents. Parameters that Stripe
knows and this gateway does not act on are refused by `refusing`: nothing that a caller asks for is dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from deploy.sandbox.gateway import money
from deploy.sandbox.gateway.errors import invalid
from deploy.sandbox.gateway.form import FormError, Tree, as_list

Values = dict[str, Any]
Check = Callable[[Tree, str], Any]


def text(maximum: int = 5000, choices: Iterable[str] = (), *, unset: bool = False) -> Check:
    """A text, perhaps one of `choices`; with `unset` an empty one means none (the value is None)."""
    allowed = tuple(choices)

    def check(tree: Tree, name: str) -> str | None:
        if not isinstance(tree, str):
            raise invalid(f"Invalid string: {tree!r}", name)
        if tree == "":
            if unset:
                return None
            raise invalid(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
                "supply a non-empty value.", name, "parameter_invalid_empty",
            )  # fmt: skip
        if allowed and tree not in allowed:
            raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", name)
        if len(tree) > maximum:
            raise invalid(f"Invalid string: {tree[:20]}…; must be at most {maximum} characters", name)
        return tree

    return check


def integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    """A whole number within bounds."""

    def check(tree: Tree, name: str) -> int:
        if not isinstance(tree, str) or not tree.removeprefix("-").isdecimal() or len(tree) > 18:
            raise invalid(f"Invalid integer: {tree}", name, "parameter_invalid_integer")
        value = int(tree)
        if minimum is not None and value < minimum:
            raise invalid(f"This value must be greater than or equal to {minimum}.", name, "parameter_invalid_integer")
        if maximum is not None and value > maximum:
            raise invalid(f"This value must be less than or equal to {maximum}.", name, "parameter_invalid_integer")
        return value

    return check


def boolean(tree: Tree, name: str) -> bool:
    if tree not in ("true", "false"):
        raise invalid(f"Invalid boolean: {tree}", name)
    return tree == "true"


def currency(tree: Tree, name: str) -> str:
    """A three-letter code in lower case; Stripe takes upper case too."""
    value = tree.lower() if isinstance(tree, str) else ""
    if value not in money.DECIMALS:
        raise invalid(f"Invalid currency: {tree}. Supported currencies are: {', '.join(sorted(money.DECIMALS))}", name)
    return value


def url(tree: Tree, name: str) -> str:
    """An absolute address of the web."""
    try:
        parts = urlsplit(tree) if isinstance(tree, str) else urlsplit("")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not isinstance(tree, str) or not good or len(tree) > 5000 or any(ord(letter) <= 32 for letter in tree):
        raise invalid("Not a valid URL", name, "url_invalid")
    return tree


def email(tree: Tree, name: str) -> str | None:
    """An address with one @ in the middle; empty unsets."""
    if tree == "":
        return None
    if not isinstance(tree, str) or tree.count("@") != 1 or not all(tree.split("@")) or len(tree) > 512:
        raise invalid(f"Invalid email address: {tree}", name, "email_invalid")
    return tree


def metadata(tree: Tree, name: str) -> dict[str, str]:
    """At most 50 keys of 40 characters with values of 500; an empty value removes its key, an empty text all keys."""
    if tree == "":
        return {"": ""}
    if not isinstance(tree, dict):
        raise invalid("Invalid metadata: must be a hash", name)
    if len(tree) > 50:
        raise invalid("You can only set up to 50 metadata keys.", name)
    for key, value in tree.items():
        if not isinstance(value, str):
            raise invalid("Metadata values must be strings.", f"{name}[{key}]")
        if len(key) > 40 or len(value) > 500:
            raise invalid("Metadata keys can be up to 40 characters and values up to 500.", f"{name}[{key}]")
    return {key: str(value) for key, value in tree.items()}


def array(item: Check, maximum: int = 100) -> Check:
    """A list of what `item` checks."""

    def check(tree: Tree, name: str) -> list[Any]:
        try:
            items = as_list(tree)
        except FormError as error:
            raise invalid(f"{error}: {name}", name) from error
        if len(items) > maximum:
            raise invalid(f"{name} can have at most {maximum} items.", name)
        return [item(value, f"{name}[{index}]") for index, value in enumerate(items)]

    return check


def fields(accepted: Mapping[str, Check], required: Iterable[str] = ()) -> Check:
    """A hash of these members and no others."""
    needed = tuple(required)

    def check(tree: Tree, name: str) -> Values:
        if not isinstance(tree, dict):
            raise invalid(f"Invalid hash: {name}", name)
        return _members(accepted, needed, tree, lambda member: f"{name}[{member}]")

    return check


def one_of(first: Check, second: Check) -> Check:
    """`first` for a text, `second` for a hash or list."""
    return lambda tree, name: first(tree, name) if isinstance(tree, str) else second(tree, name)


def not_simulated(_: Tree, name: str) -> Any:
    raise invalid(f"This gateway knows the parameter {name} but does not act on it; leave it out.", name)


def refusing(*names: str) -> dict[str, Check]:
    """Parameters that Stripe knows and this gateway refuses by name."""
    return dict.fromkeys(names, not_simulated)


def check(accepted: Mapping[str, Check], required: Iterable[str], tree: dict[str, Tree]) -> Values:
    """The parameters of a request, each checked; raises ApiError for an unknown, missing or wrong one."""
    return _members(accepted, tuple(required), tree, lambda member: member)


def _members(
    accepted: Mapping[str, Check], needed: tuple[str, ...], tree: dict[str, Tree], full: Callable[[str], str]
) -> Values:
    values: Values = {}
    for member, value in tree.items():
        if member not in accepted:
            raise invalid(f"Received unknown parameter: {full(member)}", full(member), "parameter_unknown")
        values[member] = accepted[member](value, full(member))
    for member in needed:
        if member not in values:
            raise invalid(f"Missing required param: {full(member)}.", full(member), "parameter_missing")
    return values


CREATED = one_of(integer(0), fields(dict.fromkeys(("gt", "gte", "lt", "lte"), integer(0))))
EXPAND: Mapping[str, Check] = {"expand": array(text(200), 20)}
PAGE: Mapping[str, Check] = {
    **EXPAND,
    "limit": integer(1, 100),
    "starting_after": text(200),
    "ending_before": text(200),
    "created": CREATED,
}


def merged(before: Mapping[str, str], change: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata after a change: an empty value removes its key, the key "" stands for all."""
    if change is None:
        return dict(before)
    if "" in change:
        return {}
    return {key: value for key, value in {**before, **change}.items() if value}
