"""What a relay has in its hand, on real servers: nobody passes it, and nothing behind a refused batch is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from chassis import outbox
from chassis.health import Health
from chassis.identifiers import new_id
from chassis.relay import Relay
from tests import stack
from tests.counters import Desk, counting
from tests.database import Server
from tests.relaying import Log, login, make_topic, reading, relaying, say

NARROW = "narrow.v1"
STANDS_BY = """
select true from pg_stat_activity
where application_name = 'two-relay' and state = 'idle' and query like '%pg_try_advisory_lock%'
"""


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server, kafka: stack.Kafka) -> AsyncIterator[Desk]:
    await make_topic(kafka)
    await make_topic(kafka, NARROW, max_message_bytes="600000")
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


async def test_what_one_relay_has_in_its_hand_no_other_passes(
    desk: Desk, kafka: stack.Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stands still between its claim and its sending while another comes and a later event of the key too."""
    in_hand, go_on, send = asyncio.Event(), asyncio.Event(), Relay._send

    async def slow(self: Relay, *args: Any) -> None:
        if self._name == "one":
            in_hand.set()
            await go_on.wait()
        await send(self, *args)

    monkeypatch.setattr(Relay, "_send", slow)
    async with reading(kafka) as log, relaying(desk.database.url, login(kafka), "one"):
        await say(desk.pool, "k", 1)
        await asyncio.wait_for(in_hand.wait(), 60)
        await say(desk.pool, "k", 2)
        async with relaying(desk.database.url, login(kafka), "two"):
            await _until_it_stands_by_or_sends(desk, log)
            go_on.set()
            await log.until("k", 1)
            await log.until("k", 2)
    assert log.first_of("k") == [1, 2]


async def test_a_hand_that_is_too_old_is_dropped(
    desk: Desk, kafka: stack.Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its relay has lost the lock meanwhile, as a frozen one does: another has sent those rows, and no late copies follow."""
    in_hand, go_on, send, health = asyncio.Event(), asyncio.Event(), Relay._send, Health()

    async def an_hour_later(self: Relay, *args: Any) -> None:
        if self._name == "one" and not go_on.is_set():
            in_hand.set()
            await go_on.wait()
            args = (*args[:-1], args[-1] - 3600)
        await send(self, *args)

    monkeypatch.setattr(Relay, "_send", an_hour_later)
    async with reading(kafka) as log, relaying(desk.database.url, login(kafka), "one", health):
        await say(desk.pool, "k", 1)
        await asyncio.wait_for(in_hand.wait(), 60)
        async with relaying(desk.database.url, login(kafka), "two"):
            await desk.pool.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'one-relay'"
            )
            await log.until("k", 1)
            go_on.set()
            async with asyncio.timeout(30):
                while "too old" not in health.reasons.get("relay", ""):
                    await asyncio.sleep(0.01)
            await say(desk.pool, "k", 2)
            await log.until("k", 2)
    assert log.of("k") == [1, 2]


async def _until_it_stands_by_or_sends(desk: Desk, log: Log) -> None:
    async with asyncio.timeout(30):
        while not await desk.pool.fetchval(STANDS_BY):
            await log.to_the_end()
            if log.records:
                return
            await asyncio.sleep(0.02)


async def test_behind_a_refused_batch_nothing_of_its_partition_is_sent(desk: Desk, kafka: stack.Kafka) -> None:
    """The topic takes no batch as large as the first: it is refused until the topic takes larger ones, and goes first then."""
    health = Health()
    await _say_large(desk, "k", 1, 700_000)
    await _say_large(desk, "k", 2, 400_000)
    async with reading(kafka, NARROW) as log, relaying(desk.database.url, login(kafka), "relay", health):
        async with asyncio.timeout(30):
            while "MessageSizeTooLarge" not in health.reasons.get("relay", ""):
                await asyncio.sleep(0.02)
        await _widen(kafka)
        await log.until("k", 1)
        await log.until("k", 2)
    assert log.first_of("k") == [1, 2]


async def _say_large(desk: Desk, key: str, number: int, size: int) -> None:
    value = str(number).encode().ljust(size)
    async with desk.pool.acquire() as connection, connection.transaction():
        await outbox.insert(connection, [outbox.OutboxRow(new_id(), NARROW, key, "number", value, {})])


async def _widen(kafka: stack.Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap, **kafka.connection().options)
    await admin.start()
    try:
        wide = ConfigResource(ConfigResourceType.TOPIC, NARROW, configs={"max.message.bytes": "1048588"})
        await admin.alter_configs([wide])
    finally:
        await admin.close()
