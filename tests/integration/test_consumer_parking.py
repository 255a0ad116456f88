"""Poison on a real database: kept whole, its key held in order, all others served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis import parking
from chassis.parking import Record
from chassis.postgres import Pool
from tests.consuming import consumer_of, drainer_of, obeyed
from tests.database import Server
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
    too_great,
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
    assert await obeyed(drainer_of(PAYMENTS, pool), "redrive", 1) == "failed"
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
    return kept.record.key, kept.record.value, tuple(kept.record.headers)


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
    corrected, drainer = consumer_of(PAYMENTS, pool), drainer_of(PAYMENTS, pool)
    assert await drainer.drain() == 0  # a head waits for a person
    assert await obeyed(drainer, "redrive", 0) == "redriven"
    assert await drainer.drain() == 3
    assert await views(pool) == {"A": [1, 2, 3, 4]}
    assert await parked(pool) == [(0, "redriven"), (1, "redriven"), (2, "parked"), (3, "redriven"), (4, "redriven")]
    assert await blocked(pool) == ["B"]
    await corrected.take([started("A", 5, 5)])
    assert (await views(pool))["A"] == [1, 2, 3, 4, 5]


async def test_a_redrive_that_fails_again_changes_nothing(pool: Pool) -> None:
    bad = with_decider(refusing)
    await consumer_of(bad, pool).take([failed("A", 1, 0), started("A", 2, 1)])
    for _ in range(2):
        assert await obeyed(drainer_of(bad, pool), "redrive", 0) == "failed"
    assert await parked(pool) == [(0, "parked"), (1, "held")]
    assert await views(pool) == {}
    assert await pool.fetchval("select count(*) from inbox") == 0


async def test_a_held_record_that_fails_heads_its_key(pool: Pool) -> None:
    consumer = consumer_of(with_decider(refusing), pool)
    await consumer.take([raw(TOPIC, 0, b"A", b"?", []), failed("A", 2, 1), started("A", 3, 2)])
    await pool.execute("update parked set state = 'discarded', open_key = null, closed_at = now() where \"offset\" = 0")
    assert await drainer_of(with_decider(refusing), pool).drain() == 0
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
    assert await obeyed(drainer_of(PAYMENTS, pool), "redrive", 0) == "redriven"
    await pool.execute("update parked set state = 'discarded', open_key = null, closed_at = now() where \"offset\" = 1")
    await pool.execute("delete from parked_key")
    for consumer in (corrected, bad):
        await consumer.take([*batch, started("B", 2, 2 + (consumer is bad))])
    assert await parked(pool) == [(0, "redriven"), (1, "discarded")]
    assert await blocked(pool) == []
    assert await views(pool) == {"A": [1], "B": [2, 2]}


async def test_a_held_record_that_the_database_refuses_stops_no_other_key_from_draining(pool: Pool) -> None:
    consumer = consumer_of(with_decider(too_great), pool)
    for number, key in enumerate("ABCD"):
        await consumer.take([raw(TOPIC, 2 * number, key.encode(), b"?", [])])
        held = failed if key in "AC" else started
        await consumer.take([held(key, 2, 2 * number + 1)])
    await pool.execute(
        "update parked set state = 'discarded', open_key = null, closed_at = now() where state = 'parked'"
    )
    assert await drainer_of(with_decider(too_great), pool).drain() == 2
    assert await views(pool) == {"B": [2], "D": [2]}
    assert await blocked(pool) == ["A", "C"]
    assert "22003" in await pool.fetchval('select error from parked where "offset" = 1')


async def test_records_behind_a_parked_one_do_not_count_against_the_limit(pool: Pool) -> None:
    consumer = consumer_of(PAYMENTS, pool, parking_limit=1)
    await consumer.take([raw(TOPIC, 0, b"A", b"?", []), *(started("A", number, number) for number in range(1, 9))])
    assert [state for _, state in await parked(pool)] == ["parked", *["held"] * 8]
