"""From records to effects on a real database: once, in order, and nothing lost to poison.

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

from chassis import parking
from chassis.consumer import Consumer, Fold
from chassis.decider import Decide, Decision
from chassis.envelope import Event
from chassis.errors import Refusal, Retry, is_passing
from chassis.identifiers import new_id
from chassis.parking import ParkingLimit, Record
from chassis.postgres import Pool, open_pool
from contracts import payments
from contracts.event import Data
from services.status.domain import view as domain
from services.status.domain.view import View
from services.status.main import CONSUMES
from tests.consuming import consumer_of
from tests.database import Server
from tests.records import NOON, example, raw, record

PAYMENTS = next(fold for fold in CONSUMES if fold.topic == payments.TOPIC)
TOPIC, NAME = PAYMENTS.topic, PAYMENTS.name
BILL = new_id()
GOOD = example(payments.Started, bill_id=BILL)


@pytest.fixture(scope="module")
async def database(postgres_server: Server) -> AsyncIterator[Pool]:
    pool = await open_pool((await postgres_server.fresh("status")).url, "test", 8)
    yield pool
    await pool.close()


@pytest.fixture
async def pool(database: Pool) -> Pool:
    for table in ("view", "inbox", "parked", "parked_key"):
        await database.execute(f"delete from {table}")
    return database


def with_decider(decide: Decide, kind: type[Data] = payments.Failed) -> Fold:
    """status' own fold, but for one kind of event."""
    return replace(PAYMENTS, on={**PAYMENTS.on, kind: decide})


