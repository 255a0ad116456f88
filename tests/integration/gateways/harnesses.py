"""The harness of each gateway, by its name: what test_port_*.py runs over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.integration.gateways import national_merchant, stripe_merchant, vietqr_merchant, vnpay_merchant
from tests.integration.gateways.merchant import Merchant

Opened = Callable[[Path], AbstractAsyncContextManager[Merchant]]

HARNESSES: Mapping[str, Opened] = {
    "stripe": stripe_merchant.opened,
    "national": national_merchant.opened,
    "vnpay": vnpay_merchant.opened,
    "vietqr": vietqr_merchant.opened,
}
"""NAME -> NAME_merchant.opened: a fresh sandbox with its data in a folder, until the block is left."""
