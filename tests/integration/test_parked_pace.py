"""Parked records that fail again: they back off, keep their place and stop nobody else; orders keep their rate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis import parking
from chassis.postgres import Pool
from tests.consuming import consumer_of, drainer_of
from tests.database import Server
from tests.integration.parking_desk import Hands, broken, order, outcomes, tries, troubled
from tests.integration.payment_batches import (
    PAYMENTS,
    TOPIC,
    blocked,
    empty_database,
    failed,
    forget,
    parked,
    refusing,
    started,
    views,
    with_decider,
)
from tests.records import raw


@pytest.fixture(scope="module")
async def database(postgres_server: Server) -> AsyncIterator[Pool]:
    async with empty_database(postgres_server) as pool:
        yield pool


@pytest.fixture
async def pool(database: Pool) -> Pool:
    await forget(database)
    return database


async def test_a_record_that_fails_again_stays_the_head_and_backs_off(pool: Pool) -> None:
    clock = Hands()
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1)])
    drainer = drainer_of(with_decider(broken), pool, clock)
    await order(pool, "redrive", 0)
    assert await drainer.carry_out()
    assert await outcomes(pool) == [(0, "failed", "ZeroDivisionError in a decider")]
    assert await pool.fetchval("select error from parked where state = 'parked'") == "ZeroDivisionError in a decider"
    assert await parked(pool) == [(0, "parked"), (1, "held")]
    # However often it is ordered, it is tried after a pause only, and that grows.
    for pause in (1, 2, 4):
        await order(pool, "redrive", 0, first=clock.now)
        clock.move(pause - 0.001)
        before = await tries(pool)
        assert not await drainer.carry_out()
        clock.move(0.001)
        assert await drainer.carry_out()
        assert await tries(pool) == before + 1


async def test_a_rate_is_kept(pool: Pool) -> None:
    clock = Hands()
    await consumer_of(with_decider(refusing), pool).take([failed(f"K{number}", 1, number) for number in range(6)])
    await order(pool, "redrive", *range(6), per_second=2)
    drainer, done = drainer_of(PAYMENTS, pool, clock), []
    for _ in range(6):
        await drainer.turn()
        done.append(len(await views(pool)))
        clock.move(0.5)
    assert done == [1, 2, 3, 4, 5, 6]


async def test_passing_trouble_leaves_order_and_record_for_later(pool: Pool) -> None:
    clock = Hands()
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1)])
    await order(pool, "redrive", 0)
    drainer = drainer_of(with_decider(troubled), pool, clock)
    assert await drainer.carry_out()
    assert await outcomes(pool) == [(0, None, "the other side is away")]
    assert not await drainer.carry_out()  # it backs off
    clock.move(1)
    await drainer_of(PAYMENTS, pool, clock).turn()
    assert await views(pool) == {"A": [1, 2]}
    assert await outcomes(pool) == [(0, "redriven", None)]


async def test_trouble_with_one_key_stops_no_other_from_draining(pool: Pool) -> None:
    clock = Hands()
    consumer = consumer_of(PAYMENTS, pool)
    for number, key in enumerate("ABC"):
        await consumer.take([raw(TOPIC, 2 * number, key.encode(), b"?", [])])
        await consumer.take([(failed if key == "A" else started)(key, 2, 2 * number + 1)])
    await order(pool, "discard", 0, 2, 4)
    drainer = drainer_of(with_decider(troubled), pool, clock)
    await drainer.turn()
    assert await views(pool) == {"B": [2], "C": [2]}
    assert await blocked(pool) == ["A"]
    before = await tries(pool)
    await drainer.turn()
    assert await tries(pool) == before  # it backs off
    clock.move(1)
    await drainer_of(PAYMENTS, pool, clock).turn()
    assert await views(pool) == {"A": [2], "B": [2], "C": [2]}


async def test_a_head_is_not_tried_again_by_a_drainer_that_saw_it_held(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for keys and the lock on one of them, another process may have tried its oldest record."""
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1)])

    async def stale(*_: Any) -> list[str]:
        return ["A"]

    monkeypatch.setattr(parking, "drainable", stale)
    assert await drainer_of(PAYMENTS, pool).drain() == 0
    assert await parked(pool) == [(0, "parked"), (1, "held")]
