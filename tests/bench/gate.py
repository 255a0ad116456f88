"""The validity gate: effects are counted in the database, events in Kafka; a figure is given only where all agree."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.bench.ground import Count, Store

_SETTLE_SECONDS = 15.0
_POLL_SECONDS = 0.02

_WAITING = "select exists (select from outbox where published_at is null)"
_PUBLISHED = "select count(*) from outbox where published_at >= $1"
_TAKEN = "select count(*) from inbox where consumer = $1"
_PARKED = "select count(*) from parked"
_TAKEN_BY_THE_TEXTBOOK = "select count(*) from textbook_inbox"


class Invalid(Exception):
    """What was measured did not do its work: the text says what is missing, and no figure is given."""


async def published(store: Store, since: datetime, written: Count, count: int) -> None:
    """As many rows as these are marked since then, and as many records in Kafka, no more. Raises Invalid."""
    end = asyncio.get_running_loop().time() + _SETTLE_SECONDS
    while await store.connection.fetchval(_WAITING) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(_POLL_SECONDS)
    marked = await store.connection.fetchval(_PUBLISHED, since)
    agree(
        {"published rows": count, "records in Kafka": count},
        {"published rows": marked, "records in Kafka": await written()},
    )


async def taken(store: Store, group: str, count: int) -> None:
    """As many events as these are in the inbox, and none was parked. Raises Invalid."""
    found = {
        "inbox rows": await store.connection.fetchval(_TAKEN, group),
        "parked records": await store.connection.fetchval(_PARKED),
    }
    agree({"inbox rows": count, "parked records": 0}, found)


async def published_and_taken(store: Store, written: Count, count: int) -> None:
    """The textbook publishes and then commits: its last commits may come after its last record. Raises Invalid."""
    end = asyncio.get_running_loop().time() + _SETTLE_SECONDS
    while (found := await store.connection.fetchval(_TAKEN_BY_THE_TEXTBOOK)) < count:
        if asyncio.get_running_loop().time() > end:
            break
        await asyncio.sleep(_POLL_SECONDS)
    agree({"inbox rows": count, "records in Kafka": count}, {"inbox rows": found, "records in Kafka": await written()})


async def totals(store: Store, table: str, expected: Mapping[str, int]) -> None:
    """Each meter comes to what its readings add up to. Raises Invalid."""
    agree(expected, dict(await store.connection.fetch(f"select code, total from {table}")))


def agree(expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raises Invalid, naming what differs: some of it, where it is much."""
    keys = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    if keys:
        shown = ", ".join(f"{key}: {found.get(key)} ≠ {expected.get(key)}" for key in keys[:5])
        more = f" (+{len(keys) - 5})" if len(keys) > 5 else ""
        raise Invalid(f"lần đo không hợp lệ, không đưa số · not valid, no figure is given: {shown}{more}")
