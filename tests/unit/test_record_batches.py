"""The tolerant parser of record batches, beside the client's own: the same where that one can read, and never an exception."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as some

from chassis import unpacking
from chassis.record_batches import UNOPENED, read

PLACE = TopicPartition("batches.v1", 3)
_BASE, _CHECKSUM, _CHECKED = slice(0, 8), slice(17, 21), slice(21, None)
_CODECS = (0, 1, 2, 3, 4)

Written = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]

written = some.tuples(
    some.none() | some.binary(max_size=20),
    some.none() | some.binary(max_size=200),
    some.lists(some.tuples(some.text(max_size=5), some.none() | some.binary(max_size=10)), max_size=4),
)
batches = some.lists(some.tuples(some.sampled_from(_CODECS), some.lists(written, min_size=1, max_size=6)), max_size=4)


def batch(records: list[Written], base: int = 0, codec: int = 0) -> bytes:
    """One batch as a broker keeps it, its first record at offset `base`."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    for number, (key, value, headers) in enumerate(records):
        builder.append(number, timestamp=1_000 + number, key=key, value=value, headers=headers)
    data = bytearray(builder.build())
    data[_BASE] = struct.pack(">q", base)
    return bytes(data)


def spoiled(data: bytes, old: bytes, new: bytes) -> bytes:
    """The batch with other bytes in its records, and a checksum that fits them."""
    changed = bytearray(data.replace(old, new))
    changed[_CHECKSUM] = struct.pack(">I", calc_crc32c(bytes(changed[_CHECKED])))
    return bytes(changed)


def as_the_client_reads(data: bytes) -> list[tuple[Any, ...]]:
    found, memory = list[tuple[Any, ...]](), MemoryRecords(data)
    while memory.has_next():
        found += [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in memory.next_batch()]
    return found


@given(batches)
def test_what_the_client_can_read_is_read_alike(chosen: list[tuple[int, list[Written]]]) -> None:
    data, base = b"", 7
    for codec, records in chosen:
        data += batch(records, base, codec)
        base += len(records)
    found = read(data, PLACE, 7, 1_000)
    assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in found.records] == as_the_client_reads(data)
    assert (found.position, found.trouble) == (base, None)
    assert all((r.topic, r.partition) == PLACE for r in found.records)


@given(batches.filter(bool), some.integers(min_value=1, max_value=5), some.integers(min_value=0, max_value=12))
def test_reading_in_pieces_gives_every_record_once_from_the_position_on(
    chosen: list[tuple[int, list[Written]]], most: int, begin: int
) -> None:
    data, base = b"", 0
    for codec, records in chosen:
        data += batch(records, base, codec)
        base += len(records)
    position, offsets = begin, list[int]()
    while (found := read(data, PLACE, position, most)).records:
        assert len(found.records) <= most
        offsets += [record.offset for record in found.records]
        position = found.position
    assert offsets == list(range(begin, base))


@given(batches.filter(bool), some.data())
def test_whatever_the_bytes_are_it_never_raises_and_never_goes_back(
    chosen: list[tuple[int, list[Written]]], data: some.DataObject
) -> None:
    whole = bytearray(b"".join(batch(records, 10 * number, codec) for number, (codec, records) in enumerate(chosen)))
    for _ in range(data.draw(some.integers(1, 3))):
        whole[data.draw(some.integers(0, len(whole) - 1))] = data.draw(some.integers(0, 255))
    cut = data.draw(some.integers(0, len(whole)))
    assert read(bytes(whole[:cut]), PLACE, 5, 100).position >= 5


def test_a_name_that_is_not_text_keeps_its_bytes() -> None:
    """And its neighbours in the batch are read as if nothing were."""
    records: list[Written] = [(b"k", b"1", []), (b"k", b"2", [("name", b"x"), ("other", None)]), (b"k", b"3", [])]
    found = read(spoiled(batch(records), b"name", b"\xff\x00\xfe!"), PLACE, 0, 100)
    assert [record.value for record in found.records] == [b"1", b"2", b"3"]
    name, value = found.records[1].headers[0]
    assert (name.encode(errors="surrogateescape"), value) == (b"\xff\x00\xfe!", b"x")
    assert found.records[1].headers[1] == ("other", None)


@pytest.mark.parametrize("codec", _CODECS)
def test_a_batch_whose_checksum_does_not_fit_is_trouble_at_its_place(codec: int) -> None:
    """What stands before it is given out, what stands behind it is not."""
    good, bad = batch([(b"k", b"good", [])], 0), bytearray(batch([(b"k", b"bad" * 50, [])], 1, codec))
    bad[-1] ^= 1
    found = read(good + bytes(bad) + batch([(b"k", b"behind", [])], 2), PLACE, 0, 100)
    assert [record.value for record in found.records] == [b"good"]
    assert found.position == 1
    assert "checksum" in str(found.trouble)


def bomb(codec: int, base: int = 0) -> bytes:
    """One record of nothing but zeros that unpacks to more than is unpacked here."""
    record: Written = (b"k", b"\0" * (unpacking.MOST_BYTES + 1), [])
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2 * unpacking.MOST_BYTES,
    )
    builder.append(0, timestamp=1_000, key=record[0], value=record[1], headers=record[2])
    data = bytearray(builder.build())
    data[_BASE] = struct.pack(">q", base)
    return bytes(data)


@pytest.mark.parametrize("codec", _CODECS[1:])
def test_a_batch_that_unpacks_to_too_much_is_given_as_it_is_and_what_stands_behind_it_is_read(codec: int) -> None:
    large = bomb(codec, 1)
    found = read(batch([(b"k", b"before", [])]) + large + batch([(b"k", b"behind", [])], 2), PLACE, 0, 100)
    before, kept, behind = found.records
    assert (before.value, behind.value, found.position, found.trouble) == (b"before", b"behind", 3, None)
    assert (kept.offset, kept.key, kept.value) == (1, None, large)
    assert kept.headers == ((UNOPENED, b"a batch of 1 records unpacks to more than 16 MiB"),)


@pytest.mark.parametrize("codec", _CODECS[1:])
def test_the_client_itself_unpacks_no_more_than_that(codec: int) -> None:
    """Its compiled parser too: by that every usual batch goes."""
    unpacking.bound()
    with pytest.raises(unpacking.TooLarge):
        as_the_client_reads(bomb(codec))


def test_a_snappy_block_that_leads_backwards_ends() -> None:
    """The client's own loop would follow it for ever."""
    xerial = b"\x82SNAPPY\x00" + struct.pack("!ii", 1, 1) + struct.pack("!i", -4)
    with pytest.raises(ValueError, match="beyond"):
        unpacking.unsnap(xerial)


def test_what_unpacks_to_just_as_much_as_is_allowed_is_unpacked() -> None:
    content = b"\0" * unpacking.MOST_BYTES
    assert unpacking.gunzip(gzip_encode(content)) == content
    assert unpacking.unsnap(snappy_encode(content)) == content
    assert unpacking.unlz4(lz4_encode(content)) == content
    assert unpacking.unzstd(zstd_encode(content)) == content
