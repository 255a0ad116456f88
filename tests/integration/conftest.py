"""Servers that integration tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.kafka import apply_topics_and_users
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from tests.stack import Kafka, kafka_running


@pytest_asyncio.fixture(scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """One broker for the whole session, with the topics, users and rights of the certificates."""
    layout = Layout(tmp_path_factory.mktemp("kafka"), free_offset())
    async with kafka_running(layout) as running:
        await apply_topics_and_users(running.layout, running.secrets)
        yield running
