"""What no decent client would write, on real Kafka: each record is parked whole, and what stands behind it has its effect."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections import Counter as Tally
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from chassis import unpacking
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.postgres import Pool
from chassis.subscriptions import Pace
from tests import stack
from tests.counters import counting
from tests.counting import (
    Headers,
    Writer,
    body,
    consumer_of,
    consuming,
    fold_of,
    headers,
    totals,
    until_counted,
    value_of,
    writing,
)
from tests.database import Server
from tests.relaying import PARTITIONS, login, make_topic

NAME, TOPIC = "payments.fetching", "fetching.v1"
QUICK = Pace(look_seconds=0.2, standing_seconds=1.0)
_CHECKSUM, _CHECKED = slice(17, 21), slice(21, None)  # of a batch: https://kafka.apache.org/documentation/#recordbatch
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
async def pool(postgres_server: Server) -> AsyncIterator[Pool]:
    async with counting(postgres_server) as desk:
        yield desk.pool


@pytest.fixture(scope="module")
async def writer(kafka: stack.Kafka) -> AsyncIterator[Writer]:
    await make_topic(kafka, TOPIC, max_message_bytes=str(3 * MEGABYTE))
    async with writing(kafka, TOPIC) as made:
        yield made


@pytest.fixture(scope="module")
async def running(kafka: stack.Kafka, pool: Pool, writer: Writer) -> AsyncIterator[None]:
    """One consumer for all kinds of poison: it must outlive each."""
    metrics = Metrics()
    consumer = consumer_of(fold_of(NAME, TOPIC), pool, metrics)
    async with consuming([consumer], login(kafka), "fetching-0", metrics, Health(), QUICK):
        yield


def _kinds() -> dict[str, tuple[bytes | None, Headers, str]]:
    good = headers("poison")
    return {
        "no value": (None, good, "no value"),
        "no headers": (body(), [], "ce_type"),
        "a header that is not UTF-8": (body(), headers("poison", ce_id=b"\xff\xfe\x00"), "ce_id"),
        "a header without a value": (body(), headers("poison", ce_type=None), "ce_type"),
        "an unknown type": (body(), headers("poison", ce_type=b"vn.motcua.test-counter.eaten.v1"), "unknown type"),
        "an unknown version": (body(), headers("poison", ce_type=b"vn.motcua.test-counter.added.v9"), "unknown type"),
        "bad JSON": (b'{"amount": ', good, "not the data"),
        "two megabytes": (b"\x00\xff" * MEGABYTE, good, "not the data"),
    }


@pytest.mark.parametrize("kind", _kinds())
async def test_poison_is_parked_whole_and_the_record_behind_it_has_its_effect(
    running: None, pool: Pool, writer: Writer, kind: str
) -> None:
    """On the same partition, through real Kafka: value, headers, place and error are kept."""
    value, told, error = _kinds()[kind]
    key = f"poison {kind}"
    offset = await writer.raw(value, key.encode(), told, partition=2)
    await writer.write([f"behind {kind}"], partition=2)
    await until_counted(pool, writer.expected)
    row = await _parked(pool, 2, offset)
    assert (row["record_key"], row["value"], row["state"]) == (key.encode(), value, "parked")
    assert error in row["error"]
    assert [(name, None if it is None else base64.b64decode(it)) for name, it in row["headers"]] == told
    assert key not in await totals(pool)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_strangers_may_compress_as_they_like(
    running: None, kafka: stack.Kafka, pool: Pool, writer: Writer, codec: str
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, compression_type=codec, **kafka.connection().options)
    await producer.start()
    try:
        told = [*headers(codec), ("padding", b"x" * 500)]
        await producer.send_and_wait(TOPIC, body(), key=codec.encode(), partition=2, headers=told)
        writer.expected[codec] += 1
    finally:
        await producer.stop()
    await until_counted(pool, writer.expected)


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
async def test_a_batch_that_would_unpack_to_too_much_is_parked_as_it_is_and_costs_no_other(
    running: None, kafka: stack.Kafka, pool: Pool, writer: Writer, codec: str
) -> None:
    """A few kilobytes on the wire; the memory of the process is not filled with what they say."""
    await writer.write([f"before a bomb of {codec}"], partition=1)
    large = unpacking.MOST_BYTES + 1
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap,
        compression_type=codec,
        max_request_size=2 * large,
        **kafka.connection().options,
    )
    await producer.start()
    try:
        sent = await producer.send_and_wait(
            TOPIC, b"\0" * large, key=codec.encode(), partition=1, headers=headers(codec)
        )
    finally:
        await producer.stop()
    await writer.write([f"behind a bomb of {codec}"], partition=1)
    await until_counted(pool, writer.expected)
    row = await _parked(pool, 1, sent.offset)
    assert "unpacks to more than 16 MiB" in row["error"]
    assert row["state"] == "parked"
    assert len(row["value"]) < 100_000


async def test_a_record_that_the_client_cannot_parse_is_parked_and_costs_no_other(
    running: None, pool: Pool, writer: Writer
) -> None:
    """A header whose name is not UTF-8, between good records of its own batch and of every partition."""
    many = [f"many {number}" for number in range(50)]
    written, counted = writer.expected.copy(), await totals(pool)
    for partition in range(PARTITIONS):
        await writer.write(many, partition)
    offset = await _write_unreadable(writer, partition=4)
    for partition in range(PARTITIONS):
        await writer.write(many, partition)
    await until_counted(pool, writer.expected)
    assert await totals(pool) - counted == writer.expected - written
    row = await _parked(pool, 4, offset)
    assert (row["record_key"], row["value"]) == (b"unreadable", b"the middle one")
    assert "name is not UTF-8" in row["error"]
    (name, value), *rest = row["headers"]
    assert name.encode().decode("unicode_escape").encode(errors="surrogateescape") == b"\xff\x00\xfe!"
    assert base64.b64decode(value) == b"x"
    assert len(rest) == len(headers("k"))


async def test_a_batch_with_a_wrong_checksum_stands_still_aloud_until_it_is_mended(
    kafka: stack.Kafka, pool: Pool, writer: Writer
) -> None:
    """Only its partition does: the log's own bytes are spoiled, and later put right again."""
    topic, bad = "spoiled.v1", 3
    await make_topic(kafka, topic)
    metrics, health = Metrics(), Health()
    consumer = consumer_of(fold_of("payments.spoiled", topic), pool, metrics)

    def standing() -> float:
        return value_of(metrics, "motcua_consumer_standing_partitions", consumer="payments.spoiled")

    async def until(number: float) -> None:
        async with asyncio.timeout(60):
            while standing() != number:
                await asyncio.sleep(0.05)

    async with writing(kafka, topic) as spoiling:
        await spoiling.write(["before"], bad)
        offset = await spoiling.raw(body(), b"spoiled", headers("spoiled"), bad)
        await spoiling.write(["behind"], bad)
        log = kafka.layout.data / "kafka"
        (segment,) = log.rglob(f"{topic}-{bad}/00000000000000000000.log")
        _turn_a_bit(segment, b"spoiled")
        async with consuming([consumer], login(kafka), "fetching-1", metrics, health, QUICK):
            await until(1)
            for partition in range(PARTITIONS):
                if partition != bad:
                    await spoiling.write([f"another {partition}"], partition)
                    await until_counted(pool, spoiling.expected - Tally(["behind"]))
            assert f"{bad} at offset {offset}" in health.reasons["payments.spoiled partitions"]
            assert "behind" not in await totals(pool)
            _turn_a_bit(segment, b"rpoiled")
            spoiling.expected["spoiled"] += 1
            await until_counted(pool, spoiling.expected)
            await until(0)
            assert "payments.spoiled partitions" not in health.reasons
    assert await pool.fetchval("select count(*) from parked where consumer = 'payments.spoiled'") == 0


