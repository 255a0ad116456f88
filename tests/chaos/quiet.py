"""Waits until nothing moves any more: what is still under way, told by the databases, Kafka and the outside world."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.plan import SERVICES
from tests.chaos import evidence
from tests.chaos.log import Log
from tests.chaos.people import People
from tests.chaos.stack import Stack

# About these dossiers, or about all that there are; what was given up is never explained.
_UNDER_WAY = """
select 'rows in the outbox', count(*) from outbox where published_at is null
union all select 'outside calls', count(*) from call where $1::text[] is null or split_part(key, '/', 1) = any($1)
union all select 'due timers', count(*) from timer
    where due_at < now() and ($1::text[] is null or split_part(key, '/', 1) = any($1))
union all select 'parked records', count(*) from parked
    where open_key is not null and ($1::text[] is null or open_key = any($1))
    or state = 'parked' and record_key is null
    or state = 'discarded' and $1::text[] is null
"""


async def wait(stack: Stack, log: Log, people: People, wanted: Collection[str] | None, seconds: float) -> list[str]:
    """Wait until all is quiet, everywhere or about these dossiers; answers what still moves when `seconds` are over."""
    end = time.monotonic() + seconds
    while True:
        moving = await _moving(stack, log, people, wanted)
        if not moving and not (moving := await _moving(stack, log, people, wanted)):
            return []
        if time.monotonic() > end:
            return moving
        await asyncio.sleep(0.3)


async def _moving(stack: Stack, log: Log, people: People, wanted: Collection[str] | None) -> list[str]:
    found = []
    for name in SERVICES:
        database = await stack.database(name)
        try:
            rows = await database.fetch(_UNDER_WAY, wanted)
            found += [f"{name}: {count} {what}" for what, count in rows if count]
        finally:
            await database.close()
    if pending := (await people.look("gateway", "/_control/webhooks?limit=1"))["states"].get("pending"):
        found.append(f"gateway: {pending} webhooks")
    if owed := evidence.receipts_owed(stack, wanted):
        found.append(f"the carrier owes {owed} receipts")
    try:
        if behind := await log.behind():
            found.append(f"the suite has not read {behind} records")
        found += [f"{group}: {lag} records behind" for group, lag in (await _lags(stack, log)).items() if lag]
    except (KafkaError, OSError) as error:
        found.append(f"Kafka: {type(error).__name__}")
    return found


async def _lags(stack: Stack, log: Log) -> dict[str, int]:
    """How far each consumer group is behind the end of what it reads."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.admin.bootstrap, **stack.admin.options)
    await admin.start()
    try:
        groups = [group for group, *_ in await admin.list_consumer_groups()]
        ends = await log.consumer.end_offsets(log.consumer.assignment())
        return {group: await _lag(admin, group, ends) for group in groups}
    finally:
        await admin.close()


async def _lag(admin: AIOKafkaAdminClient, group: str, ends: dict[TopicPartition, int]) -> int:
    committed = await admin.list_consumer_group_offsets(group)
    topics = {partition.topic for partition in committed}
    behind = 0
    for partition, end in ends.items():
        if partition.topic in topics:
            found = committed.get(partition)
            behind += end - (found.offset if found is not None and found.offset > 0 else 0)
    return behind
