"""Ports for the servers of a test: known before the server takes them, and nobody else's until then and afterwards."""

from __future__ import annotations

import os
import random

from deploy.local.checks import is_free


def _share() -> list[int]:
    """This worker's ports, in any order: a stack takes none of them, nor does a system give them to connections."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = [port for port in range(10_000, 32_000) if 40 <= port % 100 < 80]
    return random.Random().sample(ports[worker::workers], len(ports) // workers)


_LEFT = iter(_share())


def free_port() -> int:
    """A port that was given to nobody in this run, so that a server may be away from it for a while and come back."""
    return next(port for port in _LEFT if is_free(port))
