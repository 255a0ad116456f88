"""VNPAY's two checksums, both HMAC-SHA512 in lower-case hex.

Of queries (pay page, IPN, way back, statement): over the parameters sorted by name, form-encoded as PHP's urlencode does,
empty ones and the hash left out. Of JSON: over documented fields joined by "|" (an absent field is empty).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

HASH, HASH_TYPE = "vnp_SecureHash", "vnp_SecureHashType"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

QUERY_ASKED = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate", "vnp_CreateDate",
    "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
REFUND_ASKED = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType", "vnp_TxnRef", "vnp_Amount",
    "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
REFUND_ANSWERED = (
    "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount",
    "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType", "vnp_TransactionStatus", "vnp_OrderInfo",
)  # fmt: skip
QUERY_ANSWERED = (*REFUND_ANSWERED, "vnp_PromotionCode", "vnp_PromotionAmount")


def encoded(text: str) -> str:
    """Letters, digits and -_. stay, a blank is +, everything else %XX of its UTF-8."""
    return "".join("+" if byte == 32 else chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def query(values: Mapping[str, str]) -> str:
    """What is signed, and sent before the hash."""
    told = sorted((name, value) for name, value in values.items() if value and name not in (HASH, HASH_TYPE))
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in told)


def mac(secret: str, text: str | bytes) -> str:
    return hmac.new(secret.encode(), text.encode() if isinstance(text, str) else text, hashlib.sha512).hexdigest()


def signed_query(secret: str, values: Mapping[str, str]) -> str:
    text = query(values)
    return f"{text}&{HASH}={mac(secret, text)}"


def joined(fields: Sequence[str], values: Mapping[str, str]) -> str:
    return "|".join(values.get(field, "") for field in fields)


def holds(given: str, secret: str, text: str) -> bool:
    """Whether this is the checksum, in constant time; upper case is taken too."""
    return hmac.compare_digest(given.lower().encode(), mac(secret, text).encode())
