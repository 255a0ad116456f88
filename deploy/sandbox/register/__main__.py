"""`python -m deploy.sandbox.register`: the civil register of the sandbox."""

from __future__ import annotations

from pathlib import Path

from deploy.sandbox.kit.environment import number, port, required
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.register.app import Settings, application

if __name__ == "__main__":
    settings = Settings(
        data=Path(required("SANDBOX_DATA")),
        key=required("REGISTER_KEY"),
        slow_seconds=number("REGISTER_SLOW_SECONDS", 20.0),
    )
    serve(application(settings), port("SANDBOX_PORT"))
