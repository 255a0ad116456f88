"""Connections to PostgreSQL, with the time-outs that keep a frozen process from stopping its successor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
from pydantic_core import from_json

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[Any] | PoolConnectionProxy[Any]
    Pool = asyncpg.Pool[Any]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

# Below the consumer groups' session time-out of 12 s: who is frozen in a transaction loses it before its partitions.
_TIMEOUTS = {
    "idle_in_transaction_session_timeout": "8s",
    "transaction_timeout": "10s",
    "lock_timeout": "5s",
    "statement_timeout": "9s",
    "tcp_user_timeout": "9s",
}


async def open_pool(url: str, name: str, size: int) -> Pool:
    """A pool of at most `size` connections; it connects lazily, so that a database that is away does not matter yet."""
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        init=use_json,
        timeout=5,
        command_timeout=30,
        max_inactive_connection_lifetime=60,
        server_settings={**_TIMEOUTS, "application_name": name, "timezone": "UTC"},
    )


async def use_json(connection: Connection) -> None:
    """Read jsonb as Python values; write it from text that is JSON already. In the binary format, as COPY needs it."""
    await connection.set_type_codec("jsonb", encoder=_as_jsonb, decoder=_of_jsonb, schema="pg_catalog", format="binary")


def _as_jsonb(text: str) -> bytes:
    return b"\x01" + text.encode()


def _of_jsonb(coded: bytes) -> Any:
    return from_json(coded[1:])
