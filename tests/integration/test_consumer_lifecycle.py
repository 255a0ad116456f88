"""Consumers that are stopped, restarted, frozen and joined by others under load: no event lost, none with a second effect."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from chassis.health import Health
from chassis.metrics import Metrics
from chassis.subscriptions import Pace
from tests import stack
from tests.child import BUDGET_SECONDS, Child
from tests.counters import Desk, counting
from tests.counting import (
    Writer,
    consumer_of,
    consuming,
    each_had_one_effect,
    fold_of,
    totals,
    until_counted,
    writing,
)
from tests.database import Server
from tests.integration.sandbox_process import free_port
from tests.relaying import PARTITIONS, login, make_topic

ROOT = Path(__file__).resolve().parents[2]
HELD = "held"
# Each test has topics of its own: what one left uncommitted is not read by the next.
LOADED, ROLLING, FROZEN, POLLED = "loaded.v1", "rolling.v1", ("frozen-one.v1", "frozen-two.v1"), "polled.v1"
WAITING = """
select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = any($1::text[])
"""
IDLE = "select count(*) from pg_stat_activity where state = 'idle in transaction' and application_name = $1"


@pytest.fixture(scope="module")
async def own_desk(postgres_server: Server, kafka: stack.Kafka) -> AsyncIterator[Desk]:
    for topic in ("counters.v1", LOADED, ROLLING, *FROZEN, POLLED):
        await make_topic(kafka, topic)
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(own_desk: Desk) -> Desk:
    await own_desk.forget()
    return own_desk


@asynccontextmanager
async def _process(folder: Path, desk: Desk, kafka: stack.Kafka, instance: str, *topics: str) -> AsyncIterator[Child]:
    port, log = free_port(), folder / f"{instance}-{free_port()}.log"
    told = {
        "MOTCUA_DATABASE_URL": desk.database.url,
        "MOTCUA_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "MOTCUA_KAFKA_USER": kafka.connection().user,
        "MOTCUA_KAFKA_PASSWORD": kafka.connection().password,
        "MOTCUA_HTTP_PORT": str(port),
        "MOTCUA_OIDC_ISSUER": "http://127.0.0.1:9",
        "MOTCUA_INSTANCE": instance,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.counting_process", *topics],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=output,
            stderr=output,
        )
    try:
        yield Child(process, port, log)
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def _held(desk: Desk) -> AsyncIterator[None]:
    """The counter HELD is locked: who counts there waits in the middle of its transaction."""
    await desk.pool.execute("insert into counter values ($1, 0, 1, 0) on conflict do nothing", HELD)
    holder = await asyncpg.connect(desk.database.url)  # without the time-outs of a service's pool
    try:
        await holder.execute(f"begin; select from counter where id = '{HELD}' for update")
        yield
    finally:
        await holder.close()


async def _until_waiting(desk: Desk, *instances: str) -> None:
    """Wait until one of these processes waits for a lock in its transaction."""
    async with asyncio.timeout(60):
        while not await desk.pool.fetchval(WAITING, list(instances)):
            await asyncio.sleep(0.02)


async def _partitions(child: Child, topic: str) -> set[int]:
    """Which partitions a process has, by the lag that it shows."""
    shown = (await child.get("/metrics")).text
    return {
        int(found)
        for found in re.findall(rf'motcua_consumer_lag{{consumer="payments.{topic}",partition="(\d+)"', shown)
    }


async def _until_shared(topic: str, *children: Child) -> list[set[int]]:
    """Wait until each process has some partitions, and all of them together have all."""
    async with asyncio.timeout(90):
        while True:
            shares = [await _partitions(child, topic) for child in children]
            if all(shares) and sorted(number for share in shares for number in share) == list(range(PARTITIONS)):
                return shares
            await asyncio.sleep(0.1)


async def _write_on(writer: Writer, ended: asyncio.Event) -> None:
    number = 0
    while not ended.is_set():
        await writer.write([f"key {number % 20}", f"key {number % 7}"])
        number += 1
        await asyncio.sleep(0.01)


async def test_sigterm_under_load_ends_in_time_and_a_successor_goes_on(
    tmp_path: Path, desk: Desk, kafka: stack.Kafka
) -> None:
    async with writing(kafka, LOADED) as writer:
        for number in range(20):
            await writer.write([f"key {number} {key}" for key in range(50)] * 20)
        async with _process(tmp_path, desk, kafka, "loaded-0", LOADED) as child:
            async with asyncio.timeout(60):
                while not await totals(desk.pool):
                    await asyncio.sleep(0.01)
            assert await child.end() < BUDGET_SECONDS
            assert child.process.returncode in {0, -signal.SIGTERM}
        done = (await totals(desk.pool)).total()
        assert 0 < done < writer.expected.total(), "it was told to end in the middle of its work"
        async with _process(tmp_path, desk, kafka, "loaded-0", LOADED):
            await until_counted(desk.pool, writer.expected)
    await each_had_one_effect(desk.pool, writer.expected)


async def test_processes_that_join_in_mid_batch_and_restart_one_by_one(
    tmp_path: Path, desk: Desk, kafka: stack.Kafka
) -> None:
    """A second one joins while the first holds a batch; then each is restarted, and keeps its partitions: no rebalance."""
    ended = asyncio.Event()
    async with (
        writing(kafka, ROLLING) as writer,
        _process(tmp_path, desk, kafka, "rolling-0", ROLLING) as first,
    ):
        await first.until_ready()
        writing_on = asyncio.create_task(_write_on(writer, ended))
        await until_counted(desk.pool, writer.expected.copy())
        async with _held(desk):
            for partition in range(PARTITIONS):
                await writer.write([HELD], partition)
            await _until_waiting(desk, "rolling-0")
            async with _process(tmp_path, desk, kafka, "rolling-1", ROLLING) as second:
                await second.until_ready()
                await _until_waiting(desk, "rolling-1")
                before = await _until_shared(ROLLING, first, second)
                assert await second.end() < BUDGET_SECONDS, "also with a batch that cannot end"
        async with _process(tmp_path, desk, kafka, "rolling-1", ROLLING) as second:
            await second.until_ready()
            assert await _until_shared(ROLLING, first, second) == before
            assert await first.end() < BUDGET_SECONDS
            async with _process(tmp_path, desk, kafka, "rolling-0", ROLLING) as third:
                await third.until_ready()
                assert await _until_shared(ROLLING, third, second) == before
                ended.set()
                await writing_on
                await until_counted(desk.pool, writer.expected)
    await each_had_one_effect(desk.pool, writer.expected)


async def test_a_process_frozen_past_the_session_time_out_has_no_second_effect(
    tmp_path: Path, desk: Desk, kafka: stack.Kafka
) -> None:
    """One consumer in the middle of its transaction, another between two batches; another process takes their place."""
    async with (
        writing(kafka, FROZEN[0]) as one,
        writing(kafka, FROZEN[1]) as two,
        _process(tmp_path, desk, kafka, "frozen-0", *FROZEN) as frozen,
    ):
        await frozen.until_ready()
        await two.write([f"two {number}" for number in range(100)])
        await until_counted(desk.pool, two.expected)
        async with _held(desk):
            for partition in range(PARTITIONS):
                await one.write([HELD, f"one {partition}"], partition)
            await _until_waiting(desk, "frozen-0")
            frozen.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(60):
                while not await desk.pool.fetchval(IDLE, "frozen-0"):
                    await asyncio.sleep(0.02)
            await two.write([f"two {number}" for number in range(100)])
            async with _process(tmp_path, desk, kafka, "frozen-1", *FROZEN) as successor:
                await until_counted(desk.pool, one.expected + two.expected)
                frozen.process.send_signal(signal.SIGCONT)
                await _until_shared(FROZEN[0], frozen, successor)
                for partition in range(PARTITIONS):
                    await one.write([HELD], partition)
                    await two.write(["two again"], partition)
                await until_counted(desk.pool, one.expected + two.expected)
                await frozen.until_ready()
        finally:
            frozen.process.send_signal(signal.SIGCONT)
    await each_had_one_effect(desk.pool, one.expected + two.expected)


async def test_a_batch_in_hand_for_longer_than_the_group_waits_has_one_effect(desk: Desk, kafka: stack.Kafka) -> None:
    """Its partitions go to another; both have the same batch, and both commit."""
    fold = fold_of("payments.polled", POLLED)
    pace = Pace(session_ms=6_000, poll_ms=2_000, look_seconds=0.2)
    consumer = consumer_of(fold, desk.pool, Metrics())

    def member(instance: str) -> Any:
        return consuming([consumer], login(kafka), instance, Metrics(), Health(), pace)

    async with writing(kafka, fold.topic) as writer, member("polled-0") as slow, AsyncExitStack() as joining:
        async with _held(desk):
            await writer.write([HELD] * 3, partition=0)
            await _until_waiting(desk, "counters")
            in_hand = slow._fetchings[fold.name].behind()
            other = await joining.enter_async_context(member("polled-1"))
            async with asyncio.timeout(60):
                while not (fold.name in other._fetchings and other._fetchings[fold.name].behind() == in_hand):
                    await asyncio.sleep(0.05)
            assert slow._fetchings[fold.name].behind() == in_hand, "and the first has it still"
        for _ in range(3):
            for partition in range(PARTITIONS):
                await writer.write([HELD, f"polled {partition}"], partition)
            await until_counted(desk.pool, writer.expected)
    await each_had_one_effect(desk.pool, writer.expected)
