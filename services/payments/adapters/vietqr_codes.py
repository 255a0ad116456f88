"""The bank's words about returns in ours.

The code of a refusal decides about money: one that stands in no table here raises UnknownCode. The reason of a return that
came to nothing only explains what its status has decided: a new one is told in a general word, and logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import structlog

from services.payments.domain.gateway import UnknownCode

TAKEN_BEFORE = "reference_reused"

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "invalid_request": "invalid_request",
        "not_returnable": "not_refundable",
        "currency_not_returned": "currency_not_returned",
        "window_over": "window_over",
        "more_than_left": "amount_too_large",
    }
)
"""Why the bank definitely takes no return, in our words."""

REASONS: Mapping[str, str] = MappingProxyType({"account_closed": "account_closed"})
"""Why a return that was taken came to nothing, in our words."""

_BY_STATUS: Mapping[str, str] = MappingProxyType({"refused": "refused_by_bank", "returned": "returned_by_bank"})

log = structlog.get_logger()


def refusal(code: str) -> str:
    """Why no return is made, in our words. Raises UnknownCode."""
    if code not in REFUSALS:
        raise UnknownCode(f"the bank refuses with {code[:64]!r}")
    return REFUSALS[code]


def came_to_nothing(reason: str | None, status: str) -> str:
    """Why a return that was `refused`, or `returned`, came to nothing; a general word where we have no other."""
    if reason and reason not in REASONS:
        log.error("a return failed for a reason that we have no word for", gateway="vietqr", code=reason[:64])
    return REASONS.get(reason or "", _BY_STATUS[status])
