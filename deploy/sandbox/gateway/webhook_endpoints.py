"""Webhook endpoints: who wants to hear of which events. One may come from the environment, others over the API."""

from __future__ import annotations

import secrets

from deploy.sandbox.gateway import identifiers
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.errors import invalid, missing
from deploy.sandbox.gateway.form import Tree
from deploy.sandbox.gateway.lists import page
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import Check, Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

MOST = 16
FROM_ENVIRONMENT = "we_environment"


def address(tree: Tree, name: str) -> str:
    """Where webhooks go: a URL in ASCII, as it stands in an HTTP request."""
    value = take.url(tree, name)
    if not value.isascii():
        raise invalid("Not a valid URL: write it in ASCII", name, "url_invalid")
    return value


MEMBERS: dict[str, Check] = {
    **take.EXPAND,
    "description": take.text(unset=True),
    "enabled_events": take.array(take.text(100), 250),
    "metadata": take.metadata,
    "url": address,
}


def endpoint(work: Work, identifier: str, where: str, events: list[str], secret: str) -> Object:
    return {
        "id": identifier,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": work.now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": where,
        "_secret": secret,
    }


def from_environment(work: Work) -> None:
    """Make the endpoint that the settings name the one that is kept; what it was owed stays owed to it."""
    where, secret = work.settings.webhook_url, work.settings.webhook_secret
    known = work.store.find("webhook_endpoint", FROM_ENVIRONMENT)
    if not where:
        if known is not None:
            _remove(work, known)
        return
    wanted = endpoint(work, FROM_ENVIRONMENT, where, ["*"], secret)
    if known is None:
        work.store.insert(wanted)
    else:
        work.store.save(known | {"url": where, "_secret": secret})


def _remove(work: Work, known: Object) -> None:
    work.store.remove(known["id"])
    work.queue.cancel_deliveries(known["id"], work.moment)


def found(work: Work, identifier: str) -> Object:
    known = work.store.find("webhook_endpoint", identifier)
    if known is None:
        raise missing("webhook endpoint", identifier, "webhook_endpoint")
    return known


def create(work: Work, values: Values, _: str) -> Object:
    """The only answer that shows the secret."""
    if len(work.store.select("webhook_endpoint")) >= MOST:
        raise invalid(f"You have reached the maximum of {MOST} test webhook endpoints.")
    if not values["enabled_events"]:
        raise invalid("You must enable at least one event.", "enabled_events", "parameter_invalid_empty")
    secret = "whsec_" + secrets.token_hex(16)
    made = endpoint(work, identifiers.new("webhook_endpoint"), values["url"], values["enabled_events"], secret)
    made |= {"description": values.get("description"), "metadata": take.merged({}, values.get("metadata"))}
    return {**work.store.insert(made), "secret": secret}


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    return found(work, identifier)


def update(work: Work, values: Values, identifier: str) -> Object:
    known = found(work, identifier)
    known |= {name: values[name] for name in ("description", "enabled_events", "url") if name in values}
    if "disabled" in values:
        known["status"] = "disabled" if values["disabled"] else "enabled"
    known["metadata"] = take.merged(known["metadata"], values.get("metadata"))
    return work.store.save(known)


def delete(work: Work, _: Values, identifier: str) -> Object:
    _remove(work, found(work, identifier))
    return {"id": identifier, "object": "webhook_endpoint", "deleted": True}


def index(work: Work, values: Values, _: str) -> Object:
    return page(work, "webhook_endpoint", "/v1/webhook_endpoints", values)


CREATE = {**MEMBERS, **take.refusing("api_version", "connect")}
OPERATIONS = (
    Operation("POST", "/v1/webhook_endpoints", create, CREATE, ("url", "enabled_events")),
    Operation("GET", "/v1/webhook_endpoints", index, take.PAGE),
    Operation("GET", "/v1/webhook_endpoints/{id}", retrieve, take.EXPAND),
    Operation("POST", "/v1/webhook_endpoints/{id}", update, {**MEMBERS, "disabled": take.boolean}),
    Operation("DELETE", "/v1/webhook_endpoints/{id}", delete, {}),
)
