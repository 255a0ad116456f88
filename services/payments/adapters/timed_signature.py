"""Signatures of the form `t=SECONDS,v1=HEX`: the HMAC-SHA256 of "SECONDS.BODY", so that a notice cannot be kept for later."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

from chassis.errors import Refusal

TOLERANCE_SECONDS = 300


def verify(body: bytes, signature: str | None, secrets: Sequence[str], now: datetime) -> None:
    """Check a signature over the raw body, in constant time; its age is five minutes at most, either way.

    `secrets` are several while one is being replaced. Raises Refusal 400 where none of them signed this body lately.
    """
    parts = [part.partition("=")[::2] for part in (signature or "").split(",")]
    stamps = [value for name, value in parts if name.strip() == "t"]
    if len(stamps) != 1 or not re.fullmatch("[0-9]{1,12}", stamps[0]):
        raise _forged("the signature has no time")
    signed = f"{stamps[0]}.".encode() + body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets if secret]
    given = [value.encode() for name, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):
        raise _forged("the signature does not match")
    if abs(now.timestamp() - int(stamps[0])) > TOLERANCE_SECONDS:
        raise _forged("the signature is too old")


def _forged(reason: str) -> Refusal:
    return Refusal("bad_signature", "Chữ ký của thông báo không hợp lệ.", f"Webhook refused: {reason}.", 400)
