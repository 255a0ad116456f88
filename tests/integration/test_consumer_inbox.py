"""From records to effects on a real database: once, all or nothing, whatever the database says.

The records go to status' own consumers, so that what is shown is what a service does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from chassis.consumer import Consumer
from chassis.decider import Decision
from chassis.envelope import Event
from chassis.errors import Retry, is_passing
from chassis.identifiers import new_id
from chassis.parking import ParkingLimit, Record
from chassis.postgres import Pool
from contracts import payments
from services.status.domain.view import View
from tests.consuming import consumer_of
from tests.database import Server
from tests.integration.payment_batches import (
    BILL,
    PAYMENTS,
    TOPIC,
    empty_database,
    failed,
    forget,
    parked,
    started,
    too_great,
    views,
    with_decider,
)
from tests.records import NOON, example, raw, record
from tests.waiting import kept_open, until_waiting


@pytest.fixture(scope="module")
async def database(postgres_server: Server) -> AsyncIterator[Pool]:
    async with empty_database(postgres_server) as pool:
        yield pool


@pytest.fixture
async def pool(database: Pool) -> Pool:
    await forget(database)
    return database


async def test_a_batch_that_comes_again_has_no_second_effect(pool: Pool) -> None:
    refunds = [example(payments.Refunded, bill_id=BILL, refund_id=new_id(), amount=1000) for _ in range(5)]
    batch = [record(refunds[offset], offset, offset + 1, NOON, subject) for offset, subject in enumerate("AABAB")]
    consumer = consumer_of(PAYMENTS, pool)
    await consumer.take(batch)
    before = await pool.fetch("select * from view order by dossier_code")
    await consumer.take(batch)
    await consumer.take(batch[2:])
    assert await pool.fetch("select * from view order by dossier_code") == before
    assert before[0]["payments"][str(BILL)]["refunded"] == 3000


async def test_a_copy_within_one_batch_has_no_second_effect(pool: Pool) -> None:
    twice = new_id()
    await consumer_of(PAYMENTS, pool).take([started("A", 1, offset, event_id=twice) for offset in range(3)])
    assert await views(pool) == {"A": [1]}


async def test_the_same_event_for_two_consumers_has_an_effect_in_both(pool: Pool) -> None:
    one = started("A", 1, 0)
    await consumer_of(PAYMENTS, pool).take([one])
    await consumer_of(replace(PAYMENTS, name="status.other"), pool).take([one])
    assert await views(pool) == {"A": [1, 1]}


@pytest.mark.parametrize("place", range(7))
async def test_a_database_error_is_narrowed_to_its_record(pool: Pool, place: int) -> None:
    """The database says what is wrong with a batch, not which record: the others must not suffer."""
    subjects = "ABCDEFG"
    records: Sequence[Record] = [
        failed(subject, 1, number) if number == place else started(subject, 1, number)
        for number, subject in enumerate(subjects)
    ]
    await consumer_of(with_decider(too_great), pool).take([*records, started(subjects[place], 2, 7)])
    assert await parked(pool) == [(place, "parked"), (7, "held")]
    assert set(await views(pool)) == set(subjects) - {subjects[place]}
    assert "22003" in await pool.fetchval("select error from parked where state = 'parked'")


async def test_passing_trouble_parks_nothing_and_is_told(pool: Pool) -> None:
    def impatient(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
        raise Retry("later")

    batch = [started("A", 1, 0), failed("A", 2, 1), started("B", 1, 2)]
    with pytest.raises(Retry, match="later"):
        await consumer_of(with_decider(impatient), pool).take(batch)
    assert await parked(pool) == []
    assert await views(pool) == {}
    assert await pool.fetchval("select count(*) from inbox") == 0
    await consumer_of(PAYMENTS, pool).take(batch)
    assert await views(pool) == {"A": [1, 2], "B": [1]}


async def test_a_lost_connection_parks_nothing(pool: Pool) -> None:
    batch = [started("A", 1, 0), started("B", 1, 1)]
    consumer: Consumer = consumer_of(PAYMENTS, pool)
    async with kept_open(pool) as holder:
        await holder.execute("lock table view in access exclusive mode")
        taking = asyncio.create_task(consumer.take(batch))
        (waiting,) = await until_waiting(pool, 1, "%from view%")
        await holder.execute("select pg_terminate_backend($1)", waiting)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await taking
    assert is_passing(caught.value)
    assert await parked(pool) == []
    await consumer.take(batch)
    assert await views(pool) == {"A": [1], "B": [1]}


async def test_too_much_parking_pauses_at_the_limit_and_goes_on_when_a_minute_has_passed(pool: Pool) -> None:
    """However many bad records one batch holds: as many as the limit allows are parked, and none behind them is taken."""
    consumer = consumer_of(PAYMENTS, pool, parking_limit=3)
    poison = [raw(TOPIC, number, f"key {number}".encode(), b"?", []) for number in range(7)]
    batch = [started("A", 1, 10), *poison, started("B", 1, 11)]
    for minute in range(2):
        for _ in range(2):
            with pytest.raises(ParkingLimit):
                await consumer.take(batch)
            assert len(await parked(pool)) == 3 * (minute + 1)
            assert await views(pool) == {"A": [1]}
        await pool.execute("update parked set parked_at = parked_at - interval '61 seconds'")
    await consumer.take(batch)
    assert len(await parked(pool)) == 7
    assert await views(pool) == {"A": [1], "B": [1]}


async def test_two_topics_that_meet_a_new_dossier_at_once_both_have_their_effect(pool: Pool) -> None:
    """Neither can lock the row that is not there yet: the loser is told, and does it again."""
    consumers = [consumer_of(replace(PAYMENTS, name=f"status.{number}"), pool) for number in range(4)]

    async def until_taken(consumer: Consumer, records: list[Record]) -> None:
        while True:
            try:
                await consumer.take(records)
                return
            except Retry:
                continue

    keys = [f"K{number:02}" for number in range(30)]
    await asyncio.gather(
        *(
            until_taken(consumer, [started(key, number + 1, offset) for offset, key in enumerate(keys)])
            for number, consumer in enumerate(consumers)
        )
    )
    assert await views(pool) == {key: [1, 2, 3, 4] for key in keys}
    assert await parked(pool) == []
