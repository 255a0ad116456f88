"""Orders about parked records on a real database: in order, once, at their rate, whoever else is at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from chassis import orders, parking
from chassis.errors import is_passing
from chassis.identifiers import new_id
from chassis.parking import Refused
from chassis.postgres import Pool
from tests.consuming import consumer_of, drainer_of, obeyed
from tests.database import Server
from tests.integration.parking_desk import order, outcomes
from tests.integration.payment_batches import (
    NAME,
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


async def test_a_redriven_key_goes_on_in_order_from_its_oldest_record(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take(
        [failed("A", 1, 0), started("A", 2, 1), started("A", 3, 2), failed("B", 1, 3)]
    )
    assert await order(pool, "redrive", 0) == 1
    await drainer_of(PAYMENTS, pool).turn()
    assert await views(pool) == {"A": [1, 2, 3]}
    assert await parked(pool) == [(0, "redriven"), (1, "redriven"), (2, "redriven"), (3, "parked")]
    assert await blocked(pool) == ["B"]
    row = await pool.fetchrow("select * from parked_order")
    assert row is not None
    assert (row["ordered_by"], row["login"], row["reason"], row["outcome"]) == ("lan", "status", "sửa xong", "redriven")
    assert row["done_at"] is not None


async def test_the_same_order_twice_has_one_effect(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0)])
    assert await order(pool, "redrive", 0) == 1
    assert await order(pool, "redrive", 0) == 0  # it has one that is not done
    drainer = drainer_of(PAYMENTS, pool)
    await drainer.turn()
    assert await order(pool, "redrive", 0) == 1
    await drainer.turn()
    assert await views(pool) == {"A": [1]}
    assert await outcomes(pool) == [(0, "redriven", None), (0, "gone", "redriven")]


async def test_an_order_whose_record_was_closed_meanwhile_ends_as_such(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1)])
    await order(pool, "discard", 0)
    async with pool.acquire() as connection, connection.transaction():
        head = await parking.first_open(connection, NAME, TOPIC, "A")
        assert head is not None
        await parking.close(connection, NAME, head.record, "redriven")
    drainer = drainer_of(PAYMENTS, pool)
    assert await drainer.carry_out()
    assert not await drainer.carry_out()
    assert await outcomes(pool) == [(0, "gone", "redriven")]
    assert await pool.fetchval("select count(*) from inbox") == 0


async def test_what_a_discard_leaves_behind_is_drained_in_order_and_copies_of_it_have_no_effect(pool: Pool) -> None:
    bad = consumer_of(with_decider(refusing), pool)
    batch = [failed("A", 1, 0), started("A", 2, 1), started("A", 3, 2)]
    await bad.take(batch)
    await order(pool, "discard", 0)
    await drainer_of(with_decider(refusing), pool).turn()
    assert await parked(pool) == [(0, "discarded"), (1, "redriven"), (2, "redriven")]
    assert await views(pool) == {"A": [2, 3]}
    assert await blocked(pool) == []
    await consumer_of(PAYMENTS, pool).take(batch)
    assert await views(pool) == {"A": [2, 3]}


async def test_an_unreadable_record_is_discarded_and_frees_its_key(pool: Pool) -> None:
    """Without an event id there is nothing for the inbox; the same record at the same place has no effect all the same."""
    unreadable = raw(TOPIC, 0, b"A", b"?", [("ce_id", b"\xff")])
    consumer = consumer_of(PAYMENTS, pool)
    await consumer.take([unreadable, started("A", 2, 1)])
    assert await obeyed(drainer_of(PAYMENTS, pool), "discard", 0) == "discarded"
    assert await pool.fetchval("select count(*) from inbox") == 0
    await drainer_of(PAYMENTS, pool).drain()
    await consumer.take([unreadable, started("A", 3, 2)])
    assert await parked(pool) == [(0, "discarded"), (1, "redriven")]
    assert await views(pool) == {"A": [2, 3]}


async def test_a_discard_of_bad_data_enters_the_id_that_its_header_tells(pool: Pool) -> None:
    event = new_id()
    made = started("A", 1, 0, event_id=event)
    await consumer_of(PAYMENTS, pool).take([raw(TOPIC, 0, b"A", b"{}", list(made.headers))])
    assert await obeyed(drainer_of(PAYMENTS, pool), "discard", 0) == "discarded"
    assert await pool.fetchval("select event_id from inbox") == event


async def test_two_processes_that_drain_at_once_share_the_work(pool: Pool) -> None:
    keys = [f"K{number}" for number in range(8)]
    bad = consumer_of(with_decider(refusing), pool)
    await bad.take([failed(key, 1, number) for number, key in enumerate(keys)])
    await bad.take(
        [started(key, 2 + turn, 100 + turn * 8 + place) for turn in range(9) for place, key in enumerate(keys)]
    )
    await order(pool, "redrive", *range(8))
    drainers = [drainer_of(PAYMENTS, pool) for _ in range(2)]
    while await parking.is_busy(pool, NAME, TOPIC):
        async with asyncio.timeout(60):
            await asyncio.gather(*(drainer.turn() for drainer in drainers))
    assert await views(pool) == {key: list(range(1, 11)) for key in keys}
    assert {state for _, state in await parked(pool)} == {"redriven"}
    assert [outcome for _, outcome, _ in await outcomes(pool)] == ["redriven"] * 8


async def test_records_that_arrive_while_their_key_is_drained_keep_their_order(pool: Pool) -> None:
    bad, good, drainer = (
        consumer_of(with_decider(refusing), pool),
        consumer_of(PAYMENTS, pool),
        drainer_of(PAYMENTS, pool),
    )
    await bad.take([failed("A", 1, 0), *(started("A", number, number) for number in range(2, 20))])
    await order(pool, "redrive", 0)

    async def arrive() -> None:
        for number in range(20, 60):
            # 23503 and the like: whoever meets passing trouble does the same again.
            while True:
                try:
                    await good.take([started("A", number, number)])
                    break
                except asyncpg.PostgresError as error:
                    if not is_passing(error):
                        raise

    async def work_off() -> None:
        while await parking.is_busy(pool, NAME, TOPIC):
            await drainer.turn()

    async with asyncio.timeout(60):
        await asyncio.gather(arrive(), work_off())
        await work_off()
    assert await views(pool) == {"A": list(range(1, 60))}
    assert await blocked(pool) == []


async def test_a_record_held_behind_a_key_that_is_free_is_passing_trouble(pool: Pool) -> None:
    """Rule 10: whoever read the key as blocked before it was freed must do the batch again (23503), never park it."""
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.ForeignKeyViolationError) as caught:
            await parking.park(connection, NAME, TOPIC, [Refused(started("A", 2, 1), None)], 100)
    assert caught.value.sqlstate == "23503"
    assert is_passing(caught.value)
    assert await parked(pool) == []


async def test_an_order_about_a_held_record_does_not_pass_its_head(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1)])
    for action in ("redrive", "discard"):
        await order(pool, action, 1)
        await drainer_of(PAYMENTS, pool).carry_out()
    assert await outcomes(pool) == [(1, "failed", "stands behind 0/0")] * 2
    assert await parked(pool) == [(0, "parked"), (1, "held")]
    assert await views(pool) == {}


async def test_a_withdrawn_order_has_no_effect(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0)])
    await order(pool, "redrive", 0)
    async with pool.acquire() as connection:
        ids = [row["id"] for row in await connection.fetch("select id from parked_order")]
        assert await orders.withdraw(connection, ids, "Ctrl-C") == 1
        assert await orders.withdraw(connection, ids, "Ctrl-C") == 0
    assert not await drainer_of(PAYMENTS, pool).carry_out()
    assert await parked(pool) == [(0, "parked")]


async def test_closed_records_and_their_orders_are_kept_as_long_as_the_inbox_and_no_longer(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), failed("B", 1, 1), failed("C", 1, 2)])
    drainer = drainer_of(PAYMENTS, pool)
    for offset in (0, 1):
        await obeyed(drainer, "redrive", offset)
    await pool.execute("update parked set closed_at = now() - interval '10 days' where \"offset\" = 0")
    await pool.execute("update parked set parked_at = now() - interval '10 days'")
    assert await parking.prune(pool, timedelta(days=9), 100) == 1
    assert await parked(pool) == [(1, "redriven"), (2, "parked")]
    assert [offset for offset, _, _ in await outcomes(pool)] == [1]


async def test_gauges_tell_open_heads_held_records_and_the_oldest(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1), failed("B", 1, 2)])
    await pool.execute("update parked set parked_at = now() - interval '1 hour' where \"offset\" = 0")
    found = await parking.counts(pool, NAME, TOPIC)
    assert (found.heads, found.held) == (2, 1)
    assert 3_599 < found.oldest_seconds < 3_660


async def test_a_drainer_carries_out_orders_by_itself(pool: Pool) -> None:
    await consumer_of(with_decider(refusing), pool).take([failed("A", 1, 0), started("A", 2, 1)])
    task = asyncio.create_task(drainer_of(PAYMENTS, pool).forever())
    try:
        await order(pool, "redrive", 0)
        async with asyncio.timeout(30):
            while await parking.is_busy(pool, NAME, TOPIC):
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await views(pool) == {"A": [1, 2]}
