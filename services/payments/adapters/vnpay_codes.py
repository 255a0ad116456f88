"""VNPAY's codes in our words. [V] published in its documentation of version 2.1.0, [M] from memory.

A code that stands in no table here raises UnknownCode.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

PAID: Final = "00"

DECLINES: Mapping[str, str | None] = MappingProxyType(
    {
        "09": "declined",  # [V] not registered for payments on the internet
        "10": "authentication_failed",  # [V] card typed wrongly more than three times
        "11": None,  # [V] nobody paid in time
        "12": "card_blocked",  # [V]
        "13": "authentication_failed",  # [V] wrong one-time password
        "24": None,  # [V] the payer left
        "51": "insufficient_funds",  # [V]
        "65": "declined",  # [V] over the day's limit
        "75": "processing_error",  # [V] the bank is under maintenance
        "79": "authentication_failed",  # [V] wrong password too often
        "99": "declined",  # [V] other reasons
    }
)
"""vnp_ResponseCode of a payment that failed -> the reason in the words of adapters/stripe.py; None: it is no decline."""

SUSPECT = "07"  # [V] taken from the payer, and under suspicion: neither ours nor not ours
RESPONSES = frozenset({PAID, SUSPECT, *DECLINES})

OPEN, FAILED = "01", "02"  # [V]
REVERSED = "04"  # [V] the payer's bank took the money, VNPAY has not got it: settled between them
STATUSES = frozenset({PAID, OPEN, FAILED, REVERSED, SUSPECT, "05", "06", "09"})
"""vnp_TransactionStatus."""

REFUND_IN_WORK, REFUND_REFUSED = "05", "09"  # [V]
REFUND_SENT = frozenset({PAID, "06"})  # [V] done, or handed to the payer's bank
PAYMENT, WHOLE, PART = "01", "02", "03"  # [V] vnp_TransactionType

NOT_FOUND, TAKEN_BEFORE = "91", "94"  # [V]
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "93": "amount_too_large",  # [M] more than is left
        "95": "not_refundable",  # [V] the payment did not succeed; [M] or is too old
    }
)
"""vnp_ResponseCode after which a refund is definitely not made -> why."""

SILENCES: Mapping[str, str] = MappingProxyType(
    {
        "02": "VNPAY does not know our terminal",  # [V]
        "03": "VNPAY cannot read our request",  # [V]
        "94": "VNPAY has had this question today",  # [V]
        "97": "VNPAY does not accept our signature",  # [V]
        "98": "VNPAY timed out",  # [M]
        "99": "VNPAY has trouble of its own",  # [V]
    }
)
"""vnp_ResponseCode of querydr and refund that says nothing about money; the first three say that our settings are wrong."""

Heard = Literal["ok", "unknown", "done_before", "wrong_amount", "bad_signature", "trouble"]
_IPN: Mapping[Heard, tuple[str, str]] = MappingProxyType(
    {
        "ok": ("00", "Confirm Success"),  # [V]
        "unknown": ("01", "Order not found"),  # [V]
        "done_before": ("02", "Order already confirmed"),  # [V]
        "wrong_amount": ("04", "Invalid amount"),  # [V]
        "bad_signature": ("97", "Invalid signature"),  # [V]
        "trouble": ("99", "Unknown error"),  # [V]
    }
)


def ipn_answer(heard: Heard) -> dict[str, str]:
    """The JSON body that answers an IPN. VNPAY ends with 00 and 02; after all others it sends the IPN again."""
    code, message = _IPN[heard]
    return {"RspCode": code, "Message": message}
