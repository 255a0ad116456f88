"""What the chassis' tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.counters import Desk, counting
from tests.database import Server


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def desk(postgres_server: Server) -> AsyncIterator[Desk]:
    """The counters on a real database."""
    async with counting(postgres_server) as desk:
        yield desk
