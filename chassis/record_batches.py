"""Kafka's record batches read with tolerance: for records that the client's own parser refuses.

The format is version 2 of https://kafka.apache.org/documentation/#recordbatch; older ones carry no headers and no
broker that is served here keeps them. The batch's frame and checksum are left to aiokafka.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.util import decode_varint

from chassis import unpacking
from chassis.parking import Record

_LENGTH, _MAGIC = struct.Struct(">i"), struct.Struct(">b")
_LENGTH_AT, _FRAME, _MAGIC_AT = 8, 12, 16
_SMALLEST = 61  # bytes of a batch without records

UNOPENED = "motcua_unopened"


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in a piece of a partition: its records, where to go on, and what hinders it there, if anything does."""

    records: Sequence[Record]
    position: int
    trouble: str | None = None


def read(data: bytes, place: TopicPartition, position: int, most: int) -> Read:
    """At most `most` records from `position` on, as a fetch answered them; a batch cut off at the end is left for later.

    A header's name that is not UTF-8 keeps its bytes as lone surrogates (`errors="surrogateescape"`). A batch whose
    checksum does not fit, that is compressed by a method unknown here or is built otherwise than it says is trouble:
    reading ends before it. One that would unpack to too much is given as one record: the batch as it is, under the
    offset of its last record, with a header UNOPENED that says why.
    """
    unpacking.bound()
    records, at = list[Record](), 0
    while len(records) < most and (whole := _next(data, at)) is not None:
        at += len(whole)
        try:
            batch = _opened(whole)
            if batch.is_control_batch or batch.next_offset <= position:
                position = max(position, batch.next_offset)
                continue
            found = [record for record in _unpacked(batch, whole, place) if record.offset >= position]
        except Exception as error:
            return Read(records, position, f"{type(error).__name__}: {error}")
        if len(records) + len(found) > most:
            found = found[: most - len(records)]
            return Read([*records, *found], found[-1].offset + 1)
        records += found
        position = batch.next_offset
    return Read(records, position)


def _next(data: bytes, at: int) -> bytes | None:
    if at + _FRAME > len(data):
        return None
    (length,) = _LENGTH.unpack_from(data, at + _LENGTH_AT)
    end = at + _FRAME + max(0, length)
    return data[at:end] if end <= len(data) else None


def _opened(whole: bytes) -> Any:
    if len(whole) < _SMALLEST or _MAGIC.unpack_from(whole, _MAGIC_AT)[0] != 2:
        raise ValueError("not a batch of version 2")
    batch = _DefaultRecordBatchPy(whole)
    if not batch.validate_crc():
        raise ValueError("the checksum does not fit")
    return batch


def _unpacked(batch: Any, whole: bytes, place: TopicPartition) -> Sequence[Record]:
    try:
        return _records(batch, place)
    except unpacking.TooLarge as error:
        return [_kept(batch, whole, place, f"a batch of {batch._num_records} records {error}")]


def _records(batch: Any, place: TopicPartition) -> Sequence[Record]:
    iter(batch)  # decompresses
    buffer, position, records = batch._buffer, batch._pos, list[Record]()
    for _ in range(batch._num_records):
        record, position = _record(batch, buffer, position, place)
        records.append(record)
    return records


def _record(batch: Any, buffer: bytearray, position: int, place: TopicPartition) -> tuple[Record, int]:
    length, position = decode_varint(buffer, position)
    end = position + length
    later, position = decode_varint(buffer, position + 1)  # behind the attributes, which mean nothing yet
    further, position = decode_varint(buffer, position)
    key, position = _bytes(buffer, position)
    value, position = _bytes(buffer, position)
    count, position = decode_varint(buffer, position)
    headers = list[tuple[str, bytes | None]]()
    for _ in range(count):
        name, position = _bytes(buffer, position)
        content, position = _bytes(buffer, position)
        headers.append(((name or b"").decode(errors="surrogateescape"), content))
    if position != end:
        raise ValueError("a record is not as long as it says")
    by_broker = batch.timestamp_type == batch.LOG_APPEND_TIME
    timestamp = batch.max_timestamp if by_broker else batch.first_timestamp + later
    return _record_of(batch, place, batch.base_offset + further, timestamp, key, value, tuple(headers)), end


def _kept(batch: Any, whole: bytes, place: TopicPartition, reason: str) -> Record:
    headers = ((UNOPENED, reason.encode()),)
    return _record_of(batch, place, batch.next_offset - 1, batch.max_timestamp, None, whole, headers)


def _record_of(
    batch: Any,
    place: TopicPartition,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    headers: tuple[tuple[str, bytes | None], ...],
) -> Record:
    return ConsumerRecord(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=timestamp,
        timestamp_type=batch.timestamp_type,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=-1 if key is None else len(key),
        serialized_value_size=-1 if value is None else len(value),
        headers=headers,
    )


def _bytes(buffer: bytearray, position: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    end = position + length
    if end > len(buffer):
        raise ValueError("a field goes beyond its batch")
    return bytes(buffer[position:end]), end
