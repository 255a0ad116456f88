"""Run one sandbox application as a process of its own."""

from __future__ import annotations

import os

import uvicorn
from starlette.types import ASGIApp


def serve(application: ASGIApp, port: int) -> None:
    """Serve until SIGTERM or SIGINT; open connections get two seconds. On loopback, unless SANDBOX_HOST says otherwise."""
    uvicorn.run(
        application,
        host=host(),
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


def host() -> str:
    """The address to listen on: loopback, but in a container all of its own."""
    return os.environ.get("SANDBOX_HOST", "127.0.0.1")
