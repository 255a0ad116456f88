"""`python -m deploy.sandbox.sms`: the SMS carrier of the sandbox."""

from __future__ import annotations

from pathlib import Path

from deploy.sandbox.kit.environment import number, port, required
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.sms.app import Settings, application

if __name__ == "__main__":
    settings = Settings(
        data=Path(required("SANDBOX_DATA")),
        token=required("SMS_TOKEN"),
        receipt_url=required("SMS_RECEIPT_URL"),
        receipt_secret=required("SMS_RECEIPT_SECRET"),
        delivery_seconds=number("SMS_DELIVERY_SECONDS", 0.2),
    )
    serve(application(settings), port("SANDBOX_PORT"))
