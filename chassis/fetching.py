"""Fetching so that a record which the Kafka client cannot parse costs no other record.

aiokafka 0.14 raises such an error after it has taken records of other partitions out of its buffer and moved their
positions: they would never be seen, and the next commit of their partition would pass them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from aiokafka.errors import CorruptRecordException, KafkaError

log = structlog.get_logger()


def careful(make: Callable[..., Any]) -> Callable[..., Any]:
    """A maker of consumers whose `getmany` goes back to what is committed before it raises.

    An error that is none of Kafka's is raised as CorruptRecordException, which subscribers wait after.
    """

    def made(*args: Any, **options: Any) -> Any:
        consumer = make(*args, **options)
        fetch = consumer.getmany

        async def getmany(*partitions: Any, **limits: Any) -> Any:
            try:
                return await fetch(*partitions, **limits)
            except Exception as error:
                log.error("records cannot be fetched", reason=type(error).__name__)
                await _go_back(consumer)
                if isinstance(error, KafkaError):
                    raise
                raise CorruptRecordException(f"unreadable: {type(error).__name__}") from None

        consumer.getmany = getmany
        return consumer

    return made


async def _go_back(consumer: Any) -> None:
    """Every partition to the first record that is not committed; what comes again is known to the inbox."""
    for partition in consumer.assignment():
        offset = await consumer.committed(partition)
        if offset is None:
            await consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, offset)
