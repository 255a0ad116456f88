"""Whether a file is whole, seen in one pass over its bytes, however they are cut into chunks.

Pictures are walked from marker to marker, since what ends them may also stand in a preview inside them, and cameras
write on behind their end. PDF and ZIP are written from their end, so their last bytes tell.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator
from typing import NamedTuple

PDF, PNG, JPEG, ZIP = b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"PK\x03\x04"

# The longest comment of a ZIP file is 65,535 bytes; before it, room for the directory of some thousand parts.
TAIL_BYTES = 192 * 1024


class TruncatedError(Exception):
    """The file ends before its end."""


class DamagedError(Exception):
    """The file contradicts itself; the text says where."""


Steps = Generator["int | re.Pattern[bytes]", bytes, None]
"""A walk asks for so many bytes, skips (a negative number), or looks for a pattern; it ends when the file is whole."""


class Walk:
    """Takes a walk over chunks; `whole` once it has ended. Raises DamagedError."""

    def __init__(self, steps: Steps) -> None:
        self._steps, self._held, self.whole = steps, b"", False
        self._wants = next(steps)

    def feed(self, chunk: bytes) -> None:
        rest = self._held + chunk
        while not self.whole and rest:
            wants = self._wants
            if isinstance(wants, re.Pattern):
                found = wants.search(rest)
                given, rest = (found[0], rest[found.end() :]) if found else (None, rest[-1:])
            elif wants < 0:
                skipped = min(-wants, len(rest))
                self._wants, rest = wants + skipped, rest[skipped:]
                given = b"" if self._wants == 0 else None
            else:
                given, rest = (rest[:wants], rest[wants:]) if len(rest) >= wants else (None, rest)
            if given is None:
                break
            self._take(given)
        self._held = b"" if self.whole else rest

    def _take(self, given: bytes) -> None:
        try:
            self._wants = self._steps.send(given)
            while self._wants == 0:  # nothing to skip
                self._wants = self._steps.send(b"")
        except StopIteration:
            self.whole = True


def png() -> Steps:
    """Portable Network Graphics (ISO/IEC 15948), 5: a signature, then chunks from IHDR to IEND."""
    yield -len(PNG)
    length, kind = struct.unpack(">I4s", (yield 8))
    if (length, kind) != (13, b"IHDR"):
        raise DamagedError("a PNG file begins with IHDR")
    while kind != b"IEND":
        if length > 0x7FFFFFFF or not kind.isalpha():
            raise DamagedError("a chunk of the PNG file has no name or length")
        yield -(length + 4)
        length, kind = struct.unpack(">I4s", (yield 8))
    yield -(length + 4)


_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


def jpeg() -> Steps:
    """JPEG (ITU-T T.81), B.1: segments of a known length, and behind each start of a scan data up to the next marker."""
    yield -2
    while True:
        filled, marker = yield 2
        while filled == marker == 0xFF:
            (marker,) = yield 1
        if filled != 0xFF or marker < 0xC0:
            raise DamagedError("no marker where a segment of the JPEG file ends")
        while marker == _START_OF_SCAN:
            yield -_length((yield 2))
            _, marker = yield _MARKER
        if marker == _END_OF_IMAGE:
            return
        yield -_length((yield 2))


def _length(field: bytes) -> int:
    """Of the rest of a JPEG segment behind its length, which counts itself."""
    length = int.from_bytes(field)
    if length < 2:
        raise DamagedError("a segment of the JPEG file has no length")
    return length - 2


_PDF_END = re.compile(rb"(?:startxref\s+([0-9]{1,12})\s+)?%%EOF\Z")
_PDF_LINEARIZED = re.compile(rb"/Linearized[^>]{0,200}?/L\s+([0-9]{1,12})")


def check_pdf(head: bytes, tail: bytes, size: int) -> None:
    """PDF (ISO 32000-1), 7.5.5: the last lines say where the cross-references begin, which is inside of the file.

    The first part of a linearized file (annex F) ends in the same way, with a 0 there; its header says the whole length.
    Readers find the objects without those lines too, so a file that only lacks them is whole.
    Raises TruncatedError.
    """
    end = _PDF_END.search(tail.rstrip(b"\x00\t\n\x0c\r "))
    linearized = _PDF_LINEARIZED.search(head)
    outside = end is not None and end[1] is not None and not 0 < int(end[1]) < size
    if end is None or outside or (linearized is not None and int(linearized[1]) > size):
        raise TruncatedError


class Part(NamedTuple):
    """A part of a ZIP file, as its directory lists it."""

    name: str
    encrypted: bool


_END_OF_DIRECTORY = struct.Struct("<4s4H2IH")
_ENTRY = struct.Struct("<4s6H3I5H2I")


def zip_parts(tail: bytes, size: int) -> list[Part]:
    """What the directory at the end of a ZIP file lists (APPNOTE 4.3.12, 4.3.16).

    Raises TruncatedError without an end; DamagedError for a directory that does not fit, or has more than some thousand
    parts, or is in the form for files beyond 4 GiB.
    """
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if len(tail) - at >= _END_OF_DIRECTORY.size:
            _, _, _, _, count, length, offset, comment = _END_OF_DIRECTORY.unpack_from(tail, at)
            whole = at + _END_OF_DIRECTORY.size + comment == len(tail)
            if whole and offset + length == size - len(tail) + at:
                if length > at:
                    raise DamagedError("the ZIP file has too many parts")
                return list(_entries(tail[at - length : at], count))
        at = tail.rfind(b"PK\x05\x06", 0, at)
    raise TruncatedError


def _entries(directory: bytes, count: int) -> Iterator[Part]:
    at = 0
    for _ in range(count):
        if len(directory) - at < _ENTRY.size or directory[at : at + 4] != b"PK\x01\x02":
            raise DamagedError("the directory of the ZIP file is not whole")
        entry = _ENTRY.unpack_from(directory, at)
        flags, (name, extra, comment) = entry[3], entry[10:13]
        at += _ENTRY.size
        yield Part(directory[at : at + name].decode("utf-8", "replace"), bool(flags & 1))
        at += name + extra + comment
