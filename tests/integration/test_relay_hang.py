"""An idempotent producer never gives up by itself: while Kafka says nothing, its relay does, and begins anew."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
from opentelemetry.trace import NoOpTracer

from chassis import relay
from chassis.health import Health
from chassis.metrics import Metrics
from tests import stack
from tests.counters import Desk, counting
from tests.counting import value_of
from tests.database import Server
from tests.relaying import login, make_topic, reading, say


@pytest.fixture(scope="module")
async def desk(postgres_server: Server, kafka: stack.Kafka) -> AsyncIterator[Desk]:
    await make_topic(kafka)
    async with counting(postgres_server) as made:
        yield made


async def test_a_send_without_an_answer_is_given_up_and_the_relay_is_rebuilt(
    desk: Desk, kafka: stack.Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka is frozen in the middle of a send: counted, told in readiness, and afterwards everything is out, in order."""
    metrics, health = Metrics(), Health()

    def rebuilt() -> float:
        return value_of(metrics, "motcua_relay_rebuilt_total")

    publishing = asyncio.create_task(
        relay.Relay(desk.database.url, login(kafka), "hangs", NoOpTracer(), metrics, health).forever()
    )
    try:
        async with reading(kafka) as log:
            await say(desk.pool, "k", 0)
            await log.until("k", 0)
            assert rebuilt() == 0
            monkeypatch.setattr(relay, "_SEND_SECONDS", 2.0)  # for those that get no answer, not for a busy machine's
            os.kill(kafka.pid, signal.SIGSTOP)
            try:
                await say(desk.pool, "k", 1)
                async with asyncio.timeout(60):
                    while rebuilt() == 0:
                        await asyncio.sleep(0.05)
                assert "TimeoutError" in health.reasons["relay"]
                await say(desk.pool, "k", 2)
            finally:
                os.kill(kafka.pid, signal.SIGCONT)
            await log.until("k", 2)
            async with asyncio.timeout(60):
                while "relay" in health.reasons:
                    await asyncio.sleep(0.05)
        assert log.first_of("k") == [0, 1, 2]
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
