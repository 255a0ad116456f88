"""When what was not taken is sent again, and how it is signed so that nobody can keep it for later."""

from __future__ import annotations

import hashlib
import hmac
import random

LONGEST_SECONDS = 60.0


def backoff(first: float, attempts: int, longest: float = LONGEST_SECONDS) -> float:
    """Seconds until the next try: doubling up to a bound, spread so that deliveries do not march in step."""
    most: float = min(longest, first * 2 ** min(attempts, 16))
    return random.uniform(most / 2, most)  # noqa: S311 - no secret hangs on it


def timed_signature(secret: str, body: bytes, at: int) -> str:
    """`t=SECONDS,v1=HEX`: the HMAC-SHA256 of "SECONDS.BODY"."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"
