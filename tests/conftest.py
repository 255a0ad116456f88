"""What tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from deploy.local import offsets
from tests.database import Server, running


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The embedded PostgreSQL, once for the whole run."""
    async with running(tmp_path_factory.mktemp("postgres")) as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Each worker takes ports from a share of its own: two that look at the same moment never choose the same."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    offsets.OFFSETS = offsets.OFFSETS[worker::workers]
