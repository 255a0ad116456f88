"""Customers: create, retrieve, update, delete, list."""

from __future__ import annotations

from deploy.sandbox.gateway import identifiers
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.errors import missing
from deploy.sandbox.gateway.events import changed, emit
from deploy.sandbox.gateway.lists import page, where_equal
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import Check, Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

ADDRESS = take.fields(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), take.text(500, unset=True))
)
MEMBERS: dict[str, Check] = {
    "address": ADDRESS,
    "description": take.text(unset=True),
    "email": take.email,
    "metadata": take.metadata,
    "name": take.text(256, unset=True),
    "phone": take.text(20, unset=True),
    "preferred_locales": take.array(take.text(20), 10),
    **take.refusing("balance", "business_name", "cash_balance", "default_source", "individual_name", "invoice_prefix", "invoice_settings", "next_invoice_sequence", "payment_method", "shipping", "source", "tax", "tax_exempt", "tax_id_data", "test_clock", "validate"),
}  # fmt: skip
COPIED = ("address", "description", "email", "name", "phone", "preferred_locales")


def named(work: Work, identifier: str | None) -> str | None:
    """The id when there is such a customer, None when none is named; raises ApiError."""
    if identifier is None:
        return None
    return str(found(work, identifier, "customer")["id"])


def found(work: Work, identifier: str, param: str = "id") -> Object:
    customer = work.store.find("customer", identifier)
    if customer is None or customer.get("deleted"):
        raise missing("customer", identifier, param)
    return customer


def create(work: Work, values: Values, _: str) -> Object:
    customer = {
        "id": identifiers.new("customer"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": work.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": identifiers.new("request")[4:12].upper(),
        "invoice_settings": dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options")),
        "livemode": False,
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **{name: values[name] for name in COPIED if name in values},
        "metadata": take.merged({}, values.get("metadata")),
    }
    emit(work, "customer.created", work.store.insert(customer))
    return customer


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    customer = work.store.find("customer", identifier)
    if customer is None:
        raise missing("customer", identifier, "id")
    return customer


def update(work: Work, values: Values, identifier: str) -> Object:
    customer, before = found(work, identifier), found(work, identifier)
    customer |= {name: values[name] for name in COPIED if name in values}
    customer["metadata"] = take.merged(customer["metadata"], values.get("metadata"))
    if difference := changed(before, customer):
        emit(work, "customer.updated", work.store.save(customer), difference)
    return customer


def delete(work: Work, _: Values, identifier: str) -> Object:
    emit(work, "customer.deleted", found(work, identifier))
    return work.store.save({"id": identifier, "object": "customer", "deleted": True})


def index(work: Work, values: Values, _: str) -> Object:
    conditions, arguments = where_equal(values, "email")
    conditions.append("json_extract(body, '$.deleted') is null")
    return page(work, "customer", "/v1/customers", values, conditions, arguments)


OPERATIONS = (
    Operation("POST", "/v1/customers", create, {**take.EXPAND, **MEMBERS}),
    Operation("GET", "/v1/customers", index, {**take.PAGE, "email": take.text(512), **take.refusing("test_clock")}),
    Operation("GET", "/v1/customers/{id}", retrieve, take.EXPAND),
    Operation("POST", "/v1/customers/{id}", update, {**take.EXPAND, **MEMBERS}),
    Operation("DELETE", "/v1/customers/{id}", delete, {}),
)
