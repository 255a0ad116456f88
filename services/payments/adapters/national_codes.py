"""What the national payment platform's codes mean to us.

Marks as in the design (national-portal): [2] seen in one third party's working code, [22] in two, [M] from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SUCCESS = "00"
"""MaLoi of success, these two characters: "0" and 0 come in the field too [2], and are not it."""

OPEN, PAID, FAILED = "3", "1", "4"
"""TrangThaiGD [2]: 3 also while nobody has paid, for the platform then knows no last state."""

NOT_FOUND, NOT_READY = "05", "06"

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "01": "field_refused",
        "02": "partner_unknown",
        "03": "signature_refused",
        # The reference has another page, made from another body: its address was never heard, so nobody can pay on it.
        "04": "reference_taken",
    }
)
"""MaLoi of a request that is definitely refused [M], in our words."""

PASSING: Mapping[str, str] = MappingProxyType(
    {NOT_FOUND: "no such transaction", NOT_READY: "the receipt is not ready", "99": "trouble of the platform's own"}
)
"""MaLoi that say nothing definite: 99 [22], the others [M]."""

ILL = frozenset({"02", "03", "99"})
"""MaLoi that everything is answered with: our partner code or secret is no longer right, or the platform has trouble."""

FAILURES: Mapping[str, str] = MappingProxyType({"10": "the payment failed"})
"""MaLoi of a CONFIRM that says that nothing was paid [M]."""

DECLINED = "declined"
"""The platform tells no reason of a payment that failed."""
