"""Checkout Sessions over the API: create, retrieve, update, list, expire, and their line items."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gateway import checkout, customers, identifiers, intent_parameters, versions
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway import session_parameters as accepted
from deploy.sandbox.gateway.errors import invalid, missing
from deploy.sandbox.gateway.expansion import line_items
from deploy.sandbox.gateway.lists import page, where_equal
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

SHORTEST, LONGEST = 30 * 60, 24 * 3600


def _item(work: Work, item: Values) -> Object:
    price = item["price_data"]
    total = price["unit_amount"] * item["quantity"]
    return {
        "id": identifiers.new("item"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": price["product_data"]["name"],
        "metadata": take.merged({}, item.get("metadata")),
        "price": {
            "id": identifiers.new("price"), "object": "price", "active": False, "billing_scheme": "per_unit",
            "created": work.now, "currency": price["currency"], "livemode": False, "lookup_key": None, "metadata": {},
            "nickname": None, "product": identifiers.new("product"), "recurring": None, "type": "one_time",
            "unit_amount": price["unit_amount"], "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": item["quantity"],
        "_detail": price["product_data"].get("description"),
    }  # fmt: skip


def _check(work: Work, values: Values) -> None:
    """What no single parameter can say; raises ApiError."""
    intent_parameters.check_method_types(work.version, values)
    if values["mode"] != "payment":
        raise invalid("This gateway has Checkout Sessions in payment mode only.", "mode")
    if values.get("ui_mode", "hosted_page") != ("hosted_page" if work.version >= versions.HOSTED_PAGE else "hosted"):
        name = "hosted_page" if work.version >= versions.HOSTED_PAGE else "hosted"
        raise invalid(f"Invalid ui_mode: must be {name} in this version; this gateway has no other.", "ui_mode")
    if "customer" in values and "customer_email" in values:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer")
    if not values["line_items"]:
        raise invalid("You must provide at least one line item.", "line_items")
    codes = {item["price_data"]["currency"] for item in values["line_items"]} | {values.get("currency")} - {None}
    if len(codes) != 1:
        raise invalid(f"All line items must have one currency, not {', '.join(sorted(map(str, codes)))}.", "line_items")
    ends = values.get("expires_at")
    if ends is not None and not work.now + SHORTEST <= ends <= work.now + LONGEST:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.",
            "expires_at",
        )  # fmt: skip


def create(work: Work, values: Values, _: str) -> Object:
    if values.get("ui_mode") is None:
        values = {**values, "ui_mode": "hosted_page" if work.version >= versions.HOSTED_PAGE else "hosted"}
    _check(work, values)
    items = [_item(work, item) for item in values["line_items"]]
    total, code = sum(item["amount_total"] for item in items), items[0]["currency"]
    if total == 0:
        raise invalid("The Checkout Session's total amount must be greater than zero.", "line_items")
    intent_parameters.check_amount(total, code)
    data = dict(values.get("payment_intent_data", {}))
    data["metadata"] = take.merged({}, data.get("metadata"))
    if work.version < versions.ASYNCHRONOUS_CAPTURE:
        data.setdefault("capture_method", "automatic")
    identifier = identifiers.new("checkout.session")
    session: Object = {
        "id": identifier,
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": values.get("cancel_url"),
        "client_reference_id": values.get("client_reference_id"),
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": work.now,
        "currency": code,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": customers.named(work, values.get("customer")),
        "customer_creation": None if "customer" in values else "if_required",
        "customer_details": None,
        "customer_email": values.get("customer_email"),
        "discounts": [],
        "expires_at": values.get("expires_at", work.now + LONGEST),
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": values.get("locale"),
        "metadata": take.merged({}, values.get("metadata")),
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": values.get("submit_type"),
        "subscription": None,
        "success_url": values["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{work.settings.public_url}/c/pay/{identifier}",
        "wallet_options": None,
        "_items": items,
        "_intent_data": data,
    }
    work.store.insert(session)
    work.queue.start_timer("session.expire", identifier, session["expires_at"])
    if work.version < versions.LATE_INTENT:
        checkout.intent_of(work, session)
    return session


def found(work: Work, identifier: str) -> Object:
    session = work.store.find("checkout.session", identifier)
    if session is None:
        raise missing("checkout.session", identifier, "session")
    return session


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    session = found(work, identifier)
    return session | {"status": "sandbox_unheard_of"} if work.faults.fires("unknown_code", identifier) else session


def update(work: Work, values: Values, identifier: str) -> Object:
    session = found(work, identifier)
    session["metadata"] = take.merged(session["metadata"], values.get("metadata"))
    return work.store.save(session)


def expire(work: Work, _: Values, identifier: str) -> Object:
    session = found(work, identifier)
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
    checkout.expire(work, session)
    return session


def items(work: Work, values: Values, identifier: str) -> Object:
    found(work, identifier)
    listed = line_items(work.store, identifier)
    data: list[Any] = listed["data"]
    limit = values.get("limit", 10)
    return {**listed, "data": data[:limit], "has_more": len(data) > limit}


def index(work: Work, values: Values, _: str) -> Object:
    conditions, arguments = where_equal(values, "customer", "payment_intent", "status")
    if "email" in values.get("customer_details", {}):
        conditions.append("json_extract(body, '$.customer_details.email') = ?")
        arguments.append(values["customer_details"]["email"])
    return page(work, "checkout.session", "/v1/checkout/sessions", values, conditions, arguments)


PATH = "/v1/checkout/sessions"
OPERATIONS = (
    Operation("POST", PATH, create, accepted.CREATE, ("mode", "line_items", "success_url")),
    Operation("GET", PATH, index, accepted.LIST),
    Operation("GET", PATH + "/{id}", retrieve, take.EXPAND),
    Operation("POST", PATH + "/{id}", update, accepted.UPDATE),
    Operation("POST", PATH + "/{id}/expire", expire, take.EXPAND),
    Operation("GET", PATH + "/{id}/line_items", items, {**take.EXPAND, "limit": take.integer(1, 100)}),
)
