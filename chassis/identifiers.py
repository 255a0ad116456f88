"""UUIDv7 identifiers (RFC 9562): new ones, and ones that follow from another."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from asyncpg.pgproto import pgproto
from uuid_utils import uuid7

_TIME = 0xFFFFFFFFFFFF << 80
_RANDOM = ~(_TIME | 0xF << 76 | 0b11 << 62) & (1 << 128) - 1
_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return pgproto.UUID(uuid7().bytes)


def id_of(text: str) -> UUID:
    """The identifier that `text` writes, ten times as fast as the standard library's. Raises ValueError."""
    return pgproto.UUID(text)


def time_of(identifier: UUID) -> datetime:
    """When a UUIDv7 was drawn, or that which it is derived from: it begins with the milliseconds since 1970."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def derived_id(parent: UUID, name: str) -> UUID:
    """The UUIDv7 that `parent` always gives for `name`: its time, and random bits from a hash of both.

    Lets a pure function name new things: replaying the same message gives the same ids.
    """
    digest = int.from_bytes(sha256(parent.bytes + name.encode()).digest()[:16])
    return UUID(int=parent.int & _TIME | digest & _RANDOM | _VERSION_AND_VARIANT)
