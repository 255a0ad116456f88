"""Consumers whose fetching silently stops, on real Kafka: each is restarted alone and counted, and everything arrives once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest

from chassis.consumer import Fold
from chassis.decider import Decision
from chassis.envelope import Event
from chassis.errors import Retry
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.subscriptions import Pace, Subscriptions
from tests import stack
from tests.counters import COUNTERS, Added, Counter, Desk, counting
from tests.counting import (
    consumer_of,
    consuming,
    count,
    each_had_one_effect,
    fold_of,
    totals,
    until_counted,
    value_of,
    writing,
)
from tests.database import Server
from tests.relaying import PARTITIONS, login, make_topic
from tests.waiting import until

STOPS, FLOWS = "payments.stops", "payments.flows"
QUICK = Pace(session_ms=6_000, look_seconds=0.2, stall_seconds=1.5)


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server, kafka: stack.Kafka) -> AsyncIterator[Desk]:
    await make_topic(kafka, "stops.v1")
    await make_topic(kafka, "flows.v1")
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


def _client_of(running: Subscriptions) -> Any:
    return running._fetchings[STOPS].consumer


def _ends_while_a_fetch_waits(running: Subscriptions) -> None:
    """As after an outage in which connections were taken and dropped: stopping it lets its fetch's cancellation out."""
    fetcher = _client_of(running)._fetcher
    fetcher._pending_tasks.add(asyncio.ensure_future(asyncio.sleep(3_600)))
    fetcher._fetch_task.cancel()


FAULTS: dict[str, Callable[[Subscriptions], None]] = {
    "its fetching ends while a fetch waits": _ends_while_a_fetch_waits,
    "its fetching ends": lambda running: _client_of(running)._fetcher._fetch_task.cancel(),
    "its place in the group is forgotten": lambda running: _client_of(running)._coordinator._coordination_task.cancel(),
    "nobody asks it for records": lambda running: running._subscribers[STOPS].tasks[0].cancel(),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_consumer_that_silently_stops_is_restarted_alone(desk: Desk, kafka: stack.Kafka, fault: str) -> None:
    metrics, health = Metrics(), Health()
    consumers = [
        consumer_of(fold_of(name, topic), desk.pool, metrics)
        for name, topic in ((STOPS, "stops.v1"), (FLOWS, "flows.v1"))
    ]

    def restarts(name: str) -> float:
        return value_of(metrics, "motcua_consumer_restarts_total", consumer=name)

    async with (
        writing(kafka, "stops.v1") as stopping,
        writing(kafka, "flows.v1") as flowing,
        consuming(consumers, login(kafka), "watched-0", metrics, health, QUICK) as running,
    ):
        for partition in range(PARTITIONS):
            await stopping.write([f"{fault} {partition}"] * 20, partition)
        await until_counted(desk.pool, stopping.expected)
        FAULTS[fault](running)
        for partition in range(PARTITIONS):
            await stopping.write([f"{fault} {partition}"] * 20, partition)
        while restarts(STOPS) == 0:
            await flowing.write([f"beside: {fault}"])
            await until_counted(desk.pool, flowing.expected)
        await until_counted(desk.pool, stopping.expected + flowing.expected)
        assert (restarts(STOPS), restarts(FLOWS)) == (1, 0)
    await each_had_one_effect(desk.pool, stopping.expected + flowing.expected)


async def test_a_batch_that_is_done_again_is_no_stall_and_shows_as_lag(desk: Desk, kafka: stack.Kafka) -> None:
    """Retry for longer than the watchdog's patience: no restart; the records count as waiting until they have their effect."""
    metrics, health, patient = Metrics(), Health(), asyncio.Event()

    def later(counter: Counter | None, event: Event[Any], now: datetime) -> Decision[Counter] | None:
        if not patient.is_set():
            raise Retry("not yet")
        return count(counter, event, now)

    await make_topic(kafka, "lags.v1")
    name = "payments.lags"
    consumer = consumer_of(Fold(name, "lags.v1", COUNTERS, {Added: later}), desk.pool, metrics)

    def lag() -> float:
        return value_of(metrics, "motcua_consumer_lag", consumer=name, partition="1")

    async def until_lag_is(number: int) -> None:
        async with asyncio.timeout(20):
            while lag() != number:
                await asyncio.sleep(0.05)

    async def is_told() -> bool:
        return "not yet" in health.reasons.get(name, "")

    async with (
        writing(kafka, "lags.v1") as writer,
        consuming([consumer], login(kafka), "watched-1", metrics, health, QUICK),
    ):
        await writer.write(["late"] * 7, partition=1)
        await until_lag_is(7)
        await until(is_told, "nobody is told that the batch waits", 20)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < 2 * QUICK.stall_seconds:
            await writer.write(["late"], partition=1)
            assert "not yet" in health.reasons[name]
            await asyncio.sleep(0.1)
        assert await totals(desk.pool) == {}
        patient.set()
        await until_counted(desk.pool, writer.expected)
        await until_lag_is(0)
    assert value_of(metrics, "motcua_consumer_restarts_total", consumer=name) == 0
    assert metrics.registry.get_sample_value("motcua_consumer_lag", {"consumer": name, "partition": "1"}) is None
    await each_had_one_effect(desk.pool, writer.expected)
