"""What differs between the dated versions of the API: requests are read, and objects shown, as the version has it.

Any dated version is taken. Source: Stripe's public changelog; each constant is the first version with the change.
"""

from __future__ import annotations

import re

from deploy.sandbox.gateway.errors import invalid
from deploy.sandbox.gateway.store import Object, Store

LATE_INTENT = "2022-08-01"
"""A checkout session has its PaymentIntent only once a payment is tried."""
LATEST_CHARGE = "2022-11-15"
"""`latest_charge` instead of the list `charges`; a charge's refunds only when asked for."""
AUTOMATIC_METHODS = "2023-08-16"
"""PaymentIntents choose payment methods themselves."""
ASYNCHRONOUS_CAPTURE = "2024-04-10"
"""`capture_method` defaults to `automatic_async`."""
HOSTED_PAGE = "2026-03-25"
"""`ui_mode` says `hosted_page` for `hosted`."""
NO_METHOD_TYPES = "2026-09-30"
"""`payment_method_types` is unknown."""

DATED = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(\.[a-z_]+)?")


def checked(version: str) -> str:
    """The version asked for; raises ApiError when it has no date."""
    if DATED.fullmatch(version) is None:
        raise invalid(f"Invalid Stripe API version: {version}")
    return version


def shown(store: Store, value: Object, version: str) -> Object:
    """An object as it leaves the gateway in this version: without what is the gateway's own."""
    public = {name: member for name, member in value.items() if not name.startswith("_")}
    if value["object"] == "payment_intent" and version < LATEST_CHARGE:
        charges = store.children("charge", "payment_intent", value["id"])
        public["charges"] = _list(
            [shown(store, charge, version) for charge in charges], f"/v1/charges?payment_intent={value['id']}"
        )
        del public["latest_charge"]
    if value["object"] == "charge" and version < LATEST_CHARGE:
        public["refunds"] = refunds(store, value)
    if value["object"] == "checkout.session" and version < HOSTED_PAGE:
        public["ui_mode"] = "hosted"
    return public


def refunds(store: Store, charge: Object) -> Object:
    """The list of a charge's refunds."""
    found = store.children("refund", "charge", charge["id"])
    return _list([shown(store, refund, "") for refund in found], f"/v1/charges/{charge['id']}/refunds")


def _list(data: list[Object], url: str) -> Object:
    return {"object": "list", "data": data, "has_more": False, "url": url}
