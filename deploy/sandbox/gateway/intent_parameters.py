"""What PaymentIntents accept, operation by operation."""

from __future__ import annotations

from deploy.sandbox.gateway import money, payment_methods, versions
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.errors import invalid
from deploy.sandbox.gateway.parameters import Check, Values

METHOD_TYPES = take.array(take.text(50), 20)
MEMBERS: dict[str, Check] = {
    "amount": take.integer(1),
    "currency": take.currency,
    "customer": take.text(200, unset=True),
    "description": take.text(1000, unset=True),
    "metadata": take.metadata,
    "payment_method": take.text(200, unset=True),
    "payment_method_data": payment_methods.DETAILS,
    "receipt_email": take.email,
    "capture_method": take.text(choices=("automatic", "automatic_async", "manual")),
    "statement_descriptor": take.text(22, unset=True),
    "statement_descriptor_suffix": take.text(22, unset=True),
    "payment_method_types": METHOD_TYPES,
    "allowed_payment_method_types": METHOD_TYPES,
    **take.refusing(
        "amount_details", "application_fee_amount", "customer_account", "excluded_payment_method_types", "hooks",
        "payment_details", "payment_method_configuration", "payment_method_options", "setup_future_usage", "shipping",
        "transfer_data", "transfer_group",
    ),
}  # fmt: skip
CONFIRMING: dict[str, Check] = {
    "return_url": take.url,
    "error_on_requires_action": take.boolean,
    "off_session": take.boolean,
    "use_stripe_sdk": take.boolean,
    **take.refusing("confirmation_token", "mandate", "mandate_data", "radar_options", "on_behalf_of"),
}
CREATE: dict[str, Check] = {
    **take.EXPAND,
    **MEMBERS,
    **CONFIRMING,
    "confirm": take.boolean,
    "confirmation_method": take.text(choices=("automatic", "manual")),
    "automatic_payment_methods": take.fields(
        {"enabled": take.boolean, "allow_redirects": take.text(choices=("always", "never"))}, ("enabled",)
    ),
}
CONFIRM: dict[str, Check] = {
    **take.EXPAND,
    **CONFIRMING,
    **{name: MEMBERS[name] for name in ("payment_method", "payment_method_data", "receipt_email", "capture_method")},
    **take.refusing(
        "amount_details", "amount_to_confirm", "allowed_payment_method_types", "excluded_payment_method_types", "hooks",
        "payment_details", "payment_method_options", "setup_future_usage", "shipping",
    ),
}  # fmt: skip
CAPTURE: dict[str, Check] = {
    **take.EXPAND,
    "amount_to_capture": take.integer(1),
    "metadata": take.metadata,
    **take.refusing(
        "amount_details", "application_fee_amount", "final_capture", "hooks", "payment_details",
        "statement_descriptor", "statement_descriptor_suffix", "transfer_data",
    ),
}  # fmt: skip
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
CANCEL: dict[str, Check] = {**take.EXPAND, "cancellation_reason": take.text(choices=REASONS)}


def check_method_types(version: str, values: Values) -> None:
    """Cards are what this gateway has; raises ApiError for a version without the parameter, or a list without cards."""
    if "payment_method_types" in values and version >= versions.NO_METHOD_TYPES:
        raise invalid(
            "Received unknown parameter: payment_method_types. Use automatic_payment_methods or "
            "allowed_payment_method_types instead.",
            "payment_method_types",
            "parameter_unknown",
        )
    for name in ("payment_method_types", "allowed_payment_method_types"):
        if "card" not in values.get(name, ["card"]):
            raise invalid("This gateway takes cards only: the list must contain 'card'.", name)


def check_amount(amount: int, currency: str) -> None:
    most = money.most(currency)
    if amount > most:
        raise invalid(f"Amount must be no more than {money.written(most, currency)}", "amount", "amount_too_large")
