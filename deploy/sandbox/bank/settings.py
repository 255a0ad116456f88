"""What the bank is told by its environment."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.kit.environment import number, optional, port, required


@dataclass(frozen=True)
class Settings:
    """`bin` and `account` are the only account here; `key` is its owner's.

    `settle_seconds`: how long a return stays pending; `retry_seconds`: the first wait after a notice was not accepted.
    """

    data: Path
    key: str
    bin: str
    account: str
    webhook_url: str
    webhook_secret: str
    public_url: str
    settle_seconds: float = 2.0
    retry_seconds: float = 1.0

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(
            data=Path(required("SANDBOX_DATA")),
            key=required("BANK_KEY"),
            bin=_shaped("BANK_BIN", "[0-9]{6}", "sáu chữ số", "six digits"),
            account=_shaped("BANK_ACCOUNT", "[0-9A-Za-z]{1,19}", "1 đến 19 chữ và số", "1 to 19 letters and digits"),
            webhook_url=required("BANK_WEBHOOK_URL"),
            webhook_secret=required("BANK_WEBHOOK_SECRET"),
            public_url=(optional("BANK_PUBLIC_URL") or f"http://127.0.0.1:{port('SANDBOX_PORT')}").rstrip("/"),
            settle_seconds=number("BANK_SETTLE_SECONDS", cls.settle_seconds),
            retry_seconds=number("BANK_RETRY_SECONDS", cls.retry_seconds),
        )


def _shaped(name: str, pattern: str, vi: str, en: str) -> str:
    value = required(name)
    if not re.fullmatch(pattern, value):
        sys.exit(f"{name} phải là {vi} / {name} must be {en}")
    return value
