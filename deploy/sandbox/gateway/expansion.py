"""`expand[]`: an id in an answer becomes the object it stands for, up to four levels deep."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gateway.errors import invalid
from deploy.sandbox.gateway.store import Object, Store
from deploy.sandbox.gateway.versions import refunds, shown

KINDS = {
    "payment_intent": {"customer": "customer", "latest_charge": "charge", "payment_method": "payment_method"},
    "charge": {
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
    },
    "checkout.session": {"customer": "customer", "payment_intent": "payment_intent"},
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
    },
    "balance_transaction": {"source": ""},
    "payment_method": {"customer": "customer"},
}
"""Which members of which kind hold the id of which kind; a balance transaction's source is a charge or a refund."""
DEEPEST = 4


def expanded(store: Store, value: Object, paths: list[str], version: str) -> Object:
    """The answer with each path filled in; raises ApiError for a member that cannot be."""
    if value.get("object") == "list":
        return {**value, "data": [_one(store, item, _within(paths), version) for item in value["data"]]}
    return _one(store, value, paths, version)


def _within(paths: list[str]) -> list[str]:
    for path in paths:
        if not path.startswith("data."):
            raise _refused(path)
    return [path.removeprefix("data.") for path in paths]


def _one(store: Store, value: Object, paths: list[str], version: str) -> Object:
    answer = shown(store, value, version)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property: {path}", "expand")
        _fill(store, answer, steps, path, version)
    return answer


def _fill(store: Store, node: Object, steps: list[str], path: str, version: str) -> None:
    name, rest = steps[0], steps[1:]
    held = node.get(name)
    if node["object"] == "charge" and name == "refunds":
        node[name] = refunds(store, node)
        held = node[name]
    elif node["object"] == "checkout.session" and name == "line_items":
        held = node[name] = line_items(store, node["id"])
    elif name in KINDS.get(node["object"], {}):
        if isinstance(held, str):
            kind = KINDS[node["object"]][name] or ("charge" if held.startswith("ch_") else "refund")
            found = store.find(kind, held)
            held = node[name] = None if found is None else shown(store, found, version)
    else:
        raise _refused(path)
    if rest and isinstance(held, dict):
        below = held["data"] if held.get("object") == "list" else [held]
        deeper = rest[1:] if held.get("object") == "list" and rest[0] == "data" else rest
        for item in below if deeper else []:
            _fill(store, item, deeper, path, version)


def line_items(store: Store, session: str) -> Object:
    """What a checkout session sells."""
    items: list[dict[str, Any]] = [shown(store, item, "") for item in store.get("checkout.session", session)["_items"]]
    return {"object": "list", "data": items, "has_more": False, "url": f"/v1/checkout/sessions/{session}/line_items"}


def _refused(path: str) -> Exception:
    return invalid(
        f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
        if not path.startswith("data.") else f"This property cannot be expanded ({path}).", "expand",
    )  # fmt: skip
