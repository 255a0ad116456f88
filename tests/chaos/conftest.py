"""A stack with points for the suite's own tests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from tests import learnt
from tests.chaos import log, stack
from tests.chaos.people import People
from tests.chaos.walking import Walk


@pytest.fixture(scope="session", autouse=True)
def _quiet_clients() -> None:
    """A broker that is away is what the suite is about."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    """One stack for all tests of a module."""
    layout = Layout(tmp_path_factory.mktemp("chaos"), free_offset())
    await asyncio.to_thread(learnt.give, layout.data)
    async with stack.running(layout, learn=False) as running, log.reading(running.admin) as read:
        people = People(layout)
        try:
            yield Walk(running, read, people)
        finally:
            await people.close()
