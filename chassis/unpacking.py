"""Unpacking compressed batches up to a bound: a megabyte of zstd may say gigabytes, and strangers write to Kafka too.

aiokafka 0.14 unpacks a batch whole, in four functions of its own. `bound()` gives it these instead, which raise
TooLarge; then `fetching` reads that turn by the tolerant parser, which keeps the batch as it is.
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable
from typing import Any

import cramjam
from aiokafka.codec import _detect_xerial_stream
from aiokafka.record import default_records
from aiokafka.record._crecords import default_records as compiled

# A batch is at most a megabyte as it is sent (message.max.bytes); JSON becomes a tenth of itself at best.
MOST_BYTES = 16 * 2**20

_XERIAL_HEADER = 16
_LENGTH = struct.Struct("!i")


class TooLarge(Exception):
    """A batch that unpacks to more than MOST_BYTES."""

    def __init__(self) -> None:
        super().__init__(f"unpacks to more than {MOST_BYTES // 2**20} MiB")


def gunzip(packed: bytes) -> bytes:
    """Raises TooLarge, OSError, EOFError, zlib.error."""
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        found = file.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise TooLarge
    return found


def unsnap(packed: bytes) -> bytes:
    """Snappy, raw or in the blocks of the xerial library. Raises TooLarge, ValueError, cramjam.DecompressionError."""
    if not _detect_xerial_stream(packed):
        return _unsnapped(packed, MOST_BYTES)
    found, at = bytearray(), _XERIAL_HEADER
    while at < len(packed):
        (length,) = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size
        if not 0 < length <= len(packed) - at:
            raise ValueError("a block goes beyond its batch")
        found += _unsnapped(packed[at : at + length], MOST_BYTES - len(found))
        at += length
    return bytes(found)


def unlz4(packed: bytes) -> bytes:
    """Raises TooLarge, cramjam.DecompressionError."""
    return _into(cramjam.lz4.decompress_into, packed)


def unzstd(packed: bytes) -> bytes:
    """Raises TooLarge, cramjam.DecompressionError."""
    return _into(cramjam.zstd.decompress_into, packed)


def bound() -> None:
    """Have the client unpack by these, in its compiled parser and in the other one; again and again does no harm."""
    for module in (default_records, compiled):
        vars(module).update(gzip_decode=gunzip, snappy_decode=unsnap, lz4_decode=unlz4, zstd_decode=unzstd)


def _unsnapped(packed: bytes, most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(packed) > most:
        raise TooLarge
    return bytes(cramjam.snappy.decompress_raw(packed))


def _into(unpack: Callable[[Any, Any], int], packed: bytes) -> bytes:
    """Into room of the largest size, of which the system gives only what is written to."""
    room = bytearray(MOST_BYTES)
    try:
        length = unpack(packed, room)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise TooLarge from None
        raise
    return bytes(memoryview(room)[:length])
