"""Too much was parked: the consumer pauses, says so where an alert can see it, and goes on by itself. Real Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chassis import subscriptions
from chassis.consumer import Consumer
from chassis.envelope import Reader
from chassis.health import Health
from chassis.metrics import Metrics
from tests import stack
from tests.counters import Added, counting, voice
from tests.counting import consuming, fold_of, headers, totals, until_counted, writing
from tests.database import Server
from tests.relaying import login, make_topic

TOPIC, GROUP, LIMIT, POISON = "parking-pause.v1", "payments.pause", 2, 5


async def test_a_consumer_that_parked_too_much_pauses_aloud_and_goes_on_when_the_minute_is_over(
    kafka: stack.Kafka, postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "_PAUSE_SECONDS", 0.2)
    metrics, health = Metrics(), Health()

    def gauge() -> float | None:
        return metrics.registry.get_sample_value("motcua_consumer_paused", {"consumer": GROUP})

    await make_topic(kafka, TOPIC)
    async with counting(postgres_server) as desk, writing(kafka, TOPIC) as writer:
        for number in range(POISON):
            await writer.raw(b"?", f"bad {number}".encode(), headers("bad"), 0)
        await writer.write(["good"], 0)
        reader = Reader({Added.TYPE: Added}, {})
        consumer = Consumer(fold_of(GROUP, TOPIC), desk.pool, voice(), reader, metrics, LIMIT)
        async with consuming([consumer], login(kafka), "pause-0", metrics, health):
            await _until(lambda: gauge() == 1)
            paused = health.reasons[GROUP]
            assert await desk.pool.fetchval("select count(*) from parked") == LIMIT
            assert await totals(desk.pool) == {}
            while not await totals(desk.pool):
                await desk.pool.execute("update parked set parked_at = parked_at - interval '61 seconds'")
                await asyncio.sleep(0.05)
            await until_counted(desk.pool, writer.expected)
            await _until(lambda: gauge() == 0)
            assert GROUP not in health.reasons
        assert await desk.pool.fetchval("select count(*) from parked where state = 'parked'") == POISON
    assert f"parked {LIMIT} records within a minute" in paused


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)
