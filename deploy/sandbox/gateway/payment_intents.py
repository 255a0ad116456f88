"""PaymentIntents over the API: create, retrieve, update, confirm, capture, cancel, list."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gateway import checkout, customers, money, payment_methods, payments, versions
from deploy.sandbox.gateway import intent_parameters as accepted
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.errors import ApiError, invalid, missing
from deploy.sandbox.gateway.events import changed, emit
from deploy.sandbox.gateway.lists import page, where_equal
from deploy.sandbox.gateway.operations import Failed, Operation
from deploy.sandbox.gateway.parameters import Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

COPIED = ("amount", "currency", "description", "receipt_email", "capture_method", "statement_descriptor",
          "statement_descriptor_suffix")  # fmt: skip


def found(work: Work, identifier: str) -> Object:
    intent = work.store.find("payment_intent", identifier)
    if intent is None:
        raise missing("payment_intent", identifier, "intent")
    return intent


def unexpected(intent: Object, verb: str, allowed: tuple[str, ...]) -> ApiError:
    return invalid(
        f"This PaymentIntent's status is {intent['status']}; you can only {verb} a PaymentIntent whose status is one of: "
        f"{', '.join(allowed)}.", code="payment_intent_unexpected_state",
    )  # fmt: skip


def not_in_checkout(intent: Object, verb: str) -> None:
    if intent.get("_session"):
        raise invalid(
            f"You cannot {verb} this PaymentIntent: it belongs to a Checkout Session; expire the Checkout Session instead.",
            code="payment_intent_unexpected_state",
        )


def answer(intent: Object) -> Object | Failed:
    """The intent, or the card error when a card was just declined."""
    error = intent["last_payment_error"]
    if error is None or intent["status"] != "requires_payment_method":
        return intent
    return Failed({**error, "payment_intent": {k: v for k, v in intent.items() if not k.startswith("_")}})


def create(work: Work, values: Values, _: str) -> Object | Failed:
    accepted.check_method_types(work.version, values)
    accepted.check_amount(values["amount"], values["currency"])
    if not values.get("confirm"):
        for name in ("return_url", "off_session", "error_on_requires_action"):
            if name in values:
                raise invalid(f"The parameter {name} can only be set together with confirm=true.", name)
    method = payment_methods.given(work, values)
    members: dict[str, Any] = {name: values[name] for name in COPIED[2:] if name in values}
    if work.version < versions.ASYNCHRONOUS_CAPTURE:
        members.setdefault("capture_method", "automatic")
    automatic = values.get("automatic_payment_methods")
    if automatic is not None:
        members["automatic_payment_methods"] = {"allow_redirects": "always", **automatic}
    elif work.version < versions.AUTOMATIC_METHODS or "payment_method_types" in values:
        members["automatic_payment_methods"] = None
    intent = payments.open_intent(
        work, values["amount"], values["currency"], **members,
        customer=customers.named(work, values.get("customer")),
        metadata=take.merged({}, values.get("metadata")),
        confirmation_method=values.get("confirmation_method", "automatic"),
        payment_method=method["id"] if method else None,
        status="requires_confirmation" if method else "requires_payment_method",
    )  # fmt: skip
    return _confirmed(work, intent, method, values) if values.get("confirm") else intent


def _confirmed(work: Work, intent: Object, method: Object | None, values: Values) -> Object | Failed:
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Specify payment_method or "
            "payment_method_data.", code="payment_intent_unexpected_state",
        )  # fmt: skip
    payments.attempt(work, intent, method, return_url=values.get("return_url"))
    if intent["status"] == "requires_action" and (values.get("off_session") or values.get("error_on_requires_action")):
        payments.fail(work, intent, payments.AUTHENTICATION_REQUIRED, method, None)
    return answer(intent)


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    return found(work, identifier)


def update(work: Work, values: Values, identifier: str) -> Object:
    intent, before = found(work, identifier), found(work, identifier)
    accepted.check_method_types(work.version, values)
    changeable = ("requires_payment_method", "requires_confirmation", "requires_action")
    if set(values) - {"metadata", "description", "receipt_email", "expand"}:
        not_in_checkout(intent, "update")
        if intent["status"] not in changeable:
            raise unexpected(intent, "update", changeable)
    intent |= {name: values[name] for name in COPIED if name in values}
    accepted.check_amount(intent["amount"], intent["currency"])
    if "customer" in values:
        intent["customer"] = customers.named(work, values["customer"])
    if (method := payment_methods.given(work, values)) is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}
    intent["metadata"] = take.merged(intent["metadata"], values.get("metadata"))
    if difference := changed(before, intent):
        emit(work, "payment_intent.updated", work.store.save(intent), difference)
    return intent


def confirm(work: Work, values: Values, identifier: str) -> Object | Failed:
    intent = found(work, identifier)
    not_in_checkout(intent, "confirm")
    if intent["status"] not in payments.CHARGEABLE:
        raise unexpected(intent, "confirm", payments.CHARGEABLE)
    method = payment_methods.given(work, values)
    if method is None and intent["payment_method"] is not None:
        method = work.store.get("payment_method", intent["payment_method"])
    intent |= {name: values[name] for name in ("receipt_email", "capture_method") if name in values}
    return _confirmed(work, intent, method, values)


def capture(work: Work, values: Values, identifier: str) -> Object:
    intent = found(work, identifier)
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "capture", ("requires_capture",))
    capturable: int = intent["amount_capturable"]
    amount = values.get("amount_to_capture") or capturable
    if amount > capturable:
        raise invalid(
            f"The requested capture amount is greater than the amount you can capture for this charge "
            f"({money.written(intent['amount_capturable'], intent['currency'])}).", "amount_to_capture", "amount_too_large",
        )  # fmt: skip
    intent["metadata"] = take.merged(intent["metadata"], values.get("metadata"))
    payments.collect(work, intent, amount)
    checkout.follow(work, intent)
    return intent


def cancel(work: Work, values: Values, identifier: str) -> Object:
    intent = found(work, identifier)
    not_in_checkout(intent, "cancel")
    allowed = (*payments.CHARGEABLE, "requires_capture")
    if intent["status"] not in allowed:
        raise unexpected(intent, "cancel", allowed)
    payments.cancel(work, intent, values.get("cancellation_reason"))
    return intent


def index(work: Work, values: Values, _: str) -> Object:
    return page(work, "payment_intent", "/v1/payment_intents", values, *where_equal(values, "customer"))


OPERATIONS = (
    Operation("POST", "/v1/payment_intents", create, accepted.CREATE, ("amount", "currency")),
    Operation("GET", "/v1/payment_intents", index, {**take.PAGE, "customer": take.text(200)}),
    Operation("GET", "/v1/payment_intents/{id}", retrieve, {**take.EXPAND, "client_secret": take.text(200)}),
    Operation("POST", "/v1/payment_intents/{id}", update, {**take.EXPAND, **accepted.MEMBERS}),
    Operation("POST", "/v1/payment_intents/{id}/confirm", confirm, accepted.CONFIRM),
    Operation("POST", "/v1/payment_intents/{id}/capture", capture, accepted.CAPTURE),
    Operation("POST", "/v1/payment_intents/{id}/cancel", cancel, accepted.CANCEL),
)
