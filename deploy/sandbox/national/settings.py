"""What the platform is told by its environment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.kit.environment import number, optional, port, required


@dataclass(frozen=True)
class Settings:
    """The one partner of this platform, and where it is reached.

    `confirm_url`: CONFIRM of a page; `due_url`: what is due for a dossier's code; `result_url`: CONFIRM of what was paid by
    one; `return_url`: where a payer goes back to, `{code}` is the dossier's code. Each may be empty. `retry_seconds`: the
    first wait after a CONFIRM was not answered with "00"; `bill`: GET_BILL answers a PDF or JSON.
    """

    data: Path
    partner: str
    secret: str
    public_url: str
    confirm_url: str = ""
    due_url: str = ""
    result_url: str = ""
    return_url: str = ""
    retry_seconds: float = 1.0
    bill: str = "pdf"

    @classmethod
    def from_environment(cls) -> Settings:
        bill = optional("NATIONAL_BILL") or cls.bill
        if bill not in ("pdf", "json"):
            sys.exit(f"NATIONAL_BILL phải là pdf hoặc json / NATIONAL_BILL must be pdf or json, not {bill!r}")
        return cls(
            data=Path(required("SANDBOX_DATA")),
            partner=required("NATIONAL_PARTNER"),
            secret=required("NATIONAL_SECRET"),
            public_url=(optional("NATIONAL_PUBLIC_URL") or f"http://127.0.0.1:{port('SANDBOX_PORT')}").rstrip("/"),
            confirm_url=optional("NATIONAL_CONFIRM_URL"),
            due_url=optional("NATIONAL_DUE_URL"),
            result_url=optional("NATIONAL_RESULT_URL"),
            return_url=optional("NATIONAL_RETURN_URL"),
            retry_seconds=number("NATIONAL_RETRY_SECONDS", cls.retry_seconds),
            bill=bill,
        )
