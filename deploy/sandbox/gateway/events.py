"""Events: what happened, told to every webhook endpoint that wants to hear it, and listed by the API."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gateway import identifiers
from deploy.sandbox.gateway.errors import missing
from deploy.sandbox.gateway.lists import page
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import EXPAND, PAGE, Values, array, refusing, text
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.versions import shown
from deploy.sandbox.gateway.work import Work


def emit(work: Work, kind: str, value: Object, before: Values | None = None) -> None:
    """Write the event down and owe it to the endpoints, all within the transaction that made it happen.

    `before` has the former values of what an update changed.
    """
    data: dict[str, Any] = {"object": shown(work.store, value, work.settings.api_version)}
    if before:
        data["previous_attributes"] = before
    identifier = identifiers.new("event")
    event: Object = {
        "id": identifier,
        "object": "event",
        "api_version": work.settings.api_version,
        "created": work.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": work.cause.request_id, "idempotency_key": work.cause.key},
        "type": kind,
    }
    work.store.insert(event)
    for endpoint in work.store.select("webhook_endpoint", order="asc"):
        if endpoint["status"] == "enabled" and wants(endpoint, kind):
            work.deliveries.append(work.queue.add_delivery(identifier, kind, endpoint["id"], work.moment))


def wants(endpoint: Object, kind: str) -> bool:
    return "*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"]


def changed(before: Object, after: Object) -> Values:
    """The former values of the members that differ, as `previous_attributes` has them."""
    return {name: before.get(name) for name in after if not name.startswith("_") and before.get(name) != after[name]}


def current(work: Work, event: Object) -> Object:
    """The event with the number of endpoints that have not accepted it yet."""
    return {**event, "pending_webhooks": work.queue.pending_webhooks(event["id"])}


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    event = work.store.find("event", identifier)
    if event is None:
        raise missing("event", identifier, "id")
    return current(work, event)


def index(work: Work, values: Values, _: str) -> Object:
    conditions: list[str] = []
    kinds = values.get("types", [values["type"]] if "type" in values else [])
    if kinds:
        conditions.append("(" + " or ".join(["json_extract(body, '$.type') glob ?"] * len(kinds)) + ")")
    found = page(work, "event", "/v1/events", values, conditions, kinds)
    return {**found, "data": [current(work, event) for event in found["data"]]}


OPERATIONS = (
    Operation("GET", "/v1/events/{id}", retrieve, EXPAND),
    Operation(
        "GET", "/v1/events", index,
        {**PAGE, "type": text(100), "types": array(text(100), 20), **refusing("delivery_success")},
    ),
)  # fmt: skip
