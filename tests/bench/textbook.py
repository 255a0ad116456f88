"""The textbook's service, as a process: one event, one transaction, one publish, one acknowledgment.

It loses nothing and is what a tutorial ends with; it is the baseline that the message path is measured against.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any

import asyncpg
import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from chassis import logs
from chassis.kafka import Kafka
from tests.bench import parent
from tests.bench.meters import READINGS, TOTALS, Taken, Totalled

_ENTER = "insert into textbook_inbox (event_id) values ($1) on conflict do nothing returning true"
_ADD = """
insert into textbook_meter values ($1, $2)
on conflict (code) do update set total = textbook_meter.total + excluded.total returning total
"""


async def serve(url: str, kafka: Mapping[str, Any], group: str) -> None:
    """Consume until killed."""
    login, go = Kafka(**kafka), asyncio.Event()
    hearing = asyncio.create_task(parent.heard(go))
    pool = await asyncpg.create_pool(url, min_size=1, max_size=4)
    broker = KafkaBroker(login.bootstrap, security=login.security(), acks="all", enable_idempotence=True, logger=None)
    subscriber = broker.subscriber(READINGS, group_id=group, auto_offset_reset="earliest", ack_policy=AckPolicy.MANUAL)

    @subscriber
    async def handle(reading: Taken, message: KafkaMessage) -> None:
        await go.wait()
        async with pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_ENTER, message.headers["ce_id"]):
                return
            total = await connection.fetchval(_ADD, reading.meter, reading.amount)
            said = Totalled(**reading.model_dump(), total=total)
            await broker.publish(said, TOTALS, key=reading.meter.encode(), headers=dict(message.headers))
        await message.ack()

    await broker.start()
    while not (subscriber.consumer and subscriber.consumer.assignment()):
        await asyncio.sleep(0.02)
    print("ready", flush=True)
    await hearing


if __name__ == "__main__":
    told = json.loads(os.environ["BENCH"])
    logs.configure("textbook", "error")
    uvloop.run(serve(**told))