def refusing(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """A decider that says no."""
    raise Refusal("illegal_move", "Không thể.", "Not possible.")


def too_great(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """A decision that the database cannot hold."""
    decision = domain.on_payment(view, event, now)
    return Decision(decision.state.model_copy(update={"dossier_sequence": 2**70}))


async def views(pool: Pool) -> dict[str, list[int]]:
    """For each dossier the sequences of its timeline."""
    rows = await pool.fetch("select dossier_code, timeline from view order by dossier_code")
    return {row["dossier_code"]: [line["sequence"] for line in row["timeline"]] for row in rows}


async def parked(pool: Pool) -> list[tuple[int, str]]:
    """Offsets and states of all records in the parking place."""
    rows = await pool.fetch('select "offset", state from parked order by partition, "offset"')
    return [(row["offset"], row["state"]) for row in rows]


async def blocked(pool: Pool) -> list[str]:
    return [row["key"] for row in await pool.fetch("select key from parked_key order by key")]


def started(subject: str, sequence: int, offset: int, **more: Any) -> Record:
    return record(GOOD, offset, sequence, NOON, subject, **more)


def failed(subject: str, sequence: int, offset: int) -> Record:
    return record(example(payments.Failed, bill_id=BILL), offset, sequence, NOON, subject)


async def test_a_batch_that_comes_again_has_no_second_effect(pool: Pool) -> None:
    refund = example(payments.Refunded, bill_id=BILL, amount=1000)
    batch = [record(refund, offset, offset + 1, NOON, subject) for offset, subject in enumerate("AABAB")]
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


def _with_header(name: str, value: bytes | None) -> Record:
    made = started("A", 2, 1)
    headers = [(key, value if key == name else old) for key, old in made.headers]
    return raw(TOPIC, 1, b"A", made.value, headers)


def _without_headers() -> Record:
    return raw(TOPIC, 1, b"A", b'{"bill_id": 1}', [])


_MADE = started("A", 2, 1)
POISON = {
    "no headers": _without_headers(),
    "an unknown type": _with_header("ce_type", b"vn.motcua.payment.evaporated.v1"),
    "an unknown version": _with_header("ce_type", b"vn.motcua.payment.started.v2"),
    "bad JSON": raw(TOPIC, 1, b"A", b'{"bill_id": ', list(_MADE.headers)),
    "data of another type": raw(TOPIC, 1, b"A", b"[1, 2]", list(_MADE.headers)),
    "bytes that are not text": raw(TOPIC, 1, b"A", bytes(range(256)), list(_MADE.headers)),
    "an empty value": raw(TOPIC, 1, b"A", b"", list(_MADE.headers)),
    "no value at all": raw(TOPIC, 1, b"A", None, list(_MADE.headers)),
    "no value and no headers": raw(TOPIC, 1, b"A", None, []),
    "a header that is not UTF-8": _with_header("ce_id", b"\xff\xfe\x00"),
    "a header without a value": _with_header("ce_type", None),
    "an id that is no UUID": _with_header("ce_id", b"1; drop table view"),
    "a sequence that is no number": _with_header("ce_sequence", b"first"),
    "a sequence below one": _with_header("ce_sequence", b"0"),
    "a sequence beyond every number": _with_header("ce_sequence", b"9" * 5000),
    "a sequence beyond the column": _with_header("ce_sequence", b"9" * 30),
    "a time without its offset": _with_header("ce_time", b"2026-06-09T12:00:00"),
    "a time that is none": _with_header("ce_time", b"yesterday"),
    "a null byte in the type": _with_header("ce_type", b"vn.motcua\x00"),
    "a null byte in the subject": _with_header("ce_subject", b"A\x00B"),
    "a null byte in a header's name": raw(TOPIC, 1, b"A", b"{}", [("x\x00y", b"1")]),
    "a null byte in the trace": raw(TOPIC, 1, b"A", b"{}", [("traceparent", b"\x00")]),
    "a type of a megabyte": _with_header("ce_type", b"x" * 1_000_000),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
async def test_poison_is_parked_whole_and_only_its_key_waits(pool: Pool, poison: Record) -> None:
    records = [started("A", 1, 0), poison, started("B", 1, 2), started("A", 3, 3), started("B", 2, 4)]
    await consumer_of(PAYMENTS, pool).take(records)
    assert await parked(pool) == [(1, "parked"), (3, "held")]
    assert await views(pool) == {"A": [1], "B": [1, 2]}
    row = await pool.fetchrow('select * from parked where "offset" = 1')
    assert row is not None
    assert (row["record_key"], row["value"], row["topic"], row["partition"]) == (b"A", poison.value, TOPIC, 0)
    assert row["error"]
    assert len(row["error"]) <= 1000
    # What the parking place gives back is what Kafka gave.
    consumer = consumer_of(PAYMENTS, pool)
    assert await consumer.redrive("A") is False
    assert await _kept(pool, 1) == (poison.key, poison.value, tuple(poison.headers))
    # Later batches find the key blocked.
    await consumer.take([started("A", 4, 5), started("B", 3, 6)])
    assert await parked(pool) == [(1, "parked"), (3, "held"), (5, "held")]
    assert (await views(pool))["B"] == [1, 2, 3]


async def _kept(pool: Pool, offset: int) -> tuple[Any, ...]:
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow('select * from parked where "offset" = $1', offset)
        kept = await parking.first_open(connection, NAME, TOPIC, row["key"]) if row else None
    assert kept is not None
    return kept.key, kept.value, tuple(kept.headers)


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"a\x00b", b"k" * 100_000], ids=lambda key: repr(key)[:20])
async def test_a_poison_record_of_any_key_is_parked(pool: Pool, key: bytes | None) -> None:
    await consumer_of(PAYMENTS, pool).take([raw(TOPIC, 0, key, b"?", []), started("B", 1, 1)])
    assert await parked(pool) == [(0, "parked")]
    assert (await pool.fetchval("select record_key from parked")) == key
    assert await views(pool) == {"B": [1]}


async def test_long_keys_that_begin_alike_are_not_the_same_key(pool: Pool) -> None:
    one, other = b"k" * 5000 + b"1", b"k" * 5000 + b"2"
    good = started("A", 1, 1)
    await consumer_of(PAYMENTS, pool).take(
        [raw(TOPIC, 0, one, b"?", []), raw(TOPIC, 1, other, good.value, list(good.headers))]
    )
    assert await parked(pool) == [(0, "parked")]
    assert await views(pool) == {"A": [1]}


async def test_a_refused_event_parks_without_an_effect_and_holds_its_key(pool: Pool) -> None:
    consumer = consumer_of(with_decider(refusing), pool)
    await consumer.take([started("A", 1, 0), failed("A", 2, 1), started("A", 3, 2), started("B", 1, 3)])
    assert await parked(pool) == [(1, "parked"), (2, "held")]
    assert await views(pool) == {"A": [1], "B": [1]}
    assert await pool.fetchval("select error from parked where state = 'parked'") == "refused: illegal_move"
    assert await pool.fetchval("select count(*) from inbox") == 2


async def test_after_a_redrive_what_was_held_drains_in_order(pool: Pool) -> None:
    bad = consumer_of(with_decider(refusing), pool)
    await bad.take([failed("A", 1, 0), started("A", 2, 1), failed("B", 1, 2)])
    await bad.take([started("A", 3, 3), started("A", 4, 4)])
    corrected = consumer_of(PAYMENTS, pool)
    assert await corrected.drain() == 0  # a head waits for a person
    assert await corrected.redrive("A") is True
    assert await corrected.drain() == 1
    assert await views(pool) == {"A": [1, 2, 3, 4]}
    assert await parked(pool) == [(0, "redriven"), (1, "redriven"), (2, "parked"), (3, "redriven"), (4, "redriven")]
    assert await blocked(pool) == ["B"]
    await corrected.take([started("A", 5, 5)])
    assert (await views(pool))["A"] == [1, 2, 3, 4, 5]


async def test_a_redrive_that_fails_again_changes_nothing(pool: Pool) -> None:
    consumer = consumer_of(with_decider(refusing), pool)
    await consumer.take([failed("A", 1, 0), started("A", 2, 1)])
    for _ in range(2):
        assert await consumer.redrive("A") is False
    assert await parked(pool) == [(0, "parked"), (1, "held")]
    assert await views(pool) == {}
    assert await consumer.redrive("never heard of") is False


async def test_a_held_record_that_fails_heads_its_key(pool: Pool) -> None:
    consumer = consumer_of(with_decider(refusing), pool)
    await consumer.take([raw(TOPIC, 0, b"A", b"?", []), failed("A", 2, 1), started("A", 3, 2)])
    await pool.execute("update parked set state = 'discarded', open_key = null, closed_at = now() where \"offset\" = 0")
    await consumer.drain()
    assert await parked(pool) == [(0, "discarded"), (1, "parked"), (2, "held")]
    assert await pool.fetchval('select error from parked where "offset" = 1') == "refused: illegal_move"


async def test_parked_records_that_come_again_are_parked_once(pool: Pool) -> None:
    consumer = consumer_of(with_decider(refusing), pool)
    batch = [failed("A", 1, 0), started("A", 2, 1), raw(TOPIC, 2, b"B", b"?", [])]
    await consumer.take(batch)
    await consumer.take(batch)
    assert await parked(pool) == [(0, "parked"), (1, "held"), (2, "parked")]


async def test_settled_records_that_come_again_have_no_effect_and_block_nothing(pool: Pool) -> None:
    bad = consumer_of(with_decider(refusing), pool)
    batch = [failed("A", 1, 0), raw(TOPIC, 1, b"B", b"?", [])]
    await bad.take(batch)
    corrected = consumer_of(PAYMENTS, pool)
    assert await corrected.redrive("A")
    await pool.execute("update parked set state = 'discarded', open_key = null, closed_at = now() where \"offset\" = 1")
    await pool.execute("delete from parked_key")
    for consumer in (corrected, bad):
        await consumer.take([*batch, started("B", 2, 2 + (consumer is bad))])
    assert await parked(pool) == [(0, "redriven"), (1, "discarded")]
    assert await blocked(pool) == []
    assert await views(pool) == {"A": [1], "B": [2, 2]}


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


async def test_a_held_record_that_the_database_refuses_stops_no_other_key_from_draining(pool: Pool) -> None:
    consumer = consumer_of(with_decider(too_great), pool)
    for number, key in enumerate("ABCD"):
        await consumer.take([raw(TOPIC, 2 * number, key.encode(), b"?", [])])
        held = failed if key in "AC" else started
        await consumer.take([held(key, 2, 2 * number + 1)])
    await pool.execute(
        "update parked set state = 'discarded', open_key = null, closed_at = now() where state = 'parked'"
    )
    await consumer.drain()
    assert await views(pool) == {"B": [2], "D": [2]}
    assert await blocked(pool) == ["A", "C"]
    assert "22003" in await pool.fetchval('select error from parked where "offset" = 1')


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
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("lock table view in access exclusive mode")
        taking = asyncio.create_task(consumer.take(batch))
        async with asyncio.timeout(10):
            while not (
                waiting := await pool.fetchval(
                    "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%from view%'"
                )
            ):
                await asyncio.sleep(0.01)
        await holder.execute("select pg_terminate_backend($1)", waiting)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await taking
    assert is_passing(caught.value)
    assert await parked(pool) == []
    await consumer.take(batch)
    assert await views(pool) == {"A": [1], "B": [1]}


async def test_too_much_parking_stops_everything_and_commits_nothing(pool: Pool) -> None:
    consumer = consumer_of(PAYMENTS, pool, parking_limit=3)
    poison = [raw(TOPIC, number, f"key {number}".encode(), b"?", []) for number in range(4)]
    batch = [started("A", 1, 10), *poison, started("B", 1, 11)]
    for _ in range(2):
        with pytest.raises(ParkingLimit):
            await consumer.take(batch)
        for table in ("view", "inbox", "parked", "parked_key"):
            assert await pool.fetchval(f"select count(*) from {table}") == 0
    await consumer.take(batch[:4])
    assert len(await parked(pool)) == 3
    with pytest.raises(ParkingLimit):
        await consumer.take(batch[4:])
    assert len(await parked(pool)) == 3
    assert await views(pool) == {"A": [1]}


async def test_records_behind_a_parked_one_do_not_count_against_the_limit(pool: Pool) -> None:
    consumer = consumer_of(PAYMENTS, pool, parking_limit=1)
    await consumer.take([raw(TOPIC, 0, b"A", b"?", []), *(started("A", number, number) for number in range(1, 9))])
    assert [state for _, state in await parked(pool)] == ["parked", *["held"] * 8]


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
