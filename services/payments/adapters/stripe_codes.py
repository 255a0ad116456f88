"""Stripe's words in ours: what a status decides, why a card was declined.

A status decides about money, and so does the code of a refusal: one that stands in no table here raises UnknownCode. The
reason of a decline or of a failed refund only explains what is decided already; Stripe adds to those at any time, so a new
one is told in a general word, and logged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from services.payments.domain.gateway import UnknownCode

PAGE_STATUSES = frozenset({"open", "complete", "expired"})
PAYMENT_STATUSES = frozenset({"paid", "unpaid", "no_payment_required"})
INTENT_STATUSES = frozenset(
    {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
        "canceled",
        "succeeded",
    }
)
REFUND_STATUSES = frozenset({"pending", "requires_action", "succeeded", "failed", "canceled"})
REFUND_FAILURES = frozenset(
    {
        "charge_for_pending_refund_disputed",
        "declined",
        "expired_or_canceled_card",
        "insufficient_funds",
        "lost_or_stolen_card",
        "merchant_request",
        "unknown",
    }
)
REFUSALS: Mapping[str, str] = {
    "amount_too_large": "amount_too_large",
    "amount_too_small": "amount_too_small",
    "charge_already_refunded": "already_refunded",
    "charge_disputed": "disputed",
    "refund_disputed_payment": "disputed",
    "charge_not_refundable": "not_refundable",
    "payment_intent_unexpected_state": "not_refundable",
    "url_invalid": "invalid_request",
    "parameter_invalid_empty": "invalid_request",
    "parameter_invalid_integer": "invalid_request",
    "parameter_invalid_string_blank": "invalid_request",
    "parameter_invalid_string_empty": "invalid_request",
    "parameter_missing": "invalid_request",
    "parameter_unknown": "invalid_request",
    "parameters_exclusive": "invalid_request",
    "invalid_request_error": "invalid_request",  # the error's type, where it has no code
}
"""Stripe's codes (documentation: Error codes) of a page or a refund that is definitely not made -> why, in our words."""
NOT_MADE = "not_made"
"""Why there is no page where Stripe gives no reason that we know, and has none."""
DECLINED = "declined"
_WORDS: Mapping[str, tuple[str, ...]] = {
    "insufficient_funds": ("insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded"),
    "expired_card": ("expired_card", "invalid_expiry_month", "invalid_expiry_year"),
    "incorrect_cvc": ("incorrect_cvc", "invalid_cvc"),
    "incorrect_number": ("incorrect_number", "invalid_number", "invalid_account", "new_account_information_available"),
    "processing_error": ("processing_error", "issuer_not_available", "reenter_transaction", "try_again_later"),
    "card_blocked": ("lost_card", "stolen_card", "pickup_card", "restricted_card", "pin_try_exceeded"),
    "authentication_failed": (
        "authentication_required",
        "payment_intent_authentication_failure",
        "incorrect_pin",
        "invalid_pin",
        "offline_pin_required",
        "online_or_offline_pin_required",
    ),
    "card_not_supported": ("card_not_supported", "currency_not_supported", "invalid_amount"),
    DECLINED: (
        "generic_decline",
        "card_declined",
        "approve_with_id",
        "call_issuer",
        "do_not_honor",
        "do_not_try_again",
        "duplicate_transaction",
        "fraudulent",
        "incorrect_address",
        "incorrect_zip",
        "merchant_blacklist",
        "no_action_taken",
        "not_permitted",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "service_not_allowed",
        "stop_payment_order",
        "test_mode_decline",
        "test_mode_live_card",
        "testmode_decline",
        "transaction_not_allowed",
    ),
}
DECLINES: Mapping[str, str] = {code: word for word, codes in _WORDS.items() for code in codes}
"""Stripe's decline codes (documentation: Declines, Decline codes) in our words."""

log = structlog.get_logger()


def known(code: str, table: Collection[str], what: str) -> str:
    """The code itself. Raises UnknownCode when the table does not hold it."""
    if code not in table:
        raise UnknownCode(f"{what} is {code!r}: not in Stripe's documentation as we know it")
    return code


def refusal(code: str, what: str) -> str:
    """Why something is definitely not made, in our words. Raises UnknownCode."""
    known(code, REFUSALS, f"the refusal of {what}")
    return REFUSALS[code]


def decline(code: str) -> str:
    """Why a card was declined, in our words."""
    if code not in DECLINES:
        log.warning("a decline code that we have no word for", gateway="stripe", code=code)
    return DECLINES.get(code, DECLINED)


def refund_failure(code: str | None, status: str) -> str:
    """Why a refund came to nothing; the status where Stripe gives no reason."""
    if code and code not in REFUND_FAILURES:
        log.warning("a refund failed for a reason that we have no word for", gateway="stripe", code=code)
        return "unknown"
    return code or status
