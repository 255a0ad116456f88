"""Servers that integration tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from deploy.local.kafka import apply_topics_and_users
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from tests.database import Server
from tests.integration.intake_desk import Desk, open_desk, signing
from tests.integration.intake_life import Life, open_life
from tests.integration.payments_counter import Counter, open_counter
from tests.integration.payments_people import People, open_people
from tests.integration.sandbox_process import Server as Sandbox
from tests.stack import Kafka, kafka_running


@pytest_asyncio.fixture(scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """One broker for the whole session, with the topics, users and rights of the certificates."""
    layout = Layout(tmp_path_factory.mktemp("kafka"), free_offset())
    async with kafka_running(layout) as running:
        await apply_topics_and_users(running.layout, running.secrets)
        yield running


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The identity provider at which intake's people sign in; no test lets it fail."""
    with signing(tmp_path_factory.mktemp("oidc")) as server:
        yield server


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Server, provider: Sandbox) -> AsyncIterator[Desk]:
    """intake, once for a file; one that wants another says so by a fixture of this name."""
    async with open_desk(await postgres_server.fresh("intake"), provider) as desk:
        yield desk


@pytest.fixture
async def desk(shared_desk: Desk) -> Desk:
    """intake for one test: nobody has filed anything."""
    await shared_desk.forgets()
    return shared_desk


@pytest.fixture(scope="module")
async def shared_life(
    postgres_server: Server, provider: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Life]:
    """intake with a clock that tests put forward, once for a file."""
    database, folder = await postgres_server.fresh("intake"), tmp_path_factory.mktemp("documents")
    async with open_life(database, provider, folder) as life:
        yield life


@pytest.fixture
async def life(shared_life: Life) -> Life:
    """The same for one test: it is that morning again."""
    await shared_life.begins_anew()
    return shared_life


@pytest.fixture(scope="module")
async def shared_counter(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    """payments with its gateway, once for a file; one that wants more of it says so by a fixture of this name."""
    async with open_counter(postgres_server, tmp_path_factory.mktemp("gateway")) as counter:
        yield counter


@pytest.fixture
async def counter(shared_counter: Counter) -> AsyncIterator[Counter]:
    """payments for one test: then no fault is armed, and the clock tells the present."""
    yield shared_counter
    await shared_counter.all_is_well()


@pytest.fixture(scope="module")
async def people(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[People]:
    """Everybody at a payments with each way to pay, once for a file."""
    async with open_people(postgres_server, tmp_path_factory.mktemp("gateway")) as people:
        yield people
