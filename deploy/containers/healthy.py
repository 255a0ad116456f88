"""`python -m deploy.containers.healthy`: does the server of this container answer that it is ready?

Exit code 0, or 1 with the reason. Asks `/readyz` of a service and `/healthz` of a sandbox server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_SECONDS = 4


def address(environment: Mapping[str, str]) -> str:
    """Where to ask. Raises KeyError when the environment names no port."""
    if port := environment.get("MOTCUA_HTTP_PORT"):
        return f"http://127.0.0.1:{port}/readyz"
    return f"http://127.0.0.1:{environment['SANDBOX_PORT']}/healthz"


def trouble(url: str) -> str | None:
    """Why the server is not ready; None when it is."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT_SECONDS):
            return None
    except HTTPError as error:
        return error.read(500).decode(errors="replace")
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(trouble(address(os.environ)))
