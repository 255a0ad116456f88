"""The named faults of the outside world's servers, and what narrows each."""

from __future__ import annotations

from collections.abc import Mapping

# After it the mail server has a letter, and we do not know.
LETTER_IN_DOUBT = ("mail.timeout_after_data",)

# A refund that comes back is told by webhook alone, so that one must arrive in the end.
SANDBOX: Mapping[str, str] = {
    "gateway.timeout_before": "",
    "gateway.timeout_after_charge": "",
    "gateway.error_500_after_charge": "",
    "gateway.storm_500": "",
    "gateway.rate_limited_429": "",
    "gateway.conflict_409": "",
    "gateway.slow": "/c/pay",
    "gateway.webhook_lost": "checkout.session",
    "gateway.webhook_duplicated": "",
    "gateway.webhook_before_response": "",
    "gateway.webhook_delayed": "",
    "gateway.webhook_reordered": "",
    "gateway.webhook_forged": "",
    "gateway.webhook_stale": "",
    "gateway.webhook_unsigned": "",
    "gateway.unknown_event": "",
    "sms.timeout_before": "",
    "sms.timeout_after_send": "",
    "sms.storm_500": "",
    "sms.rate_limited_429": "",
    "sms.receipt_lost": "",
    "sms.receipt_duplicated": "",
    "sms.receipt_before_response": "",
    "sms.receipt_delayed": "",
    "mail.refuse_connection": "",
    "mail.temporary_451": "",
    "mail.timeout_after_data": "",
    "mail.slow": "",
}
