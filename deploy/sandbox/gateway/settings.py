"""What the gateway is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.gateway.versions import checked
from deploy.sandbox.kit.environment import number, optional, port, required


@dataclass(frozen=True)
class Settings:
    """`api_version` shapes events, and answers to requests that name none.

    `settle_seconds`: how long a payment stays `processing` and a slow refund `pending`; `balance_seconds`: until an
    asynchronous capture has its balance transaction; `retry_seconds`: the first wait after a webhook was not accepted;
    `fee_basis_points`: what the gateway keeps of each charge, in hundredths of a percent.
    """

    data: Path
    secret_key: str
    public_url: str
    webhook_url: str = ""
    webhook_secret: str = ""
    api_version: str = "2026-10-28.endive"
    settle_seconds: float = 5.0
    balance_seconds: float = 0.5
    retry_seconds: float = 1.0
    fee_basis_points: int = 0

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(
            data=Path(required("SANDBOX_DATA")),
            secret_key=required("GATEWAY_SECRET_KEY"),
            public_url=(optional("GATEWAY_PUBLIC_URL") or f"http://127.0.0.1:{port('SANDBOX_PORT')}").rstrip("/"),
            webhook_url=optional("GATEWAY_WEBHOOK_URL"),
            webhook_secret=required("GATEWAY_WEBHOOK_SECRET") if optional("GATEWAY_WEBHOOK_URL") else "",
            api_version=checked(optional("GATEWAY_API_VERSION") or cls.api_version),
            settle_seconds=number("GATEWAY_SETTLE_SECONDS", cls.settle_seconds),
            balance_seconds=number("GATEWAY_BALANCE_SECONDS", cls.balance_seconds),
            retry_seconds=number("GATEWAY_RETRY_SECONDS", cls.retry_seconds),
            fee_basis_points=int(number("GATEWAY_FEE_BASIS_POINTS", cls.fee_basis_points)),
        )
