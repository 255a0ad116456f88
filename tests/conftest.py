"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.database import Server, running


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The embedded PostgreSQL, once for the whole run."""
    async with running(tmp_path_factory.mktemp("postgres")) as server:
        yield server
