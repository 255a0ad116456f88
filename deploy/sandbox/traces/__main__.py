"""`python -m deploy.sandbox.traces`: the span store of the sandbox."""

from __future__ import annotations

from pathlib import Path

from deploy.sandbox.kit.environment import number, port, required
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.traces.app import Settings, application

if __name__ == "__main__":
    settings = Settings(
        data=Path(required("SANDBOX_DATA")),
        hours=number("TRACES_HOURS", 72.0),
        megabytes=number("TRACES_MEGABYTES", 256.0),
    )
    serve(application(settings), port("SANDBOX_PORT"))
