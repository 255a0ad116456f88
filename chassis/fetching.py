"""Fetching so that a record which the Kafka client cannot parse costs no other record.

aiokafka 0.14 raises on such a record (a header's name that is not UTF-8, a checksum that does not fit) after it has
taken records of other partitions out of its buffer and moved their positions: nobody would ever see them, and the next
commit of their partition would pass them. Then all go back to what is committed, and each partition is fetched by
itself: the one that cannot be read stands still, aloud, and the others flow on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError

_PAUSE_SECONDS = 30.0

log = structlog.get_logger()


def careful(make: Callable[..., Any]) -> Callable[..., Any]:
    """A maker of consumers like `make`, whose `getmany` loses nothing when a record cannot be parsed."""

    def made(*args: Any, **options: Any) -> Any:
        consumer = make(*args, **options)
        fetch = consumer.getmany

        async def getmany(**limits: Any) -> Any:
            try:
                return await fetch(**limits)
            except Exception as error:
                if not _is_unreadable(error):
                    raise
            await _go_back(consumer)
            return await _each_by_itself(consumer, fetch, limits)

        consumer.getmany = getmany
        return consumer

    return made


def _is_unreadable(error: Exception) -> bool:
    if isinstance(error, KafkaError | ConsumerStoppedError):
        return isinstance(error, CorruptRecordException)
    return True


async def _go_back(consumer: Any) -> None:
    """Every partition to the first record that is not committed; what comes again is known to the inbox."""
    for partition in consumer.assignment():
        while partition in consumer.assignment():
            try:
                offset = await consumer.committed(partition)
                if offset is None:
                    await consumer.seek_to_beginning(partition)
                else:
                    consumer.seek(partition, offset)
                break
            except KafkaError as error:
                log.warning("going back waits", reason=type(error).__name__)
                await asyncio.sleep(1)


async def _each_by_itself(consumer: Any, fetch: Callable[..., Awaitable[Any]], limits: dict[str, Any]) -> Any:
    found: dict[Any, Any] = {}
    for partition in consumer.assignment():
        try:
            found |= await fetch(partition, **limits)
        except Exception as error:
            if not _is_unreadable(error):
                raise
            found[partition] = await _before_the_bad_one(fetch, partition, limits)
            log.error(
                "a record cannot be parsed: its partition stands still",
                topic=partition.topic,
                partition=partition.partition,
                offset=await consumer.position(partition),
                reason=type(error).__name__,
            )
            consumer.pause(partition)
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS, _resume, consumer, partition)
    return found


async def _before_the_bad_one(
    fetch: Callable[..., Awaitable[Any]], partition: Any, limits: dict[str, Any]
) -> list[Any]:
    """One by one, so that the partition stands still at the bad record itself."""
    good: list[Any] = []
    with suppress(Exception):
        while one := await fetch(partition, **{**limits, "max_records": 1}):
            good += one[partition]
    return good


def _resume(consumer: Any, partition: Any) -> None:
    with suppress(KafkaError):  # it may be another's by now
        consumer.resume(partition)
