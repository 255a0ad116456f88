"""`python -m deploy.sandbox.mail`: the mail box of the sandbox."""

from __future__ import annotations

from pathlib import Path

from deploy.sandbox.kit.environment import port, required
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.mail.app import Settings, application

if __name__ == "__main__":
    settings = Settings(data=Path(required("SANDBOX_DATA")), smtp_port=port("SMTP_PORT"))
    serve(application(settings), port("SANDBOX_PORT"))
