"""VNPAY's checksums, HMAC-SHA512 in hex: of queries over what stands on the wire, of JSON over documented fields.

Source: VNPAY payment gateway, version 2.1.0: PAY, and API querydr, refund.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote_plus

from chassis.clock import VIETNAM

HASH, HASH_TYPE = "vnp_SecureHash", "vnp_SecureHashType"
_WIRE_TIME = "%Y%m%d%H%M%S"
_WIRE_DIGITS = re.compile("[0-9]{14}")

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


def mac(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha512).hexdigest()


def is_mac(given: str, secret: str, text: bytes) -> bool:
    """Compares in constant time; hex may be in upper case."""
    return hmac.compare_digest(given.lower().encode(), mac(secret, text).encode())


def encoded(text: str) -> str:
    """As PHP's urlencode, in which VNPAY's own samples sign: a blank is +, and ~ is not left as it is."""
    return quote_plus(text).replace("~", "%7E")


def signed_query(secret: str, values: Mapping[str, str]) -> str:
    """The query of a link: sorted by name, empty values left out, its hash at the end."""
    query = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(values.items()) if value)
    return f"{query}&{HASH}={mac(secret, query.encode())}"


def is_signed(secret: str, raw: bytes) -> bool:
    """Whether a query carries its hash under this secret, and names nothing twice.

    The hash is taken over the pairs as they came, sorted: whichever encoder the sender has, what it sent is what it signed.
    """
    pairs = [pair.partition(b"=") for pair in raw.split(b"&") if pair]
    values = {name: value for name, _, value in pairs}
    once = len(values) == len(pairs)
    given = values.pop(HASH.encode(), b"")
    values.pop(HASH_TYPE.encode(), None)
    told = b"&".join(name + b"=" + value for name, value in sorted(values.items()) if value)
    return once and is_mac(given.decode("ascii", "replace"), secret, told)


def values_of(raw: bytes) -> dict[str, str]:
    """What a query says. Raises ValueError for what is no query."""
    return dict(parse_qsl(raw.decode("ascii"), strict_parsing=True, errors="strict"))


def joined(fields: Sequence[str], values: Mapping[str, str]) -> bytes:
    """What is signed of a JSON body; a field that is not there counts as empty."""
    return "|".join(values.get(field, "") for field in fields).encode()


def wire_time(moment: datetime) -> str:
    """yyyyMMddHHmmss in Vietnam."""
    return moment.astimezone(VIETNAM).strftime(_WIRE_TIME)


def moment_of(text: str) -> datetime:
    """Raises ValueError for what is no time on the wire."""
    if not _WIRE_DIGITS.fullmatch(text):
        raise ValueError("no time on the wire")
    # Five times as fast as strptime: a day's file has 100,000 of them.
    return datetime.fromisoformat(f"{text[:8]}T{text[8:]}").replace(tzinfo=VIETNAM).astimezone(UTC)
