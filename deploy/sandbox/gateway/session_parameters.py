"""What Checkout Sessions accept, operation by operation."""

from __future__ import annotations

from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.intent_parameters import MEMBERS, METHOD_TYPES
from deploy.sandbox.gateway.parameters import Check

PRODUCT: dict[str, Check] = {
    "name": take.text(250),
    "description": take.text(),
    "images": take.array(take.url, 8),
    "metadata": take.metadata,
    **take.refusing("tax_code", "tax_details", "unit_label"),
}
PRICE: dict[str, Check] = {
    "currency": take.currency,
    "unit_amount": take.integer(0),
    "product_data": take.fields(PRODUCT, ("name",)),
    **take.refusing("product", "recurring", "tax_behavior", "unit_amount_decimal"),
}
LINE_ITEM: dict[str, Check] = {
    "price_data": take.fields(PRICE, ("currency", "unit_amount", "product_data")),
    "quantity": take.integer(1, 999_999),
    "metadata": take.metadata,
    **take.refusing("price", "adjustable_quantity", "tax_rates"),
}
INTENT_DATA: dict[str, Check] = {
    **{
        name: MEMBERS[name]
        for name in ("description", "metadata", "receipt_email", "capture_method", "statement_descriptor",
                     "statement_descriptor_suffix")
    },
    **take.refusing(
        "application_fee_amount", "on_behalf_of", "setup_future_usage", "shipping", "transfer_data", "transfer_group"
    ),
}  # fmt: skip
CREATE: dict[str, Check] = {
    **take.EXPAND,
    "cancel_url": take.url,
    "client_reference_id": take.text(200),
    "currency": take.currency,
    "customer": take.text(200),
    "customer_email": take.email,
    "expires_at": take.integer(0),
    "line_items": take.array(take.fields(LINE_ITEM, ("price_data", "quantity"))),
    "locale": take.text(10),
    "metadata": take.metadata,
    "mode": take.text(choices=("payment", "setup", "subscription")),
    "payment_intent_data": take.fields(INTENT_DATA),
    "payment_method_types": METHOD_TYPES,
    "allowed_payment_method_types": METHOD_TYPES,
    "submit_type": take.text(choices=("auto", "book", "donate", "pay")),
    "success_url": take.url,
    "ui_mode": take.text(20),
    **take.refusing(
        "adaptive_pricing", "after_expiration", "allow_promotion_codes", "automatic_tax", "billing_address_collection",
        "branding_settings", "consent_collection", "custom_fields", "custom_text", "customer_account",
        "customer_creation", "customer_update", "discounts", "excluded_payment_method_types", "integration_identifier",
        "invoice_creation", "managed_payments", "name_collection", "optional_items", "origin_context",
        "payment_method_collection", "payment_method_configuration", "payment_method_data", "payment_method_options",
        "permissions", "phone_number_collection", "redirect_on_completion", "return_url",
        "saved_payment_method_options", "setup_intent_data", "shipping_address_collection", "shipping_options",
        "subscription_data", "tax_id_collection", "wallet_options",
    ),
}  # fmt: skip
LIST: dict[str, Check] = {
    **take.PAGE,
    "customer": take.text(200),
    "payment_intent": take.text(200),
    "status": take.text(choices=("open", "complete", "expired")),
    "customer_details": take.fields({"email": take.text(512)}, ("email",)),
    **take.refusing("customer_account", "payment_link", "subscription"),
}
UPDATE: dict[str, Check] = {
    **take.EXPAND,
    "metadata": take.metadata,
    **take.refusing("collected_information", "line_items", "payment_intent_data", "shipping_options"),
}
