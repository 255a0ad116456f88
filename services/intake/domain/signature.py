"""Whether an agency sent a report: an HMAC-SHA-256 (RFC 2104) over what it says, by a secret that only it and we know.

On one topic Kafka's rights tell who may write from who may not, but not one agency from another.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from chassis.origin import Sent
from services.intake.domain.report import Proof

HEADER = "ce_signature"
_SIGNED = ("ce_source", "ce_id", "ce_type", "ce_subject")
_SCHEME = "hmac-sha256="

Keys = Mapping[str, Sequence[bytes]]
"""The secrets of each agency: several while it changes them."""


def sign(secret: bytes, headers: Mapping[str, str], value: bytes) -> str:
    """The header's value for a record: over its source, id, type, subject and value, each on a line of its own."""
    told = "".join(f"{headers.get(name, '')}\n" for name in _SIGNED)
    return _SCHEME + hmac.new(secret, told.encode() + value, "sha256").hexdigest()


def proof(keys: Keys, agency: str, sent: Sent | None) -> Proof:
    """Whether this agency sent the record. One in the name of a service of ours (`sent` is None) is nobody's."""
    if agency not in keys:
        return "unknown_agency"
    # A line feed in a header would let one text be read as another.
    if sent is None or not all(sent.headers.get(name, "").isprintable() for name in _SIGNED):
        return "bad_signature"
    given = sent.headers.get(HEADER, "").encode()
    fits = [hmac.compare_digest(given, sign(key, sent.headers, sent.value).encode()) for key in keys[agency]]
    return "proven" if any(fits) else "bad_signature"
