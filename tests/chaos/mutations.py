"""Mistakes that a message path can be built with, put in from outside: the oracle must see each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer

from chassis import inbox, outbox
from chassis.consumer import Consumer
from chassis.postgres import use_json
from chassis.relay import Relay, _Session
from tests.chaos.seams import Around, wrap

_LOCK_SOME = """
select position, aggregatetype, aggregateid, payload, headers, created_at from outbox
where published_at is null order by position limit 3 for update skip locked
"""

log = structlog.get_logger()


def commit_offsets_first() -> None:
    """Offsets are committed as soon as a batch is fetched, before its transaction."""

    async def fetch(original: Around, self: Any, *args: Any, **kwargs: Any) -> Any:
        found = await original(self, *args, **kwargs)
        if found:
            await self.commit()
        return found

    wrap(AIOKafkaConsumer, "getmany", fetch)


def skip_the_inbox() -> None:
    """Every record is taken for a new one."""

    async def take(original: Around, connection: Any, consumer: str, ids: Any) -> Any:
        return set(ids)

    wrap(inbox, "take", take)


def publish_before_commit() -> None:
    """What a transaction has to say is given to the relay at once, whether or not the transaction will commit."""

    async def insert(original: Around, connection: Any, rows: Any) -> None:
        if not rows:
            return
        own = await asyncpg.connect(os.environ["MOTCUA_DATABASE_URL"])
        try:
            await use_json(own)
            await original(own, rows)
        finally:
            await own.close()

    wrap(outbox, "insert", insert)


def skip_locked_relay() -> None:
    """Relays work side by side, each on rows that no other one has locked; it holds its own until they are marked."""

    async def lock(original: Around, session: Any) -> bool:
        return True

    async def claim(original: Around, connection: Any, *limits: int) -> Any:
        await connection.execute("begin")
        rows = await connection.fetch(_LOCK_SOME)
        if not rows:
            await connection.execute("commit")
        return rows

    async def publish(original: Around, self: Any, producer: Any, session: Any, *hand: Any) -> None:
        await original(self, producer, session, *hand)
        await session.run(lambda connection: connection.execute("commit"))

    wrap(_Session, "take_lock", lock)
    wrap(outbox, "claim", claim)
    wrap(Relay, "_publish", publish)


def acknowledge_on_error() -> None:
    """A batch that fails is done with: its offsets are committed like any other's."""

    async def take(original: Around, *args: Any) -> None:
        try:
            await original(*args)
        except Exception as error:
            log.warning("batch failed and is acknowledged", reason=type(error).__name__)

    wrap(Consumer, "take", take)


MUTATIONS: Mapping[str, Callable[[], None]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        commit_offsets_first,
        skip_the_inbox,
        publish_before_commit,
        skip_locked_relay,
        acknowledge_on_error,
    )
}
