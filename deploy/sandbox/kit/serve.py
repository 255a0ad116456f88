"""Run one sandbox application as a process of its own."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp


def serve(application: ASGIApp, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT; open connections get two seconds."""
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