async def _parked(pool: Pool, partition: int, offset: int) -> Any:
    parked = 'select * from parked where consumer = $1 and partition = $2 and "offset" = $3'
    async with asyncio.timeout(60):
        while True:
            if (row := await pool.fetchrow(parked, NAME, partition, offset)) is not None:
                return row
            await asyncio.sleep(0.05)


def _turn_a_bit(segment: Path, old: bytes) -> None:
    """In the record's key, where it stands first in the file."""
    with segment.open("r+b") as file:
        at = file.read().index(old)
        file.seek(at)
        file.write(bytes([old[0] ^ 1]))


async def _write_unreadable(writer: Writer, partition: int) -> int:
    """Three records in one batch, the middle one with a header whose name is not UTF-8, checksum and all."""
    batch = writer.producer.create_batch()
    for key, value, first in (
        ("one", body(), []),
        ("unreadable", b"the middle one", [("name", b"x")]),
        ("three", body(), []),
    ):
        batch.append(key=key.encode(), value=value, timestamp=None, headers=[*first, *headers(key)])
    build = batch._build

    def spoiled() -> bytes:
        data = bytearray(build()).replace(b"name", b"\xff\x00\xfe!")
        data[_CHECKSUM] = struct.pack(">I", calc_crc32c(bytes(data[_CHECKED])))
        return bytes(data)

    batch._build = spoiled
    written = await (await writer.producer.send_batch(batch, writer.topic, partition=partition))
    writer.expected.update(["one", "three"])
    return int(written.offset) + 1
