"""What this VNPAY is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.kit.environment import number, optional, port, required


@dataclass(frozen=True)
class Settings:
    """One merchant: its terminal (vnp_TmnCode, eight letters and digits) and its secret.

    `refund_seconds`: until a refund goes to the bank (0: at once); `retry_seconds`: the first wait after an IPN was not
    confirmed; `fee`: what VNPAY keeps of each payment, in đồng; `page_lines`: of the reconciliation file.
    """

    data: Path
    terminal: str
    secret: str
    ipn_url: str = ""
    public_url: str = "http://127.0.0.1:8207"
    refund_seconds: float = 3.0
    retry_seconds: float = 1.0
    fee: int = 0
    page_lines: int = 5_000

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(
            data=Path(required("SANDBOX_DATA")),
            terminal=required("VNPAY_TERMINAL"),
            secret=required("VNPAY_SECRET"),
            ipn_url=optional("VNPAY_IPN_URL"),
            public_url=(optional("VNPAY_PUBLIC_URL") or f"http://127.0.0.1:{port('SANDBOX_PORT')}").rstrip("/"),
            refund_seconds=number("VNPAY_REFUND_SECONDS", cls.refund_seconds),
            retry_seconds=number("VNPAY_RETRY_SECONDS", cls.retry_seconds),
            fee=int(number("VNPAY_FEE", cls.fee)),
            page_lines=max(1, int(number("VNPAY_PAGE_LINES", cls.page_lines))),
        )
